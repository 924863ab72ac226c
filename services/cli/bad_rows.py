"""The rows of a staff list that were refused, in a file that is mended in a spreadsheet and fed again as it is."""

import csv
import re
from collections.abc import Iterator
from io import StringIO
from itertools import count
from pathlib import Path
from typing import Final

from services.cli.output import dashed
from services.cli.staff_cells import Order, ic_number, instant
from services.cli.staff_file import REPORT_COLUMNS, Layout, Row, lenient_cells, read_rows
from services.cli.staff_list import StaffList

_EARLIER: Final = re.compile(r"\.bad(?:-[0-9]+)?$")
_FORMULA: Final = ("=", "+", "-", "@")
_OWNER_ONLY: Final = 0o600


def report(text: str, found: StaffList) -> bytes:
    """The file: line and reason first, then the row as it was; UTF-8 with a byte order mark, for Excel.

    A good IC number gets its dashes and a good time its T, since Excel takes neither for a number or date of its own
    and spoils it; a text that begins like a formula gets an apostrophe. The reader takes all of that off again.
    """
    reasons: dict[int, list[str]] = {}
    for fault in found.faults:
        reasons.setdefault(fault.line, []).append(f"{fault.field} {fault.reason}")
    layout, rows = read_rows(text)
    kept = [place for place, name in enumerate(layout.names) if name not in REPORT_COLUMNS]
    made = StringIO(newline="")
    writer = csv.writer(made, delimiter="," if layout.delimiter == "\t" else layout.delimiter)
    writer.writerow([*REPORT_COLUMNS, *(_disarmed(layout.names[place]) for place in kept)])
    for row in rows:
        if row.line in reasons:
            writer.writerow([row.line, "; ".join(reasons[row.line]), *_cells(row, layout, kept)])
    return b"\xef\xbb\xbf" + made.getvalue().encode("utf-8", "replace")


def keep(content: bytes, beside: Path) -> Path:
    """Write the file beside the staff list, over no other file, and return where; one that is there already will do.

    Raises OSError.
    """
    stem = _EARLIER.sub("", beside.stem)
    for number in count(1):
        path = beside.with_name(f"{stem}.bad{'' if number == 1 else f'-{number}'}.csv")
        if path.exists() and path.read_bytes() == content:
            return path
        try:
            write_new(path, content)
        except FileExistsError:
            continue
        return path
    raise AssertionError("count ends never")


def write_new(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read. Raises OSError, FileExistsError where it is there."""
    path.touch(_OWNER_ONLY, exist_ok=False)
    path.write_bytes(content)


def _cells(row: Row, layout: Layout, kept: list[int]) -> Iterator[str]:
    cells = lenient_cells(row, layout.delimiter)
    columns = {place: column for column, place in layout.places.items()}
    places = [*kept, *range(len(layout.names), len(cells))]
    for place in places:
        cell = _for_excel(cells[place], columns.get(place)) if place < len(cells) else ""
        yield _disarmed(cell)


def _disarmed(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _for_excel(cell: str, column: str | None) -> str:
    try:
        if column == "ic_number":
            return dashed(ic_number(cell))
        if column == "registered_at":
            found = instant(cell)
            return cell if found.order is Order.EITHER else found.at.isoformat()
    except ValueError:
        pass
    return cell
