"""The ledger: every event that an inbox row says it caused, or an operator sent, is found, or is named here.

What was caused is read from the inbox of whoever caused it, what became of it from the receiver's inbox, its mails and
the letters; neither side is ever computed from the other. Events for the feed have no receiver of ours.
`sent` looks up what operators sent, `ledger_runs` keeps what was found, and `mending` has it published again.
"""

import http.client
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol

from sqlalchemy import Engine, text

from schemas.events import Exchange
from shared.broker.management import ManagementError, QueueState
from shared.broker.topology import SERVICES, TOPOLOGY
from shared.operations.sent import Sent, fates

_SETTLE_SECONDS: Final = 6.0
"""The broker counts a queue's messages anew every 5 s; only after that can an empty queue be believed."""
NOWHERE: Final = "nowhere"
DEAD_AFTER: Final = "worked, and dead after that"
TWO_CAUSES: Final = "caused by two events"
"""Why an event is named."""


class Verdict(StrEnum):
    """What the ledger says in one word: the first of these that holds."""

    LOST = "lost"
    TWICE = "twice"
    UNDECIDED = "undecided"
    """Some are not found yet: they wait, or are lost."""
    CLEAN = "clean"


class Queues(Protocol):
    """Whoever can say what each queue holds: a ManagementApi."""

    def queues(self) -> Sequence[QueueState]:
        """All queues. Raises ManagementError, OSError or HTTPException where the broker cannot be asked."""


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
    is_retried: bool = False
    """Whether it is a mail that is tried again."""

    @property
    def key(self) -> tuple[object, ...]:
        """What tells it from any other."""
        return self.source, self.id


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
    """What the ledger found. What is `missing` is `lost` for certain, or not found yet.

    `sent` counts what operators sent, and all that follows but `told` counts what became of that too.
    """

    caused: int
    done: int
    dead: int
    told: int
    waiting: Waiting
    missing: tuple[Caused | Sent, ...] = ()
    lost: tuple[Caused | Sent, ...] = ()
    twice: tuple[Caused, ...] = ()
    moved: bool = False
    sent: int = 0

    @property
    def clean(self) -> bool:
        """Whether everything has exactly one fate: done, dead, or waiting as a mail that is tried again."""
        return not self.missing and not self.twice

    @property
    def verdict(self) -> Verdict:
        """All of it in a word."""
        if self.lost:
            return Verdict.LOST
        if self.twice:
            return Verdict.TWICE
        return Verdict.UNDECIDED if self.missing else Verdict.CLEAN


_ROOM_TO_JOIN: Final = text("SELECT set_config('work_mem', '64MB', true), set_config('jit', 'off', true)")
"""In this transaction. PostgreSQL takes an array for 100 entries where we have one, and would compile for seconds."""
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
dead AS (SELECT l.source, l.id, max(l.filed_at) AS at, max(l.filed_at) FILTER (WHERE c.letter_id IS NULL) AS open_at
    FROM letters l LEFT JOIN closings c ON c.letter_id = l.letter_id AND c.at >= l.filed_at
    WHERE l.readable AND (l.origin = :events OR l.reason = 'delivery_limit') GROUP BY l.source, l.id),
repeated AS (SELECT source, id FROM caused WHERE exchange = :events GROUP BY source, id HAVING count(*) > 1),
fates AS MATERIALIZED (
    SELECT c.*, received.at AS done_at, dead.at AS dead_at, dead.open_at, mails.mail_id IS NOT NULL AS is_retried,
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
    ON (f.done_at IS NULL AND f.dead_at IS NULL) OR f.open_at > f.done_at OR f.is_repeated
ORDER BY f.at, f.id
""".format(caused=" UNION ALL ".join(_CAUSED_BY.format(inbox=f"{service}_inbox") for service in SERVICES))  # noqa: S608
"""One statement, so that both sides are read at one moment; always one row at least, for the counts. A letter older
than the receipt is a replay that worked; a younger one is a second fate, until somebody looked and closed it."""


def audit(engine: Engine, api: Queues | None, *, settle_seconds: float | None = None) -> LedgerReport:
    """Reconcile all events. Where some are found nowhere while queues look empty, look again when they surely are.

    Lost is what both looks miss: what was caused between them may be on its way. Raises what SQLAlchemy raises.
    """
    first = _audit_once(engine, api)
    if not first.lost:
        return first
    time.sleep(_SETTLE_SECONDS if settle_seconds is None else settle_seconds)
    second, missed = _audit_once(engine, api), {event.key for event in first.lost}
    return replace(second, lost=tuple(event for event in second.lost if event.key in missed))


def _audit_once(engine: Engine, api: Queues | None) -> LedgerReport:
    before = _depths(api)
    with engine.connect() as connection:
        connection.execute(_ROOM_TO_JOIN)
        rows = connection.execute(text(_FATES), {"events": Exchange.EVENTS.value}).all()
        by_operators = fates(connection)
    after = _depths(api)
    exceptions = [row for row in rows if row.id is not None]
    nowhere = [_caused(row, NOWHERE) for row in exceptions if row.done_at is None and row.dead_at is None]
    missing: tuple[Caused | Sent, ...] = (*nowhere, *by_operators.nowhere)
    waiting = Waiting(_deepest(before, after), sum(event.is_retried for event in missing))
    if not waiting.is_nothing:
        missing = tuple(event for event in missing if not event.is_retried)
    return LedgerReport(
        caused=rows[0].caused,
        done=rows[0].done + by_operators.done,
        dead=rows[0].dead + by_operators.dead,
        told=rows[0].told,
        sent=by_operators.sent,
        waiting=waiting,
        missing=missing,
        lost=missing if waiting.is_nothing else (),
        twice=tuple(_caused(row, _why_twice(row)) for row in exceptions if row.is_repeated or row.done_at),
        moved=before != after,
    )


def _depths(api: Queues | None) -> dict[str, int] | None:
    """The depths of our own queues; what HR systems do not fetch from their feeds is no concern of the ledger."""
    if api is None:
        return None
    try:
        found = api.queues()
    except (ManagementError, OSError, http.client.HTTPException):
        return None
    ours = {queue.name for queue in TOPOLOGY.queues}
    return {queue.name: queue.ready + queue.unacked for queue in found if queue.name in ours}


def _deepest(before: Mapping[str, int] | None, after: Mapping[str, int] | None) -> dict[str, int] | None:
    """What each queue held at most: what was in one before may be on its way from there to its receipt."""
    if before is None or after is None:
        return None
    return {name: max(before.get(name, 0), after.get(name, 0)) for name in (*before, *after)}


def _caused(row: Any, why: str) -> Caused:
    cause = row.inbox, row.cause_source, row.cause_id
    return Caused(row.source, row.id, row.type, *cause, row.at, why, row.is_retried)


def _why_twice(row: Any) -> str:
    return TWO_CAUSES if row.is_repeated else DEAD_AFTER
