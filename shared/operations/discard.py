"""Discarding letters: a row that says who and why, no deletion; it can be taken back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

from shared.operations import audit
from shared.operations.filters import Filter, Status, where
from shared.operations.letters import letter_named
from shared.operations.standing import DONE_ABOUT

_NAMED_IN_AUDIT: Final = 1000
_NOT_CLOSED: Final = f"FROM letters l {DONE_ABOUT}WHERE {{where}} AND c.letter_id IS NULL"
_COUNT: Final = f"SELECT count(*) {_NOT_CLOSED}"
_DISCARD: Final = (
    "INSERT INTO closings (letter_id, kind, who, reason) SELECT l.letter_id, 'discarded', :who, :why "  # noqa: S608
    f"{_NOT_CLOSED} ORDER BY l.letter_id "
    "ON CONFLICT (letter_id) DO UPDATE SET kind = excluded.kind, who = excluded.who, reason = excluded.reason, "
    "at = clock_timestamp(), event_source = NULL, event_id = NULL, event_body = NULL "
    "WHERE closings.at < (SELECT filed_at FROM letters WHERE letter_id = closings.letter_id) RETURNING letter_id"
)
_UNDO: Final = text(
    "DELETE FROM closings WHERE kind = 'discarded' AND letter_id = ANY(CAST(:letters AS bigint[])) RETURNING letter_id"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How many letters would be discarded, of those that were filed before a moment of the database's clock."""

    letters: int
    at: datetime


def meant(wanted: Filter) -> Filter:
    """Open letters, unless a status is asked for or letters are named."""
    return wanted if wanted.status or wanted.letters else replace(wanted, status=Status.OPEN)


def plan(connection: Connection, wanted: Filter) -> Plan:
    """What `discard` would do now. Changes nothing."""
    at: datetime = connection.execute(text("SELECT now()")).scalar_one()
    condition, parameters = where(meant(wanted).before(at))
    return Plan(connection.execute(text(_COUNT.format(where=condition)), parameters).scalar_one(), at)


def discard(connection: Connection, wanted: Filter, who: str, reason: str) -> int:
    """Discard the letters that are meant and not closed yet; returns how many."""
    wanted = meant(wanted)
    condition, parameters = where(wanted)
    asked = {**parameters, "who": who, "why": reason}
    letters = [row.letter_id for row in connection.execute(text(_DISCARD.format(where=condition)), asked)]
    if letters:
        _audit(connection, who, "discard", letters, reason, filter=wanted.masked())
    return len(letters)


def undo(connection: Connection, letters: Sequence[int], who: str, reason: str) -> int:
    """Open discarded letters again; returns how many."""
    opened = [row.letter_id for row in connection.execute(_UNDO, {"letters": list(letters)})]
    if opened:
        _audit(connection, who, "undo_discard", opened, reason)
    return len(opened)


def _audit(connection: Connection, who: str, what: str, letters: Sequence[int], reason: str, **details: object) -> None:
    """One line for all. Each letter's own row names who, when and why too."""
    subject = letter_named(letters[0]) if len(letters) == 1 else f"{len(letters)} letters"
    named = sorted(letters)[:_NAMED_IN_AUDIT]
    audit.write(connection, who, what, subject, reason, count=len(letters), letters=named, **details)
