"""Which letters are meant: a filter as an operator gives it, kept with what it was used for. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from shared.logs import mask_ic, unpersonal

_TYPE: Final = "aktif.{name}.v1"
_NUMBER: Final = re.compile(r"\d[\d -]{3,}\d")
_ENDS_IN_NUMBER: Final = re.compile(r"\d[\d -]{3,}\d[ -]?$")
Person = UUID | int
"""Somebody, named by nothing personal: by the id of the account, or by the number of a letter about them."""
NOBODY: Final[Person] = 0


def person_from(typed: str) -> Person:
    """A person as an address and a command line name one. Raises ValueError."""
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 16 else UUID(typed)


class Status(StrEnum):
    """Where a letter stands; read from what was done about it, never written on it."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"
    REGISTERED = "registered"


_MEANT: Final[Mapping[str, Callable[[Any], Any]]] = {
    "since": datetime.fromisoformat,
    "until": datetime.fromisoformat,
    "status": Status,
    "letters": tuple,
    "person": person_from,
}


@dataclass(frozen=True, slots=True)
class Filter:
    """Letters that meet all of these; what is None asks for nothing.

    `queue` is a queue, or a service for all of its queues; `type` an event name or a whole type; `text` the beginning
    of an event's id or of its source, in which a number of five digits or more is whole; `ic_number` and `person` find
    mails too; `letters` names some letters by number.
    """

    reason: str | None = None
    queue: str | None = None
    type: str | None = None
    text: str | None = None
    ic_number: str | None = None
    person: Person | None = None
    since: datetime | None = None
    until: datetime | None = None
    fingerprint: str | None = None
    status: Status | None = None
    letters: tuple[int, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """What is asked for, as an operation keeps it."""
        given: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: _plain(value) for name, value in given.items() if value not in (None, ())}

    def masked(self) -> dict[str, Any]:
        """What is asked for, as it is logged and audited: no part of an IC number, and no address."""
        kept = {name: unpersonal(value) if isinstance(value, str) else value for name, value in self.as_json().items()}
        if self.ic_number:
            kept["ic_number"] = mask_ic(self.ic_number)
        if self.text:
            kept["text"] = _NUMBER.sub(lambda found: found[0][:4].ljust(len(found[0]), "*"), kept["text"])
        return kept

    def before(self, moment: datetime) -> "Filter":
        """Those of them that were filed before; an earlier `until` stays."""
        return replace(self, until=min(self.until, moment) if self.until else moment)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Filter":
        """The filter that was kept."""
        names = [field.name for field in fields(cls) if field.name in kept]
        return cls(**{name: _MEANT.get(name, str)(kept[name]) for name in names})


_OF_PERSON: Final = (
    "l.letter_id = ANY(ARRAY(SELECT letter_id FROM letters WHERE ic_number = {ic} UNION ALL "
    "SELECT letter_id FROM letters JOIN mails USING (mail_id) JOIN accounts a ON a.account_id = mails.account_id "
    "WHERE a.ic_number = {ic}))"
)
_BEGINS: Final = "(l.id LIKE :text OR l.source LIKE :text)"
_BEGINS_WHOLE: Final = "(l.id ~ :text OR l.source ~ :text)"
"""Of a text that ends in a number: else somebody could find a masked one by typing one digit more at a time."""
_CONDITIONS: Final = {
    "reason": "l.reason = :reason",
    "queue": "(l.queue = :queue OR l.service = :queue)",
    "type": "l.type = :type",
    "text": _BEGINS,
    "ic_number": _OF_PERSON.format(ic="CAST(:ic_number AS bpchar)"),
    "since": "l.filed_at >= :since",
    "until": "l.filed_at < :until",
    "fingerprint": "l.fingerprint = :fingerprint",
    "letters": "l.letter_id = ANY(CAST(:letters AS bigint[]))",
}
_IC_NUMBER_OF: Final[Mapping[type, str]] = {
    UUID: "(SELECT ic_number FROM accounts WHERE account_id = CAST(:person AS uuid))",
    int: "(SELECT ic_number FROM letters WHERE letter_id = CAST(:person AS bigint))",
}
_STANDS: Final = {
    Status.OPEN: "c.letter_id IS NULL AND r.letter_id IS NULL",
    Status.REPLAYED: "c.letter_id IS NULL AND r.letter_id IS NOT NULL",
    Status.DISCARDED: "c.kind = 'discarded'",
    Status.REGISTERED: "c.kind = 'registered'",
}


def where(wanted: Filter) -> tuple[str, dict[str, Any]]:
    """The condition on `l` (letters), `c` (closings) and `r` (replays), and its parameters."""
    given = {name: getattr(wanted, name) for name in _CONDITIONS if getattr(wanted, name) not in (None, ())}
    parts = [_CONDITIONS[name] for name in given]
    if wanted.person is not None:
        parts.append(_OF_PERSON.format(ic=_IC_NUMBER_OF[type(wanted.person)]))
        given["person"] = wanted.person
    if wanted.status is not None:
        parts.append(_STANDS[wanted.status])
    if "text" in given:
        if _ENDS_IN_NUMBER.search(given["text"]):
            parts[parts.index(_BEGINS)] = _BEGINS_WHOLE
            given["text"] = f"^{re.escape(given['text'])}(?![ -]?[0-9])"
        else:
            given["text"] = _beginning(given["text"])
    if "type" in given and "." not in given["type"]:
        given["type"] = _TYPE.format(name=given["type"])
    if "letters" in given:
        given["letters"] = list(given["letters"])
    return " AND ".join(parts) or "true", given


def _beginning(text: str) -> str:
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID | int):
        return str(value)
    return list(value) if isinstance(value, tuple) else value
