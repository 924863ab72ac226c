"""How often something may be tried: rows counted first and checked after, so that any number of portals share them.

What one address may do with one IC number is little; what all may do with it is several times that, so that a stranger
who knows the number and sits elsewhere does not use up what its owner has. A government office leaves through one
address, so what an address may do in all is many times more, and is set by AKTIF_TRIES_PER_ADDRESS.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from shared.web.limits import Counts, Limit, Limits, network_of, subject

__all__ = ["Counts", "Limit", "count", "forget", "network_of", "standing", "subject"]

_QUARTER: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Those of one thing that people do with an IC number: from one address, from all, and of one address in all."""

    from_here: Limit
    of_account: Limit
    from_address: Limit


def of(what: str, per_address: int, *, from_here: int, of_account: int) -> Bounds:
    """The limits of one thing, each for a quarter of an hour."""
    return Bounds(
        Limit(f"{what}_from_here", from_here, _QUARTER),
        Limit(f"{what}_account", of_account, _QUARTER),
        Limit(f"{what}_address", per_address, _QUARTER),
    )


ANSWERS_OF_LINK: Final = Limit("answers_link", 5, timedelta(days=2))
"""A link ends within a day and its session in half an hour, so this one is never counted anew."""
ANSWERS_OF_ACCOUNT: Final = Limit("answers_account", 15, timedelta(days=1))
"""Who has the mailbox may ask for link after link, and is to guess no more for that."""

LIMITS: Final = Limits("limits")
count, standing, forget = LIMITS.count, LIMITS.standing, LIMITS.forget
