"""The worker everybody writes first: one message, one transaction, one confirmed publish, one ack.

It does what the state worker does for a registration: asks the inbox for a repetition, locks the account, writes the
same four rows and publishes the same event. Only the lifecycle is left out.
"""

import json
import os
from typing import Any
from uuid import uuid4

import pika
from pika.adapters.blocking_connection import BlockingChannel
from sqlalchemy import Connection, create_engine, insert, select

from schemas.envelope import Event, Outgoing, caused_id, decode, outgoing
from schemas.events import Exchange, MailKind, MailRequested, Registration
from shared import clock
from shared.store.tables import accounts, history, links, state_inbox


def main() -> None:
    """Work `state.bulk` until killed."""
    connection = pika.BlockingConnection(pika.URLParameters(os.environ["AKTIF_AMQP_URL"]))
    channel = connection.channel()
    channel.confirm_delivery()
    channel.basic_qos(prefetch_count=100)
    engine = create_engine(os.environ["AKTIF_DATABASE_URL"])
    for method, _, body in channel.consume("state.bulk"):
        event = decode(body, Exchange.HR)
        with engine.begin() as database:
            caused = _register(database, event)
        _publish(channel, caused)
        channel.basic_ack(method.delivery_tag)


def _register(database: Connection, event: Event) -> Outgoing:
    person = event.data
    assert isinstance(person, Registration)
    seen = select(state_inbox.c.outgoing).where(state_inbox.c.source == event.source, state_inbox.c.id == event.id)
    known = select(accounts).where(accounts.c.ic_number == person.ic_number).with_for_update()
    assert database.execute(seen).first() is None
    assert database.execute(known).first() is None
    now, account, link, mail = clock.now(), uuid4(), uuid4(), uuid4()
    caused = outgoing(
        MailRequested(mail_id=mail, account_id=account, link_id=link, kind=MailKind.ACTIVATION),
        id=caused_id(event.key, 0, "MailRequested"),
        source="/aktif/state",
        time=now,
        exchange=Exchange.EVENTS,
        routing_key="bulk.MailRequested",
    )
    rows: dict[Any, dict[str, Any]] = {
        accounts: {
            "account_id": account,
            "ic_number": person.ic_number,
            "name": person.name,
            "email": person.email,
            "registered_at": person.registered_at,
            "state": "registered",
            "hr_source": event.source,
            "hr_time": event.time,
        },
        links: {
            "link_id": link,
            "account_id": account,
            "purpose": "activation",
            "issued_at": now,
            "mail_id": mail,
            "mail_requested_at": now,
        },
        history: {
            "account_id": account,
            "event": "ActivationRequested.registration",
            "source": event.source,
            "id": event.id,
            "event_time": event.time,
            "outcome": "applied",
            "reason": "registered",
            "to_state": "registered",
        },
        state_inbox: {
            "source": event.source,
            "id": event.id,
            "type": "aktif.ActivationRequested.v1",
            "digest": event.digest,
            "outcome": "applied",
            "reason": "registered",
            "lane": "bulk",
            "event_time": event.time,
            "outgoing": [
                {"exchange": caused.exchange, "routing_key": caused.routing_key, "event": json.loads(caused.body)}
            ],
        },
    }
    for table, row in rows.items():
        database.execute(insert(table), row)
    return caused


def _publish(channel: BlockingChannel, event: Outgoing) -> None:
    properties = pika.BasicProperties(delivery_mode=2, message_id=event.id, type=event.type)
    channel.basic_publish(event.exchange, event.routing_key, event.body, properties, mandatory=True)


if __name__ == "__main__":
    main()
