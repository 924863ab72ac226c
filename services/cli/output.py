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
from shared.wording import age, at, clean, count, dashed

__all__ = ["BAD", "GOOD", "ODD", "QUIET", "age", "at", "clean", "console", "count", "dashed", "print_json", "table"]

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
    """Print data as JSON: times in ISO 8601, ids as text; in ASCII, so that nothing in it speaks to a terminal."""
    sys.stdout.write(json.dumps(data, indent=2, default=_plain) + "\n")


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
