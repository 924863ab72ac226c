"""How far an operation is, and what became of its letters, as inboxes and letters tell it now."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, text

from shared.operations.standing import DIED_AGAIN, RECEIPTS, RESULT, Result


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
    """How far an operation is. `queued`, `waiting`, `worked` and `failed` are all of its letters."""

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
    failed: int

    @property
    def letters(self) -> int:
        """All of them."""
        return self.queued + self.published

    @property
    def published(self) -> int:
        """Those that the broker has."""
        return self.waiting + self.worked + self.failed


@dataclass(frozen=True, slots=True)
class LetterResult:
    """What became of one letter of an operation; `failed_as` is the letter that it ended in."""

    letter_id: int
    replay: int
    result: Result
    failed_as: int | None


_STATE: Final = text("SELECT state FROM operations WHERE operation_id = :operation")
_OF: Final = (
    f"FROM replays r JOIN letters l ON l.letter_id = r.letter_id {RECEIPTS}{DIED_AGAIN}"
    "WHERE r.operation_id = :operation"
)
_COUNTS: Final = f"SELECT {RESULT} AS result, count(*) AS letters {_OF} {{since}}GROUP BY 1"
_RESULTS: Final = (
    f"SELECT * FROM (SELECT r.letter_id, r.replay, {RESULT} AS result, f.letter_id AS failed_as {_OF}) AS results "  # noqa: S608
    "WHERE CAST(:result AS text) IS NULL OR result = :result ORDER BY letter_id LIMIT :limit"
)


def progress(connection: Connection, operation_id: int) -> Progress:
    """How far it is, by what inboxes and letters say now. Raises NotThere."""
    found = connection.execute(
        text("SELECT * FROM operations WHERE operation_id = :operation"), {"operation": operation_id}
    ).first()
    if found is None:
        raise NotThere(f"no replay has the number {operation_id}")
    return _progress(connection, found)


def newest(connection: Connection, *, limit: int = 20, running: bool = False) -> list[Progress]:
    """The newest operations, or the running ones."""
    condition = "state = 'running'" if running else "true"
    statement = f"SELECT * FROM operations WHERE {condition} ORDER BY operation_id DESC LIMIT :limit"  # noqa: S608
    return [_progress(connection, row) for row in connection.execute(text(statement), {"limit": limit}).all()]


def results(
    connection: Connection, operation_id: int, *, only: Result | None = None, limit: int = 1000
) -> list[LetterResult]:
    """What became of each letter of an operation."""
    asked = {"operation": operation_id, "result": only, "limit": limit}
    rows = connection.execute(text(_RESULTS), asked)
    return [LetterResult(row.letter_id, row.replay, Result(row.result), row.failed_as) for row in rows]


def _progress(connection: Connection, row: Row[Any]) -> Progress:
    by_result = counts(connection, row.operation_id)
    return Progress(
        row.operation_id, row.who, row.reason, State(row.state), row.at, row.ended_at, row.rate, row.most,
        row.stop_after, by_result[Result.QUEUED], by_result[Result.WAITING], by_result[Result.WORKED],
        by_result[Result.FAILED],
    )  # fmt: skip


def counts(connection: Connection, operation_id: int, since: datetime | None = None) -> dict[Result, int]:
    """How many of its letters have which result; only of those that were queued since."""
    only = "AND r.queued_at >= :since " if since else ""
    connection.execute(text("SELECT set_config('jit', 'off', true)"))
    rows = connection.execute(text(_COUNTS.format(since=only)), {"operation": operation_id, "since": since})
    return dict.fromkeys(Result, 0) | {Result(row.result): row.letters for row in rows}


def state_of(connection: Connection, operation_id: int) -> State:
    """Where it stands. Raises NotThere."""
    found = connection.execute(_STATE, {"operation": operation_id}).scalar()
    if found is None:
        raise NotThere(f"no replay has the number {operation_id}")
    return State(found)
