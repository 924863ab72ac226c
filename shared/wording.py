"""How numbers, times and numbers of cards are written for operators, in a terminal and in a browser. Pure."""

import re
from datetime import datetime, timedelta
from typing import Final

from shared.clock import MALAYSIA

_SPAN: Final = re.compile(r"(?P<number>\d{1,6})\s*(?P<unit>[smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def clean(text: object) -> str:
    """A text that others wrote, without what would move a terminal's cursor."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))


def at(moment: datetime | None) -> str:
    """`2021-01-11 08:00:00`, in Malaysia's time."""
    return moment.astimezone(MALAYSIA).strftime("%Y-%m-%d %H:%M:%S") if moment else "–"


def age(span: timedelta) -> str:
    """`12 s`, `3 min`, `5 h`, `2 days`."""
    seconds = max(0.0, span.total_seconds())
    if seconds < 10:
        return f"{seconds:.1f} s"
    for most, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h")):
        if seconds < most:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds / 86400:.0f} days"


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 row`, `2,000 rows`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def dashed(ic_number: str) -> str:
    """`850101-03-0007`, as on the card."""
    return f"{ic_number[:6]}-{ic_number[6:8]}-{ic_number[8:]}" if len(ic_number) == 12 else clean(ic_number)


def moment_from(typed: str, now: datetime) -> datetime:
    """A span back from now (`30m`, `2h`, `3d`) or an ISO 8601 time, Malaysia's where it has no offset.

    Raises ValueError for anything else.
    """
    if match := _SPAN.fullmatch(typed.strip()):
        return now - timedelta(**{_UNITS[match["unit"]]: int(match["number"])})
    moment = datetime.fromisoformat(typed.strip())
    return moment if moment.tzinfo else moment.replace(tzinfo=MALAYSIA)
