"""A staff list as HR exports it: CSV in, events out, and every bad row with its line, field and reason."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Final

from pydantic import ValidationError

from schemas.envelope import Outgoing
from schemas.events import Lane, Registration
from services.cli.publishing import hr_event
from services.cli.staff_cells import MonthFirst, Order, ic_number, instant
from services.cli.staff_file import COLUMNS, Layout, Row, read_rows

_ID_LENGTH: Final = 40
_LINES_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field of one line."""

    line: int
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What all events of one file have in common. `salt` makes the ids of `--again` new ones."""

    source: str
    time: datetime
    lane: Lane
    notify: bool = True
    salt: str = ""


@dataclass(slots=True)
class StaffList:
    """What was read of a file: its good rows, as compact as may be, and the faults of the others, by line."""

    terms: Terms
    layout: Layout
    rows: int = 0
    good: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def events(self) -> Iterator[Outgoing]:
        """The registrations of the good rows, the same whenever they are asked for."""
        terms = self.terms
        for content in self.good:
            data = Registration.model_validate_json(content)
            id_ = hashlib.sha256(f"{terms.salt}{content}".encode()).hexdigest()[:_ID_LENGTH]
            yield hr_event(data, id=id_, source=terms.source, time=terms.time, lane=terms.lane)


def read(text: str, terms: Terms) -> StaffList:
    """Read a whole file. Raises BadFile."""
    layout, rows = read_rows(text)
    reader = _Reader(StaffList(terms, layout))
    for row in rows:
        reader.take(row)
    return reader.finish()


@dataclass(slots=True)
class _Good:
    """A row that is good by itself, as JSON."""

    line: int
    ic_number: str
    content: str
    order: Order


@dataclass(slots=True)
class _Reader:
    """Row after row; what only the whole file can tell is judged at the end."""

    found: StaffList
    good: list[_Good] = field(default_factory=list)
    lines_of: dict[str, list[int]] = field(default_factory=dict)
    month_first: int | None = None
    is_day_first: bool = False

    def take(self, row: Row) -> None:
        self.found.rows += 1
        faults = self._take(row)
        self.found.faults += [Fault(row.line, name, faults[name]) for name in ("row", *COLUMNS) if name in faults]

    def finish(self) -> StaffList:
        month_first = None if self.is_day_first else self.month_first
        for row in self.good:
            others = self.lines_of[row.ic_number]
            if len(others) > 1:
                self._refuse(row, "ic_number", f"is also on {_lines(others, row.line)}; only one row may have it")
            elif month_first and row.order is Order.EITHER:
                self._refuse(row, "registered_at", f"may have its month first, as line {month_first} has")
            else:
                self.found.good.append(row.content)
        self.found.faults.sort(key=lambda fault: fault.line)
        return self.found

    def _take(self, row: Row) -> dict[str, str]:
        """Keep a good row, or say what is wrong with it, by field."""
        if fault := _misshapen(row.cells, self.found.layout):
            return {"row": fault}
        values, order, faults = self._convert(row)
        if "ic_number" not in faults:
            self.lines_of.setdefault(values["ic_number"], []).append(row.line)
        registration = _registration(values, faults, notify=self.found.terms.notify)
        if registration is not None:
            self.good.append(_Good(row.line, registration.ic_number, registration.model_dump_json(), order))
        return faults

    def _convert(self, row: Row) -> tuple[dict[str, Any], Order, dict[str, str]]:
        cells = row.cells or []
        values: dict[str, Any] = {name: cells[place] for name, place in self.found.layout.places.items()}
        faults = {name: "is missing" for name in COLUMNS if not values[name]}
        order = Order.NOTHING
        try:
            values["ic_number"] = ic_number(values["ic_number"])
        except ValueError as error:
            faults.setdefault("ic_number", str(error))
        try:
            values["registered_at"], order = instant(values["registered_at"])
            self.is_day_first |= order is Order.DAY_FIRST
        except ValueError as error:
            faults.setdefault("registered_at", str(error))
            if isinstance(error, MonthFirst) and self.month_first is None:
                self.month_first = row.line
        return values, order, faults

    def _refuse(self, row: _Good, name: str, reason: str) -> None:
        self.found.faults.append(Fault(row.line, name, reason))


def _misshapen(cells: Sequence[str] | None, layout: Layout) -> str | None:
    """Why the cells do not fit the columns. Trailing blank cells may be there or not, as spreadsheets like it."""
    if cells is None:
        return "is not readable as CSV: a quote is not closed, or the line is too long"
    wanted = len(layout.names)
    nameless = (cell for place, cell in enumerate(cells) if place >= wanted or not layout.names[place])
    if len(cells) <= max(layout.places.values()) or any(cells[wanted:]):
        return f"has {len(cells)} fields where the header has {wanted}; a text with the separator in it needs quotes"
    return "has a value in a column without a name" if any(nameless) else None


def _registration(values: Mapping[str, Any], faults: dict[str, str], *, notify: bool) -> Registration | None:
    """The registration of a row; what is wrong with it is added to `faults`."""
    try:
        registration = Registration(reason="registration", notify=notify, **values)
    except ValidationError as error:
        for found in error.errors(include_url=False, include_input=False, include_context=False):
            faults.setdefault(str(found["loc"][0]), found["msg"])
        return None
    return None if faults else registration


def _lines(numbers: Sequence[int], but: int) -> str:
    named = list(islice((number for number in numbers if number != but), _LINES_NAMED))
    more = len(numbers) - 1 - len(named)
    words = f"line{'s' if len(numbers) > 2 else ''} {', '.join(map(str, named))}"
    return f"{words} and {more:,} more" if more else words
