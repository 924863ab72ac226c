"""How often something may be tried: rows counted first and checked after, so that any number of processes share them.

Nobody is locked out for good. A government office leaves through one address, so what an address may do is many times
what a person may.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Final

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many tries in a time, counted from the first of them."""

    kind: str
    most: int
    per: timedelta


_MOST_COUNTED: Final = 1_000_000
_FORGOTTEN_AT_ONCE: Final = 10_000

# Sorted, so that two portals that count the same subjects do not wait for each other in a circle.
_COUNT: Final = (
    "INSERT INTO {table} AS held (kind, subject, count, ends_at) "
    "SELECT kind, subject, 1, now() + per FROM unnest(CAST(:kinds AS text[]), CAST(:subjects AS bytea[]), "
    "CAST(:pers AS interval[])) AS tried (kind, subject, per) ORDER BY kind, subject "
    "ON CONFLICT (kind, subject) DO UPDATE SET "
    "count = CASE WHEN held.ends_at <= now() THEN 1 ELSE least(held.count + 1, :most) END, "
    "ends_at = CASE WHEN held.ends_at <= now() THEN excluded.ends_at ELSE held.ends_at END "
    "RETURNING kind, count AS tries, ends_at - now() AS remaining"
)
_STANDING: Final = "SELECT count FROM {table} WHERE kind = :kind AND subject = :subject AND ends_at > now()"
_CLEAR: Final = "DELETE FROM {table} WHERE kind = :kind AND subject = :subject"
_FORGET: Final = (
    "DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} WHERE ends_at < now() LIMIT :most))"
)


@dataclass(frozen=True, slots=True)
class Counts:
    """How tries stand, this one among them. `wait` is how long to wait where one too many was made, else None."""

    counts: dict[str, int]
    wait: timedelta | None


def subject(key: bytes, limit: Limit, of: str) -> bytes:
    """Whom or what is counted, as a keyed digest: no table tells who asked."""
    return hmac.digest(key, f"aktif/limit/{limit.kind}/{of}".encode("utf-8", "surrogatepass"), "sha256")


def network_of(address: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 that one IPv6 customer has (RFC 6177)."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    mapped = getattr(found, "ipv4_mapped", None)
    if found.version == 4 or mapped is not None:
        return str(mapped or found)
    return str(ip_network((found, 64), strict=False))


class Limits:
    """What was tried, in a table of this shape: `kind`, `subject`, `count`, `ends_at`; the key is the first two."""

    def __init__(self, table: str) -> None:
        self._count, self._standing, self._clear, self._forget = (
            text(statement.format(table=table)) for statement in (_COUNT, _STANDING, _CLEAR, _FORGET)
        )

    def count(self, connection: Connection, tried: Sequence[tuple[Limit, bytes]]) -> Counts:
        """Count one try of each subject, and say how they stand afterwards."""
        limits = {limit.kind: limit for limit, _ in tried}
        parameters = {
            "kinds": [limit.kind for limit, _ in tried],
            "subjects": [whom for _, whom in tried],
            "pers": [limit.per for limit, _ in tried],
            "most": _MOST_COUNTED,
        }
        rows = connection.execute(self._count, parameters).all()
        waits = [row.remaining for row in rows if row.tries > limits[row.kind].most]
        return Counts({row.kind: row.tries for row in rows}, max(waits, default=None))

    def standing(self, connection: Connection, limit: Limit, whom: bytes) -> int:
        """How often a subject tried, without counting."""
        return connection.execute(self._standing, {"kind": limit.kind, "subject": whom}).scalar() or 0

    def clear(self, connection: Connection, limit: Limit, whom: bytes) -> None:
        """Count a subject anew: it has shown that it may."""
        connection.execute(self._clear, {"kind": limit.kind, "subject": whom})

    def forget(self, connection: Connection) -> int:
        """Delete a portion of what counts no more; returns how many rows."""
        return connection.execute(self._forget, {"most": _FORGOTTEN_AT_ONCE}).rowcount
