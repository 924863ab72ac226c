"""What operators write down about letters of one cause, for each other."""

from typing import Final

from sqlalchemy import Connection, text

from shared.logs import unpersonal
from shared.operations import audit

LONGEST: Final = 2000
_WRITE: Final = text(
    "INSERT INTO notes (fingerprint, note, who) VALUES (:fingerprint, :note, :who) "
    "ON CONFLICT (fingerprint) DO UPDATE SET note = excluded.note, who = excluded.who, at = now()"
)
_FORGET: Final = text("DELETE FROM notes WHERE fingerprint = :fingerprint")


def write(connection: Connection, fingerprint: str, note: str, who: str) -> None:
    """Put a note on a group, IC numbers and addresses masked; an empty one takes it away.

    Raises ValueError where it is longer than LONGEST.
    """
    if len(note) > LONGEST:
        raise ValueError(f"a note may have {LONGEST:,} characters")
    if note.strip():
        connection.execute(_WRITE, {"fingerprint": fingerprint, "note": unpersonal(note.strip()), "who": who})
    else:
        connection.execute(_FORGET, {"fingerprint": fingerprint})
    audit.write(connection, who, "note", f"group {fingerprint}", characters=len(note.strip()))
