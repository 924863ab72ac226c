"""A staff list as HR exports it: CSV in, events out, and every bad row with its line, field and reason.

A line is a row: no valid field holds a line break, so an unclosed quote spoils its own line and no other.
"""

import csv
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from schemas.envelope import Outgoing
from schemas.events import Lane, Registration
from schemas.fields import ic_number_from_input
from services.cli.publishing import hr_event
from shared.clock import MALAYSIA

COLUMNS: Final = ("ic_number", "name", "email", "registered_at")
_DELIMITERS: Final = ",;\t"
_NUMBER_OF_EXCEL: Final = re.compile(r"[0-9][.,]?[0-9]*E\+?[0-9]+", re.ASCII | re.IGNORECASE)
_MAX_LINE: Final = 10_000
_ID_LENGTH: Final = 40


class BadHeader(ValueError):
    """The file's first line names other columns than ours."""


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
    """What was read of a file: the events of its good rows, and the faults of the others, by line."""

    rows: int = 0
    events: list[Outgoing] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def read(lines: Iterable[str], terms: Terms) -> StaffList:
    """Read a whole file. Raises BadHeader."""
    numbered = ((number, line.rstrip("\r\n")) for number, line in enumerate(lines, start=1))
    delimiter, columns = _header(numbered)
    found, by_ic, good = StaffList(), dict[str, list[int]](), list[tuple[int, str, Outgoing]]()
    for number, line in numbered:
        cells = _cells(line, delimiter)
        if cells is not None and not any(cells):
            continue
        found.rows += 1
        row = _row(number, cells, columns, terms)
        if isinstance(row, Registration):
            by_ic.setdefault(row.ic_number, []).append(number)
            good.append((number, row.ic_number, _event(row, terms)))
        else:
            found.faults += row
    for number, ic_number, event in good:
        others = [line for line in by_ic[ic_number] if line != number]
        if others:
            found.faults.append(Fault(number, "ic_number", f"is also on {_lines(others)}; only one row may have it"))
        else:
            found.events.append(event)
    found.faults.sort(key=lambda fault: fault.line)
    return found


def _header(numbered: Iterator[tuple[int, str]]) -> tuple[str, Sequence[str]]:
    line = next((line.removeprefix("\ufeff") for _, line in numbered if line.strip()), "")
    delimiter = max(_DELIMITERS, key=line.count)
    names = [name.lower() for name in _cells(line, delimiter) or ()]
    wanted = f"the first line must be {','.join(COLUMNS)}"
    if "\x00" in line or line.startswith(("\udcff\udcfe", "\udcfe\udcff")):
        raise BadHeader("the file is UTF-16; save it as CSV UTF-8")
    if not any(names):
        raise BadHeader(f"the file is empty; {wanted}")
    if missing := [name for name in COLUMNS if name not in names]:
        raise BadHeader(f"the header lacks {', '.join(missing)}; {wanted}")
    if unknown := [name for name in names if name not in COLUMNS]:
        raise BadHeader(f"the header has columns that are not known ({', '.join(unknown) or 'unnamed'}); {wanted}")
    if len(names) > len(COLUMNS):
        raise BadHeader(f"the header names a column twice; {wanted}")
    return delimiter, names


def _cells(line: str, delimiter: str) -> list[str] | None:
    """The cells of a line, trimmed; None where its quotes or its length make it unreadable."""
    if len(line) > _MAX_LINE:
        return None
    try:
        cells = next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return None
    return [cell.strip() for cell in cells]


def _row(number: int, cells: list[str] | None, columns: Sequence[str], terms: Terms) -> Registration | list[Fault]:
    if cells is None:
        return [Fault(number, "row", "is not readable as CSV: a quote is not closed, or the line is too long")]
    if len(cells) != len(columns):
        return [Fault(number, "row", f"has {len(cells)} fields where the header has {len(columns)}")]
    values: dict[str, Any] = dict(zip(columns, cells, strict=True))
    faults = [
        Fault(number, name, "is not UTF-8; save the file as CSV UTF-8") for name in columns if _torn(values[name])
    ]
    if faults:
        return faults
    for name, convert in (("ic_number", _ic_number), ("registered_at", _instant)):
        try:
            values[name] = convert(values[name])
        except ValueError as error:
            faults.append(Fault(number, name, str(error)))
    try:
        registration = Registration(reason="registration", notify=terms.notify, **values)
    except ValidationError as error:
        known = {fault.field for fault in faults}
        faults += [
            Fault(number, name, found["msg"])
            for found in error.errors(include_url=False, include_input=False, include_context=False)
            if (name := str(found["loc"][0])) not in known
        ]
        return faults
    return faults or registration


def _torn(text: str) -> bool:
    """Whether bytes that are no UTF-8 were read into it (as lone surrogates)."""
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)


def _ic_number(text: str) -> str:
    if _NUMBER_OF_EXCEL.fullmatch(text):
        raise ValueError("was turned into a number by the spreadsheet; format the column as text and export again")
    try:
        return ic_number_from_input(text)
    except PydanticCustomError as error:
        digits = sum(character.isdigit() for character in text)
        if digits < 12 and text.isdigit():
            raise ValueError(
                f"has {digits} digits instead of 12; spreadsheets drop leading zeros, format the column as text"
            ) from None
        raise ValueError(error.message().replace(" without dashes or spaces", "")) from None


def _instant(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("must be ISO 8601, such as 2020-07-13T10:45:50 (yyyy-mm-dd hh:mm:ss)") from None
    if not 1900 <= moment.year <= 2200:
        raise ValueError("must be of the years 1900 to 2200")
    return moment if moment.tzinfo else moment.replace(tzinfo=MALAYSIA)


def _event(registration: Registration, terms: Terms) -> Outgoing:
    content = registration.model_dump_json()
    id_ = hashlib.sha256(f"{terms.salt}{content}".encode()).hexdigest()[:_ID_LENGTH]
    return hr_event(registration, id=id_, source=terms.source, time=terms.time, lane=terms.lane)


def _lines(numbers: Sequence[int]) -> str:
    return f"line{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
