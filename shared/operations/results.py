"""How far an operation is, and what became of its letters, as inboxes and letters tell it now.

Counting looks every letter up in several tables. So the counts of an operation that has ended, and of whose letters
none waits, are kept with it: they can change no more until it is resumed.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, text

from shared.operations.standing import DID, DIED_AGAIN, RECEIPTS, RESULT, Result
from shared.store.planning import plan_anew


class State(StrEnum):
    """Where an operation stands. All but a running one can be resumed, unless it is done."""

    RUNNING = "running"
    CANCELLED = "cancelled"
    STOPPED = "stopped"
    """So many failed again that it ended itself."""
    DONE = "done"


class NotThere(LookupError):
    """No operation has this number."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an operation is. `queued`, `waiting`, `worked`, `rejected` and `failed` are all of its letters.

    `planned` are those and, once it has ended early, the ones that are free again; `cancelled_by` wants it to end.
    """

    operation_id: int
    who: str
    reason: str
    state: State
    at: datetime
    ended_at: datetime | None
    rate: float | None
    most: int | None
    stop_after: int | None
    queued: int
    waiting: int
    worked: int
    rejected: int
    failed: int
    planned: int
    cancelled_by: str | None

    @property
    def letters(self) -> int:
        """All of them."""
        return self.queued + self.published

    @property
    def left(self) -> int:
        """Those that were planned, and not sent before it ended: they are free again."""
        return 0 if self.state in {State.RUNNING, State.DONE} else max(0, self.planned - self.letters)

    @property
    def published(self) -> int:
        """Those that the broker has."""
        return self.waiting + self.worked + self.rejected + self.failed


@dataclass(frozen=True, slots=True)
class LetterResult:
    """What became of one letter of an operation.

    `did` is its event's effect in its worker's word; `failed_as` is the letter that it ended in.
    """

    letter_id: int
    replay: int
    result: Result
    did: str | None
    failed_as: int | None


_UNKEPT: Final = text("SELECT * FROM operations WHERE ended_at IS NOT NULL AND results IS NULL ORDER BY operation_id")
_STATE: Final = text("SELECT state FROM operations WHERE operation_id = :operation")
_OF: Final = (
    f"FROM replays r JOIN letters l ON l.letter_id = r.letter_id {RECEIPTS}{DIED_AGAIN}"
    "WHERE r.operation_id = :operation"
)
_COUNTS: Final = f"SELECT {RESULT} AS result, count(*) AS letters {_OF} {{since}}GROUP BY 1"
_RESULTS: Final = (
    f"SELECT * FROM (SELECT r.letter_id, r.replay, {RESULT} AS result, {DID} AS did, f.letter_id AS failed_as {_OF}) "  # noqa: S608
    "AS results WHERE CAST(:result AS text) IS NULL OR result = :result ORDER BY letter_id LIMIT :limit"
)
_KEEP: Final = text(
    "UPDATE operations SET results = CAST(:results AS jsonb) WHERE operation_id = (SELECT operation_id FROM operations "
    "WHERE operation_id = :operation AND ended_at = :ended_at FOR UPDATE SKIP LOCKED)"
)
"""Who holds the row may be resuming it; and one that was resumed and has ended since ended at another time."""


def progress(connection: Connection, operation_id: int) -> Progress:
    """How far it is, by what inboxes and letters say now. Raises NotThere."""
    found = connection.execute(
        text("SELECT * FROM operations WHERE operation_id = :operation"), {"operation": operation_id}
    ).first()
    if found is None:
        raise NotThere(f"no replay has the number {operation_id}")
    return _progress(connection, found)


def newest(
    connection: Connection, *, limit: int = 20, running: bool = False, before: int | None = None
) -> list[Progress]:
    """The newest operations, or the running ones; `before` is the number of the last one of the page before."""
    condition = "state = 'running'" if running else "true"
    statement = (
        f"SELECT * FROM operations WHERE {condition} AND (CAST(:before AS bigint) IS NULL OR operation_id < :before) "  # noqa: S608
        "ORDER BY operation_id DESC LIMIT :limit"
    )
    rows = connection.execute(text(statement), {"limit": limit, "before": before}).all()
    return [_progress(connection, row) for row in rows]


def results(
    connection: Connection, operation_id: int, *, only: Result | None = None, limit: int = 1000
) -> list[LetterResult]:
    """What became of each letter of an operation."""
    asked = {"operation": operation_id, "result": only, "limit": limit}
    rows = connection.execute(text(_RESULTS), asked)
    return [LetterResult(row.letter_id, row.replay, Result(row.result), row.did, row.failed_as) for row in rows]


def keep_final(connection: Connection) -> None:
    """Keep the counts of every operation that has ended and of whose letters none waits."""
    for row in connection.execute(_UNKEPT).all():
        _counted(connection, row)


def _progress(connection: Connection, row: Row[Any]) -> Progress:
    by_result = _final(row) or _counted(connection, row)
    planned = sum(by_result.values()) if row.planned is None else row.planned
    return Progress(
        row.operation_id, row.who, row.reason, State(row.state), row.at, row.ended_at, row.rate, row.most,
        row.stop_after, by_result[Result.QUEUED], by_result[Result.WAITING], by_result[Result.WORKED],
        by_result[Result.REJECTED], by_result[Result.FAILED], planned, row.cancelled_by,
    )  # fmt: skip


def _final(row: Row[Any]) -> dict[Result, int] | None:
    return {result: row.results.get(result, 0) for result in Result} if row.results is not None else None


def _counted(connection: Connection, row: Row[Any]) -> dict[Result, int]:
    found = counts(connection, row.operation_id)
    if row.ended_at is not None and not found[Result.QUEUED] + found[Result.WAITING]:
        kept = {"operation": row.operation_id, "ended_at": row.ended_at, "results": json.dumps(found)}
        connection.execute(_KEEP, kept)
    return found


def counts(connection: Connection, operation_id: int, since: datetime | None = None) -> dict[Result, int]:
    """How many of its letters have which result; only of those that were queued since."""
    only = "AND r.queued_at >= :since " if since else ""
    plan_anew(connection)
    rows = connection.execute(text(_COUNTS.format(since=only)), {"operation": operation_id, "since": since})
    return dict.fromkeys(Result, 0) | {Result(row.result): row.letters for row in rows}


def state_of(connection: Connection, operation_id: int) -> State:
    """Where it stands. Raises NotThere."""
    found = connection.execute(_STATE, {"operation": operation_id}).scalar()
    if found is None:
        raise NotThere(f"no replay has the number {operation_id}")
    return State(found)
