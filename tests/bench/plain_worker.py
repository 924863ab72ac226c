"""The worker everybody writes first: one message, one transaction, one confirmed publish, one ack."""

import os
import uuid
from datetime import UTC, datetime

import pika
import psycopg

from schemas.envelope import decode
from schemas.events import Exchange, Registration


def main() -> None:
    """Work `state.bulk` until killed."""
    connection = pika.BlockingConnection(pika.URLParameters(os.environ["AKTIF_AMQP_URL"]))
    channel = connection.channel()
    channel.confirm_delivery()
    channel.basic_qos(prefetch_count=100)
    database = psycopg.connect(os.environ["AKTIF_DATABASE_URL"].replace("+psycopg", ""))
    for method, _, body in channel.consume("state.bulk"):
        _register(database, body)
        event = f'{{"id":"{uuid.uuid4()}"}}'.encode()
        channel.basic_publish(
            Exchange.EVENTS, "bulk.MailRequested", event, pika.BasicProperties(delivery_mode=2), mandatory=True
        )
        channel.basic_ack(method.delivery_tag)


def _register(database: "psycopg.Connection[tuple[object, ...]]", body: bytes) -> None:
    event = decode(body, Exchange.HR)
    person = event.data
    assert isinstance(person, Registration)
    account, link, now = uuid.uuid4(), uuid.uuid4(), datetime.now(UTC)
    with database.transaction():
        database.execute(
            "INSERT INTO state_inbox (source, id, type, digest, outcome, lane, event_time) "
            "VALUES (%s,%s,%s,%s,%s,%s,%s)",
            (event.source, event.id, "registration", event.digest, "applied", "bulk", event.time),
        )
        database.execute(
            "INSERT INTO accounts (account_id, ic_number, name, email, registered_at, state, hr_source, hr_time) "
            "VALUES (%s,%s,%s,%s,%s,%s,%s,%s)",
            (
                account,
                person.ic_number,
                person.name,
                person.email,
                person.registered_at,
                "registered",
                "/hr",
                event.time,
            ),
        )
        database.execute(
            "INSERT INTO links (link_id, account_id, purpose, issued_at) VALUES (%s,%s,%s,%s)",
            (link, account, "activation", now),
        )
        database.execute(
            "INSERT INTO history (account_id, event, source, id, event_time, outcome, to_state) "
            "VALUES (%s,%s,%s,%s,%s,%s,%s)",
            (account, "registration", event.source, event.id, event.time, "applied", "registered"),
        )


if __name__ == "__main__":
    main()
