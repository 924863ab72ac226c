"""The floor: the same AMQP and SQL traffic as the state worker, hand-written, with no domain logic.

Batches of 500 in one transaction with the same five statements, pipelined confirms, one `multiple` ack; then the next.
"""

import os
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import pika
import psycopg
from pika.channel import Channel

from schemas.events import Exchange
from shared.store.bulk import array_literal

BATCH: Final = 500
_ROWS: Final = {
    "accounts": "account_id uuid, ic_number bpchar, name text, email text, registered_at timestamptz, state text, "
    "hr_source text, hr_time timestamptz",
    "links": "link_id uuid, account_id uuid, purpose text, issued_at timestamptz, mail_id uuid, "
    "mail_requested_at timestamptz, redeemed_at timestamptz, session_digest text, questions_at timestamptz, "
    "completed_at timestamptz, superseded_at timestamptz",
    "history": "account_id uuid, event text, source text, id text, event_time timestamptz, outcome text, reason text, "
    "from_state text, to_state text, detail jsonb",
    "state_inbox": "source text, id text, type text, digest bytea, outcome text, reason text, lane text, "
    "event_time timestamptz, outgoing jsonb",
}
_MAIL: Final = (
    '{"specversion":"1.0","id":"%s","source":"/aktif/state","type":"aktif.MailRequested.v1",'
    '"time":"2026-01-11T08:00:00+08:00","datacontenttype":"application/json","data":{"mail_id":"%s",'
    '"account_id":"%s","link_id":"%s","kind":"activation"}}'
)


def _insert(table: str) -> str:
    columns = [column.split() for column in _ROWS[table].split(", ")]
    names = ", ".join(name for name, _ in columns)
    casts = ", ".join(f"%s::{type_}[]" for _, type_ in columns)
    return f"INSERT INTO {table} ({names}) SELECT * FROM unnest({casts})"


_INSERTS: Final = {table: _insert(table) for table in _ROWS}


class Floor:
    """Everything in the callbacks of one connection."""

    def __init__(self) -> None:
        self._database = psycopg.connect(os.environ["AKTIF_DATABASE_URL"].replace("+psycopg", ""))
        self._taken: list[tuple[int, bytes]] = []
        self._published = 0
        self._confirmed = 0
        self._busy = False

    def opened(self, channel: Channel) -> None:
        """Consume."""
        channel.basic_qos(prefetch_count=3 * BATCH)
        channel.confirm_delivery(lambda frame: self._on_confirm(channel, frame.method))
        channel.basic_consume("state.bulk", self._on_message)

    def _on_message(self, channel: Channel, method: Any, _: object, body: bytes) -> None:
        self._taken.append((method.delivery_tag, body))
        if not self._busy and len(self._taken) >= BATCH:
            self._work(channel)

    def _work(self, channel: Channel) -> None:
        self._busy = True
        batch, self._taken = self._taken[:BATCH], self._taken[BATCH:]
        self._last = batch[-1][0]
        for event in self._store([body for _, body in batch]):
            channel.basic_publish(
                Exchange.EVENTS,
                "bulk.MailRequested",
                event.encode(),
                pika.BasicProperties(
                    delivery_mode=2, content_type="application/cloudevents+json", message_id=event[20:56]
                ),
                mandatory=True,
            )
        self._published += len(batch)

    def _on_confirm(self, channel: Channel, method: Any) -> None:
        self._confirmed = method.delivery_tag if method.multiple else self._confirmed + 1
        if self._confirmed >= self._published:
            channel.basic_ack(self._last, multiple=True)
            self._busy = False
            if len(self._taken) >= BATCH:
                self._work(channel)

    def _store(self, bodies: list[bytes]) -> list[str]:
        count, now = len(bodies), datetime.now(UTC)
        ids = [[uuid.uuid4() for _ in bodies] for _ in range(3)]
        events = [_MAIL % (uuid.uuid4(), mail, account, link) for account, link, mail in zip(*ids, strict=True)]
        names = [str(uuid.uuid4()) for _ in bodies]
        ics = [name[:12] for name in names]

        def same(value: object) -> str:
            return array_literal([value] * count)

        def each(values: Sequence[object]) -> str:
            return array_literal(values)

        with self._database.transaction():
            run = self._database.execute
            run("SELECT 1 FROM accounts WHERE ic_number = ANY(%s::bpchar[]) FOR UPDATE", (each(ics),))
            run(
                "SELECT 1 FROM state_inbox JOIN unnest(%s::text[], %s::text[]) wanted (source, id) USING (source, id)",
                (same("/hr/x"), each(names)),
            )
            run(
                _INSERTS["accounts"],
                (
                    each(ids[0]),
                    each(ics),
                    each(names),
                    each(names),
                    same(now),
                    same("registered"),
                    same("/hr/x"),
                    same(now),
                ),
            )
            run(
                _INSERTS["links"],
                (each(ids[1]), each(ids[0]), same("activation"), same(now), each(ids[2]), same(now), *[same(None)] * 5),
            )
            run(
                _INSERTS["history"],
                (each(ids[0]), same("e"), same("/hr/x"), each(names), same(now), same("applied"), same("registered"),
                 same(None), same("registered"), same(None)),
            )  # fmt: skip
            run(
                _INSERTS["state_inbox"],
                (same("/hr/x"), each(names), same("t"), same(b"d" * 32), same("applied"), same("registered"),
                 same("bulk"), same(now), each([f'[{{"event":{event}}}]' for event in events])),
            )  # fmt: skip
        return events


def main() -> None:
    """Work `state.bulk` until killed; a rest smaller than a batch stays."""
    floor = Floor()
    connection = pika.SelectConnection(
        pika.URLParameters(os.environ["AKTIF_AMQP_URL"]),
        on_open_callback=lambda opened: opened.channel(on_open_callback=floor.opened),
    )
    connection.ioloop.start()


if __name__ == "__main__":
    main()
