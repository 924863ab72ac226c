"""Who is logged in: rows that a browser's secret finds, so that a logout or a removal takes effect at once."""

import hmac
from typing import Final, NamedTuple

from sqlalchemy import Connection, text

from shared.operations.people import Person, Role

LONGEST: Final = "interval '8 hours'"
IDLE: Final = "interval '30 minutes'"
_BEGIN: Final = text("INSERT INTO sessions (digest, name) VALUES (:digest, :name)")
# Somebody who was removed and added again is somebody else.
_FIND: Final = text(
    "SELECT o.name, o.role, o.added_at, o.added_by, s.seen_at < now() - interval '1 minute' AS is_due "  # noqa: S608
    "FROM sessions s JOIN operators o ON o.name = s.name AND o.added_at <= s.begun_at "
    f"WHERE s.digest = :digest AND s.begun_at > now() - {LONGEST} AND s.seen_at > now() - {IDLE}"
)
_SEE: Final = text("UPDATE sessions SET seen_at = now() WHERE digest = :digest")
_END: Final = text("DELETE FROM sessions WHERE digest = :digest")
_FORGET: Final = text(
    f"DELETE FROM sessions WHERE begun_at < now() - {LONGEST} OR seen_at < now() - {IDLE}"  # noqa: S608
)
_IS_THERE: Final = text("SELECT 1 FROM sessions LIMIT 1")


class Session(NamedTuple):
    """A browser's session and whose it is."""

    digest: bytes
    person: Person


def digest_of(key: bytes, secret: str) -> bytes:
    """What the table holds of a browser's secret; another key ends all sessions."""
    return hmac.digest(key, f"aktif/session/{secret}".encode("utf-8", "surrogatepass"), "sha256")


def begin(connection: Connection, digest: bytes, name: str) -> None:
    """Log somebody in; sessions that are over are forgotten."""
    connection.execute(_FORGET)
    connection.execute(_BEGIN, {"digest": digest, "name": name})


def find(connection: Connection, digests: list[bytes], *, is_act: bool) -> Session | None:
    """The session of a browser, by its digest under any of the keys. A page that refreshes itself is no act."""
    for digest in digests:
        row = connection.execute(_FIND, {"digest": digest}).first()
        if row is not None:
            if is_act and row.is_due:
                connection.execute(_SEE, {"digest": digest})
            return Session(digest, Person(row.name, Role(row.role), row.added_at, row.added_by))
    return None


def end(connection: Connection, digest: bytes) -> None:
    """Log out."""
    connection.execute(_END, {"digest": digest})


def is_there(connection: Connection) -> None:
    """Raise where sessions cannot be read."""
    connection.execute(_IS_THERE)
