"""The ledger: every event that an inbox row says it caused is found exactly once, or is named here.

What was caused is read from the inbox of whoever caused it, what became of it from the receiver's inbox, its mails and
the letters; neither side is ever computed from the other. Events for the feed have no receiver of ours.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from sqlalchemy import Engine, text

from schemas.envelope import Outgoing
from schemas.events import Exchange
from shared.broker.management import QueueState
from shared.broker.topology import SERVICES, TOPOLOGY
from shared.store.inbox import stored

_SETTLE_SECONDS: Final = 6.0
"""The broker counts a queue's messages anew every 5 s; only after that can an empty queue be believed."""
_MENDED_AT_ONCE: Final = 1000


class Queues(Protocol):
    """Whoever can say what each queue holds: a ManagementApi."""

    def queues(self) -> Sequence[QueueState]:
        """All queues."""


@dataclass(frozen=True, slots=True)
class Caused:
    """An event that an inbox row says it caused, found nowhere or twice. `why` says which."""

    source: str
    id: str
    type: str
    inbox: str
    cause_source: str
    cause_id: str
    at: datetime
    why: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is not done yet: messages by queue (None: the broker could not be asked), and mails that are tried again."""

    queues: Mapping[str, int] | None
    retried_mails: int = 0

    @property
    def messages(self) -> int:
        """The messages of all queues; 0 where the broker could not be asked."""
        return sum((self.queues or {}).values())

    @property
    def is_nothing(self) -> bool:
        """Whether it is certain that no queue holds anything."""
        return self.queues is not None and not self.messages


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """What the ledger found. `missing` is lost where `waiting.is_nothing`; else waiting or lost."""

    caused: int
    done: int
    dead: int
    told: int
    waiting: Waiting
    missing: tuple[Caused, ...] = ()
    twice: tuple[Caused, ...] = ()
    moved: bool = False

    @property
    def clean(self) -> bool:
        """Whether every caused event has exactly one fate: done, dead, or waiting as a mail that is tried again."""
        return not self.missing and not self.twice

    @property
    def lost(self) -> tuple[Caused, ...]:
        """What is certainly nowhere."""
        return self.missing if self.waiting.is_nothing else ()


_ROOM_TO_JOIN: Final = text("SELECT set_config('work_mem', '64MB', true), set_config('jit', 'off', true)")
"""In this transaction. PostgreSQL takes an array for 100 entries where we have one, and would compile for seconds."""
_STORED: Final = (
    "SELECT outgoing FROM {inbox} WHERE (source, id) IN "
    "(SELECT * FROM unnest(CAST(:sources AS text[]), CAST(:causes AS text[])))"
)
_CAUSED_BY: Final = (
    "SELECT o -> 'event' ->> 'source' AS source, o -> 'event' ->> 'id' AS id, o -> 'event' ->> 'type' AS type, "
    "CAST(o -> 'event' -> 'data' ->> 'mail_id' AS uuid) AS mail_id, o ->> 'exchange' AS exchange, "
    "'{inbox}' AS inbox, i.source AS cause_source, i.id AS cause_id, i.at "
    "FROM {inbox} i CROSS JOIN LATERAL jsonb_array_elements(i.outgoing) AS o WHERE i.outgoing IS NOT NULL"
)
_FATES: Final = """
WITH caused AS MATERIALIZED ({caused}),
received AS (
    SELECT 'aktif.MailRequested.v1' AS type, source, id, at FROM mailer_inbox
    UNION ALL SELECT 'aktif.MailSettled.v1', source, id, at FROM state_inbox WHERE type = 'aktif.MailSettled.v1'),
dead AS (SELECT source, id, max(filed_at) AS at FROM letters
    WHERE readable AND (origin = :events OR reason = 'delivery_limit') GROUP BY source, id),
repeated AS (SELECT source, id FROM caused WHERE exchange = :events GROUP BY source, id HAVING count(*) > 1),
fates AS MATERIALIZED (
    SELECT c.*, received.at AS done_at, dead.at AS dead_at, mails.mail_id IS NOT NULL AS is_retried,
        repeated.id IS NOT NULL AS is_repeated
    FROM caused c
    LEFT JOIN received USING (type, source, id)
    LEFT JOIN dead USING (source, id)
    LEFT JOIN mails ON mails.mail_id = c.mail_id AND mails.result IS NULL AND c.type = 'aktif.MailRequested.v1'
    LEFT JOIN repeated USING (source, id)
    WHERE c.exchange = :events),
