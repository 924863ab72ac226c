"""A person's events on their way to the broker."""

from datetime import datetime
from typing import Final
from uuid import uuid4

from schemas.envelope import outgoing
from schemas.events import EventData, Exchange, Lane, routing_key
from shared.web.publishing import PagesPublisher

SOURCE: Final = "/portal"


async def publish(
    publisher: PagesPublisher, data: EventData, at: datetime, *, unconfirmed_is_fine: bool = False
) -> str:
    """Publish as a new event; returns its id once the broker has it on disk. Raises BrokerAway."""
    event_id, key = str(uuid4()), routing_key(Lane.LIVE, data)
    event = outgoing(data, id=event_id, source=SOURCE, time=at, exchange=Exchange.PORTAL, routing_key=key)
    await publisher.publish([event], unconfirmed_is_fine=unconfirmed_is_fine)
    return event_id
