"""How often a login may be tried, counted in a table of the console's own.

What one network may try with one name is little; what all may try with it is several times that, so that nobody who
sits elsewhere and knows the name of an operator keeps that operator out.
"""

from datetime import timedelta
from typing import Final

from sqlalchemy import Connection

from shared.web.limits import Counts, Limit, Limits, subject

_QUARTER: Final = timedelta(minutes=15)
FROM_HERE: Final = Limit("login_from_here", 10, _QUARTER)
OF_NAME: Final = Limit("login_name", 50, _QUARTER)
FROM_ADDRESS: Final = Limit("login_address", 100, _QUARTER)
SEARCHES: Final = Limit("search", 100, _QUARTER)

LIMITS: Final = Limits("tries")


def count(connection: Connection, key: bytes, name: str, network: str) -> Counts:
    """Count one try, and say how it stands. A try too many of one network counts against nobody's name."""
    here = LIMITS.count(connection, _from(key, name, network))
    return here if here.wait is not None else LIMITS.count(connection, [_of(key, name)])


def clear(connection: Connection, key: bytes, name: str, network: str) -> None:
    """Count this name anew, here and everywhere: its owner has shown the password."""
    for limit, whom in (_from(key, name, network)[0], _of(key, name)):
        LIMITS.clear(connection, limit, whom)


def is_first_refused(counts: Counts) -> bool:
    """Whether this was the first try too many, of perhaps a great many."""
    return any(counts.counts.get(limit.kind) == limit.most + 1 for limit in (FROM_HERE, OF_NAME, FROM_ADDRESS))


def _from(key: bytes, name: str, network: str) -> list[tuple[Limit, bytes]]:
    of = ((FROM_HERE, f"{name} {network}"), (FROM_ADDRESS, network))
    return [(limit, subject(key, limit, whom)) for limit, whom in of]


def _of(key: bytes, name: str) -> tuple[Limit, bytes]:
    return OF_NAME, subject(key, OF_NAME, name)