counts AS (
    SELECT count(*) AS caused, count(done_at) AS done,
        count(*) FILTER (WHERE done_at IS NULL AND dead_at IS NOT NULL) AS dead,
        (SELECT count(*) FROM caused WHERE exchange <> :events) AS told
    FROM fates)
SELECT counts.*, f.source, f.id, f.type, f.inbox, f.cause_source, f.cause_id, f.at, f.done_at, f.dead_at, f.is_retried,
    f.is_repeated
FROM counts LEFT JOIN fates f
    ON (f.done_at IS NULL AND f.dead_at IS NULL) OR f.dead_at > f.done_at OR f.is_repeated
ORDER BY f.at, f.id
""".format(caused=" UNION ALL ".join(_CAUSED_BY.format(inbox=f"{service}_inbox") for service in SERVICES))  # noqa: S608
"""One statement, so that both sides are read at one moment; always one row at least, for the counts. A letter older
than the receipt is a replay that worked; a younger one is a second fate."""


def audit(engine: Engine, api: Queues | None, *, settle_seconds: float | None = None) -> LedgerReport:
    """Reconcile all events. Where some are found nowhere while queues look empty, look again when they surely are."""
    report = _audit_once(engine, api)
    if report.lost:
        time.sleep(_SETTLE_SECONDS if settle_seconds is None else settle_seconds)
        report = _audit_once(engine, api)
    return report


def outgoing_of(engine: Engine, events: Sequence[Caused]) -> Iterator[Outgoing]:
    """The events themselves, as the inbox rows of their causes keep them, under the same ids."""
    for inbox in sorted({event.inbox for event in events}):
        of_inbox = [event for event in events if event.inbox == inbox]
        for start in range(0, len(of_inbox), _MENDED_AT_ONCE):
            yield from _stored(engine, inbox, of_inbox[start : start + _MENDED_AT_ONCE])


def _audit_once(engine: Engine, api: Queues | None) -> LedgerReport:
    before = _depths(api)
    with engine.connect() as connection:
        connection.execute(_ROOM_TO_JOIN)
        rows = connection.execute(text(_FATES), {"events": Exchange.EVENTS.value}).all()
    after = _depths(api)
    exceptions = [row for row in rows if row.id is not None]
    nowhere = [row for row in exceptions if row.done_at is None and row.dead_at is None]
    retried = [row for row in nowhere if row.is_retried]
    waiting = Waiting(after if before == after or not after else {**(before or {}), **after}, len(retried))
    if not waiting.is_nothing:
        nowhere = [row for row in nowhere if not row.is_retried]
    return LedgerReport(
        caused=rows[0].caused,
        done=rows[0].done,
        dead=rows[0].dead,
        told=rows[0].told,
        waiting=waiting,
        missing=tuple(_caused(row, "nowhere") for row in nowhere),
        twice=tuple(_caused(row, _why_twice(row)) for row in exceptions if row.is_repeated or row.done_at),
        moved=before != after,
    )


def _depths(api: Queues | None) -> dict[str, int] | None:
    """The depths of our own queues; what HR systems do not fetch from their feeds is no concern of the ledger."""
    if api is None:
        return None
    ours = {queue.name for queue in TOPOLOGY.queues}
    return {queue.name: queue.ready + queue.unacked for queue in api.queues() if queue.name in ours}


def _caused(row: Any, why: str) -> Caused:
    return Caused(row.source, row.id, row.type, row.inbox, row.cause_source, row.cause_id, row.at, why)


def _why_twice(row: Any) -> str:
    return "caused by two events" if row.is_repeated else "worked, and dead after that"


def _stored(engine: Engine, inbox: str, events: Sequence[Caused]) -> Iterator[Outgoing]:
    sources, causes = [event.cause_source for event in events], [event.cause_id for event in events]
    wanted = {event.id for event in events}
    with engine.connect() as connection:
        rows = connection.execute(text(_STORED.format(inbox=inbox)), {"sources": sources, "causes": causes}).all()
    for (outgoing,) in rows:
        yield from (event for event in stored(outgoing) if event.id in wanted)
