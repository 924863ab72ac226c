"""What state publishes: events caused by a decision, and answers to HR where one of its events was not carried out."""

import hashlib
from datetime import datetime
from typing import Final

from schemas.envelope import Event, Outgoing, caused_id, outgoing
from schemas.events import (
    EVENT_NAME,
    EventData,
    EventRejected,
    Exchange,
    MailRequested,
    feed_routing_key,
    routing_key,
    system_of,
)
from services.state.decisions import Account, Decision
from shared.broker.verdicts import Dead, Delivery
from shared.store.inbox import Outcome

SOURCE: Final = "/aktif/state"

_WHY: Final = {
    "already_active": "the account is active already",
    "withdrawn": "the registration was withdrawn",
}


def caused(decision: Decision, event: Event, delivery: Delivery, now: datetime) -> tuple[Outgoing, ...]:
    """The events that a decision causes, under ids that are the same whenever it is decided again."""
    if decision.outcome is Outcome.REJECTED and delivery.exchange == Exchange.HR:
        return (
            _rejection(event.key, "EventRejected", decision.reason, None, _WHY.get(decision.reason), delivery, now),
        )
    if not decision.causes or decision.account is None:
        return ()
    return tuple(_caused(data, decision.account, event, delivery, now) for data in decision.causes)


def dead(
    reason: str,
    detail: str,
    field: str | None,
    delivery: Delivery,
    identity: tuple[str, str] | None,
    now: datetime,
) -> Dead:
    """A dead letter, told to HR where HR sent it and its identity can be read.

    An id can be used for several bad messages and a mended one, so the answer's own id derives from the message.
    """
    if delivery.exchange != Exchange.HR or identity is None:
        return Dead(reason, detail, field)
    name = f"EventRejected {hashlib.sha256(delivery.body).hexdigest()}"
    return Dead(reason, detail, field, (_rejection(identity, name, reason, field, detail, delivery, now),))


def _caused(data: EventData, account: Account, event: Event, delivery: Delivery, now: datetime) -> Outgoing:
    if isinstance(data, MailRequested):
        exchange, key = Exchange.EVENTS, routing_key(delivery.lane, data)
    else:
        exchange, key = Exchange.FEED, feed_routing_key(system_of(account.hr_source), data)
    id_ = caused_id(event.key, delivery.replay, EVENT_NAME[type(data)])
    return outgoing(data, id=id_, source=SOURCE, time=now, exchange=exchange, routing_key=key)


def _rejection(
    identity: tuple[str, str],
    name: str,
    reason: str,
    field: str | None,
    detail: str | None,
    delivery: Delivery,
    now: datetime,
) -> Outgoing:
    source, id_ = identity
    data = EventRejected(rejected_source=source, rejected_id=id_, reason=reason, field=field, detail=detail)
    return outgoing(
        data,
        id=caused_id(identity, delivery.replay, name),
        source=SOURCE,
        time=now,
        exchange=Exchange.FEED,
        routing_key=feed_routing_key(system_of(source), data),
    )
