"""Which letters are meant: a filter as an operator gives it, kept with what it was used for. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from shared.logs import mask_ic

_TYPE: Final = "aktif.{name}.v1"


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
}


@dataclass(frozen=True, slots=True)
class Filter:
    """Letters that meet all of these; what is None asks for nothing.

    `queue` is a queue, or a service for all of its queues; `type` an event name or a whole type; `text` the beginning
    of an event's id or of its source; `ic_number` finds mails too; `letters` names some letters by number.
    """

    reason: str | None = None
    queue: str | None = None
    type: str | None = None
    text: str | None = None
    ic_number: str | None = None
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
        """What is asked for, as it is logged and audited."""
        kept = self.as_json()
        if self.ic_number:
            kept["ic_number"] = mask_ic(self.ic_number)
        return kept

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Filter":
        """The filter that was kept."""
        names = [field.name for field in fields(cls) if field.name in kept]
        return cls(**{name: _MEANT.get(name, str)(kept[name]) for name in names})


_OF_PERSON: Final = (
    "l.letter_id = ANY(ARRAY(SELECT letter_id FROM letters WHERE ic_number = CAST(:ic_number AS bpchar) UNION ALL "
    "SELECT letter_id FROM letters JOIN mails USING (mail_id) JOIN accounts a ON a.account_id = mails.account_id "
    "WHERE a.ic_number = CAST(:ic_number AS bpchar)))"
)
_CONDITIONS: Final = {
    "reason": "l.reason = :reason",
    "queue": "(l.queue = :queue OR l.service = :queue)",
    "type": "l.type = :type",
    "text": "(l.id LIKE :text OR l.source LIKE :text)",
    "ic_number": _OF_PERSON,
    "since": "l.filed_at >= :since",
    "until": "l.filed_at < :until",
    "fingerprint": "l.fingerprint = :fingerprint",
    "letters": "l.letter_id = ANY(CAST(:letters AS bigint[]))",
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
    if wanted.status is not None:
        parts.append(_STANDS[wanted.status])
    if "text" in given:
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
    return list(value) if isinstance(value, tuple) else value
