"""The cells of a staff list that spreadsheets are known to spoil: IC numbers and dates. Pure.

Every function raises ValueError that says what is wrong and what to do.
"""

import re
from datetime import datetime
from enum import Enum
from typing import Final, NamedTuple

from pydantic_core import PydanticCustomError

from schemas.fields import ic_number_from_input
from shared.clock import MALAYSIA

_AS_NUMBER: Final = re.compile(r"[0-9][.,]?[0-9]*E\+?[0-9]+|[0-9]+[.,]0+", re.ASCII | re.IGNORECASE)
_SERIAL: Final = re.compile(r"[0-9]{5}(?:[.,][0-9]+)?", re.ASCII)
_DATE: Final = re.compile(
    r"(?:(?P<day>[0-9]{1,2})(?P<dash>[/.-])(?P<month>[0-9]{1,2})(?P=dash)(?P<year>[0-9]{4}|[0-9]{2})"
    r"|(?P<iso>[0-9]{4}-[0-9]{2}-[0-9]{2}))"
    r"(?:[,\s]\s*(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?(?:\s*(?P<half>AM|PM|PG|PTG))?)?",
    re.IGNORECASE,
)
_AFTERNOON: Final = {"PM", "PTG"}
_FORMS: Final = "must be 2020-07-13 10:45:50 or 13/07/2020 10:45:50 AM (day first)"


class Order(Enum):
    """What a date tells of the order in which its file writes day and month."""

    NOTHING = 0
    DAY_FIRST = 1
    EITHER = 2
    """Read as day first, and wrong where its file writes the month first."""


class Instant(NamedTuple):
    """A time, and what it tells of the file."""

    at: datetime
    order: Order = Order.NOTHING


class MonthFirst(ValueError):
    """A date that can only be month/day/year."""


def ic_number(text: str) -> str:
    """The 12 digits; dashes and spaces are allowed."""
    text = text.removeprefix("'")
    if _AS_NUMBER.fullmatch(text):
        raise ValueError("was turned into a number by the spreadsheet; format the column as text and export again")
    try:
        return ic_number_from_input(text)
    except PydanticCustomError as error:
        if text.isdigit() and len(text) < 12:
            raise ValueError(
                f"has {len(text)} digits instead of 12; spreadsheets drop leading zeros: format the column as text "
                "and export again"
            ) from None
        raise ValueError(error.message().replace(" without dashes or spaces", "")) from None


def instant(text: str) -> Instant:
    """A time in ISO 8601, or as Excel writes it with the day first; Malaysia's where it has no offset.

    Excel's date numbers are refused: what they mean depends on a setting of the workbook (1900 or 1904).
    """
    found = _read(text)
    if not 1900 <= found.at.year <= 2200:
        raise ValueError("must be of the years 1900 to 2200")
    return found if found.at.tzinfo else found._replace(at=found.at.replace(tzinfo=MALAYSIA))


def _read(text: str) -> Instant:
    try:
        return Instant(datetime.fromisoformat(text))
    except ValueError:
        match = _DATE.fullmatch(text)
    if _SERIAL.fullmatch(text):
        raise ValueError("is a date number of Excel's; format the column as yyyy-mm-dd hh:mm:ss and export again")
    if text.strip("#") == "":
        raise ValueError("was too wide for its column; widen the column and export again")
    if match is None:
        raise ValueError(_FORMS)
    return _with_time(_day(match), match)


def _day(match: re.Match[str]) -> Instant:
    if match["iso"]:
        return Instant(_date(match["iso"]))
    day, month, year = match["day"], match["month"], match["year"]
    if len(year) == 2:
        raise ValueError("must have a year of four digits")
    if int(month) > 12 >= int(day):
        raise MonthFirst(f"has its month first; {_FORMS}")
    order = Order.DAY_FIRST if int(day) > 12 else Order.EITHER if int(day) != int(month) else Order.NOTHING
    return Instant(_date(f"{year}-{month:0>2}-{day:0>2}"), order)


def _date(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("is a day that there is not") from None


def _with_time(day: Instant, match: re.Match[str]) -> Instant:
    if match["hour"] is None:
        return day
    hour, half = int(match["hour"]), (match["half"] or "").upper()
    if half and not 1 <= hour <= 12:
        raise ValueError(f"has the hour {hour} with {half}")
    if half:
        hour = hour % 12 + 12 * (half in _AFTERNOON)
    try:
        return day._replace(at=day.at.replace(hour=hour, minute=int(match["minute"]), second=int(match["second"] or 0)))
    except ValueError:
        raise ValueError("has a time that there is not") from None
