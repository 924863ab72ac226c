"""Discarding letters: a row that says who and why, no deletion; it can be taken back."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection, text

from shared.operations import audit
from shared.operations.filters import Filter, Status, where
from shared.operations.letters import letter_named
from shared.operations.standing import DONE_ABOUT

_NAMED_IN_AUDIT: Final = 1000
_DISCARD: Final = (
    "INSERT INTO closings (letter_id, kind, who, reason) SELECT l.letter_id, 'discarded', :who, :why "  # noqa: S608
    f"FROM letters l {DONE_ABOUT}WHERE {{where}} AND c.letter_id IS NULL ORDER BY l.letter_id LIMIT :most "
    "ON CONFLICT (letter_id) DO UPDATE SET kind = excluded.kind, who = excluded.who, reason = excluded.reason, "
    "at = now(), event_source = NULL, event_id = NULL "
    "WHERE closings.at < (SELECT filed_at FROM letters WHERE letter_id = closings.letter_id) RETURNING letter_id"
)
_UNDO: Final = text(
    "DELETE FROM closings WHERE kind = 'discarded' AND letter_id = ANY(CAST(:letters AS bigint[])) RETURNING letter_id"
)


def discard(connection: Connection, wanted: Filter, who: str, reason: str, *, most: int | None = None) -> int:
    """Discard the letters that match and are not closed yet; returns how many. Without a status: open ones."""
    if wanted.status is None and not wanted.letters:
        wanted = replace(wanted, status=Status.OPEN)
    condition, parameters = where(wanted)
    asked = {**parameters, "who": who, "why": reason, "most": most}
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
