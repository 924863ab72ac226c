"""What the terminal shows: tables, words and JSON. Piped, it is plain text without colour codes."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final
from uuid import UUID

from rich import box
from rich.console import Console
from rich.table import Table

from shared.clock import MALAYSIA

_PIPED_WIDTH: Final = 160
GOOD, BAD, ODD, QUIET = "green", "bold red", "yellow", "dim"


def console(*, stderr: bool = False) -> Console:
    """A console that takes texts as they are: neither markup nor highlighting."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _PIPED_WIDTH
    return Console(stderr=stderr, width=width, markup=False, highlight=False, emoji=False)


def table(*columns: str, title: str | None = None, right: Sequence[str] = ()) -> Table:
    """A calm table: a line under its head and nothing else; `right` names the columns that hold numbers."""
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    made.title, made.title_justify, made.title_style = title, "left", "bold"
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made


def print_json(data: Any) -> None:
    """Print data as JSON: times in ISO 8601, ids as text."""
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False, default=_plain) + "\n")


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


def _plain(value: object) -> Any:
    match value:
        case datetime():
            return value.astimezone(MALAYSIA).isoformat()
        case timedelta():
            return value.total_seconds()
        case Enum():
            return value.value
        case UUID():
            return str(value)
        case Mapping():
            return dict(value)
        case _:
            raise TypeError(f"{type(value).__name__} is no JSON")
