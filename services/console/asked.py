"""The filter of letters as it stands in an address, on a page and on the command line."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl

from starlette.datastructures import FormData, QueryParams

from services.console.pages import query
from services.console.typed import typed
from shared.operations.filters import NOBODY, Filter, Person, Status, person_from
from shared.wording import moment_from

NAMES: Final = ("status", "reason", "queue", "type", "text", "person", "since", "fingerprint")
_MOST_CHOSEN: Final = 1000
_LIST: Final = "list"
_DISCARD: Final = "discard"
_OPTION: Final = {"fingerprint": "--group"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: as typed, as a filter, and what cannot be understood."""

    typed: dict[str, str]
    wanted: Filter
    faults: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, given: QueryParams | FormData, now: datetime) -> "Asked":
        """From an address or a form; `letter` may stand in it many times."""
        found = {name: value for name in NAMES if (value := typed(given, name))}
        faults = dict[str, str]()
        wanted = Filter(
            reason=found.get("reason"),
            queue=found.get("queue"),
            type=found.get("type"),
            text=found.get("text"),
            person=_person(found.get("person"), faults),
            since=_since(found.get("since"), now, faults),
            fingerprint=found.get("fingerprint"),
            status=_status(found.get("status")),
            letters=_letters(given),
        )
        return cls(found, wanted, faults)

    @classmethod
    def back(cls, given: QueryParams | FormData, now: datetime) -> "Asked":
        """The filter that a person came from, and returns to."""
        kept = given.get("back")
        return cls.of(QueryParams(parse_qsl(kept[:2000]) if isinstance(kept, str) else []), now)

    @property
    def query(self) -> str:
        """As it stands in the address of the list."""
        return query(self.fields)

    @property
    def is_filtered(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.fields)

    def but(self, **changes: str | None) -> str:
        """The address of the list with something else asked for."""
        return query([*{**self.typed, **changes}.items(), *self._letters])

    @property
    def fields(self) -> list[tuple[str, object]]:
        """All of it as hidden fields of a form."""
        return [*self.typed.items(), *self._letters]

    @property
    def _letters(self) -> list[tuple[str, object]]:
        return [("letter", str(number)) for number in self.wanted.letters]

    def about(self, found: Filter) -> "Asked":
        """The same about somebody, or of some letters, in place of whom or what was typed."""
        kept = {name: value for name, value in self.typed.items() if name not in {"person", "text"}}
        person = {} if found.person is None else {"person": str(found.person)}
        return replace(self, typed={**kept, **person}, wanted=replace(self.wanted, letters=found.letters))

    def command(self, act: str, *more: str) -> str | None:
        """The line that does the same on the command line; None where there is none.

        There only `list` asks for a status, and nobody discards all letters at once.
        """
        if act != _LIST and self.wanted.status not in {None, Status.OPEN}:
            return None
        which = [str(number) for number in self.wanted.letters]
        for name in NAMES[1:]:
            if name in self.typed:
                which += [_OPTION.get(name, f"--{name}"), self.typed[name]]
        if act == _DISCARD and not which:
            return None
        status = [f"--status={self.typed.get('status', 'all')}"] if act == _LIST else []
        return line("dead", act, *status, *which, *more)


def line(*words: str) -> str:
    """A command line of `aktif`, quoted for a shell."""
    return shlex.join(["aktif", *words])


def _person(typed: str | None, faults: dict[str, str]) -> Person | None:
    if typed is None:
        return None
    try:
        return person_from(typed)
    except ValueError:
        faults["ic"] = "This address names nobody: give the IC number in its field."
        return NOBODY


def _since(typed: str | None, now: datetime, faults: dict[str, str]) -> datetime | None:
    if typed is None:
        return None
    try:
        return moment_from(typed, now)
    except (ValueError, OverflowError):
        faults["since"] = "Give a span such as 30m, 2h or 3d, or a time such as 2021-01-11T08:00."
        return now


def _status(typed: str | None) -> Status | None:
    try:
        return Status(typed) if typed else None
    except ValueError:
        return None


def _letters(given: QueryParams | FormData) -> tuple[int, ...]:
    chosen: Sequence[object] = given.getlist("letter")[:_MOST_CHOSEN]
    numbers = (one for one in chosen if isinstance(one, str) and one.isascii() and one.isdecimal() and len(one) < 16)
    return tuple(dict.fromkeys(map(int, numbers)))
