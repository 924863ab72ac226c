"""Runs of the ledger: each is kept as long as an inbox row, with some of what it found; and what is lost is mended.

What is kept names events by ids of our own, or by the letter that they are about. Their causes are left out, whose ids
are HR's and may say anything.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, text

from shared.broker.publisher import Message
from shared.operations import audit
from shared.operations.ledger import Caused, LedgerReport, Verdict
from shared.operations.mending import messages_of
from shared.operations.results import keep_final
from shared.operations.sent import Sent
from shared.store.retention import ROW_DAYS

MOST_NAMED: Final = 20
"""How many events of each kind are kept by name."""


@dataclass(frozen=True, slots=True)
class Named:
    """An event that was found nowhere or twice; `why` says which, and `letter` about which one an operator sent it."""

    type: str | None
    id: str
    at: datetime
    why: str
    letter: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it was kept; `at` is when it ended. `queues` is None where the broker could not be asked.

    `missing` counts the lost ones too. `nowhere` and `doubled` name the oldest of what is lost (or else missing), and
    of what was found twice.
    """

    ledger_id: int
    at: datetime
    who: str
    seconds: float
    verdict: Verdict
    caused: int
    sent: int
    done: int
    dead: int
    told: int
    retried_mails: int
    missing: int
    lost: int
    twice: int
    queues: Mapping[str, int] | None
    moved: bool
    nowhere: tuple[Named, ...]
    doubled: tuple[Named, ...]
    mended: int

    @property
    def waiting(self) -> int:
        """The messages that the queues held."""
        return sum((self.queues or {}).values())

    @property
    def unfound(self) -> int:
        """What is not found yet, and not called lost."""
        return self.missing - self.lost

    @property
    def left(self) -> int:
        """What is lost and was not published again."""
        return max(0, self.lost - self.mended)


_KEEP: Final = text(
    "INSERT INTO ledgers (who, seconds, verdict, caused, sent, done, dead, told, retried_mails, missing, lost, twice, "
    "queues, moved, found) VALUES (:who, :seconds, :verdict, :caused, :sent, :done, :dead, :told, :retried_mails, "
    ":missing, :lost, :twice, CAST(:queues AS jsonb), :moved, CAST(:found AS jsonb)) RETURNING ledger_id"
)
_FORGET: Final = text("DELETE FROM ledgers WHERE at < now() - make_interval(days => :days)")
_NEWEST: Final = text("SELECT * FROM ledgers ORDER BY ledger_id DESC LIMIT :limit")
_ONE: Final = text("SELECT * FROM ledgers WHERE ledger_id = :ledger")
_MENDED: Final = text("UPDATE ledgers SET mended = mended + :number WHERE ledger_id = :ledger")


def keep(connection: Connection, report: LedgerReport, who: str, seconds: float) -> int:
    """Keep what a run found, and how many seconds it took; returns its number. Runs that are too old are forgotten.

    Results of replays that can change no more are kept too, so that the next run need not look for them.
    """
    keep_final(connection)
    connection.execute(_FORGET, {"days": ROW_DAYS})
    kept: int = connection.execute(_KEEP, {"who": who, "seconds": seconds, **_columns(report)}).scalar_one()
    return kept


def newest(connection: Connection, *, limit: int) -> list[Run]:
    """The newest runs, the last one first."""
    return [_run(row) for row in connection.execute(_NEWEST, {"limit": limit})]


def one(connection: Connection, ledger_id: int) -> Run | None:
    """One run; None where there is none of this number."""
    row = connection.execute(_ONE, {"ledger": ledger_id}).first()
    return _run(row) if row else None


def mend(
    engine: Engine,
    ledger_id: int,
    report: LedgerReport,
    who: str,
    reason: str | None,
    publish: Callable[[Iterator[Message]], int],
) -> int:
    """Publish what is lost again, under the same ids and replay numbers; returns how many events.

    That is safe, and may be done again where `publish` raises: an event takes effect once. The audit is told before.
    """
    with engine.begin() as connection:
        audit.write(connection, who, "mend", ledger_named(ledger_id), reason, events=len(report.lost))
    number = publish(messages_of(engine, report.lost))
    with engine.begin() as connection:
        connection.execute(_MENDED, {"number": number, "ledger": ledger_id})
    return number


def ledger_named(ledger_id: int) -> str:
    """How the audit names a run."""
    return f"ledger {ledger_id}"


def _columns(report: LedgerReport) -> dict[str, Any]:
    waiting = report.waiting
    queues = None if waiting.queues is None else {name: depth for name, depth in waiting.queues.items() if depth}
    found = {"nowhere": _named(report.lost or report.missing), "doubled": _named(report.twice)}
    return {
        "verdict": report.verdict.value,
        "caused": report.caused,
        "sent": report.sent,
        "done": report.done,
        "dead": report.dead,
        "told": report.told,
        "retried_mails": waiting.retried_mails,
        "missing": len(report.missing),
        "lost": len(report.lost),
        "twice": len(report.twice),
        "queues": None if queues is None else json.dumps(queues),
        "moved": report.moved,
        "found": json.dumps(found),
    }


def _named(events: Sequence[Caused | Sent]) -> list[dict[str, Any]]:
    return [
        {"type": event.type, "id": event.id, "at": event.at.isoformat(), "why": event.why, "letter": _letter(event)}
        for event in sorted(events, key=lambda event: event.at)[:MOST_NAMED]
    ]


def _letter(event: Caused | Sent) -> int | None:
    return event.letter_id if isinstance(event, Sent) else None


def _run(row: Row[Any]) -> Run:
    kept = dict(row._mapping)
    found = kept.pop("found")
    nowhere, doubled = (
        tuple(Named(**{**one, "at": datetime.fromisoformat(one["at"])}) for one in found[kind])
        for kind in ("nowhere", "doubled")
    )
    return Run(**{**kept, "verdict": Verdict(kept["verdict"])}, nowhere=nowhere, doubled=doubled)
