"""Registering again: a corrected registration takes the place of a letter.

It is HR's event, from the letter's own source, so that the feed tells the right system; it names the letter's event in
`causationid`, an extension attribute; and its id derives from letter and content, so that pressing twice is one event.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from sqlalchemy import Connection, text

from schemas.envelope import Malformed, Outgoing, decode
from schemas.events import Exchange, Lane, routing_key, type_of
from schemas.examples import EXAMPLES
from shared.operations import audit
from shared.operations.letters import Letter, letter_named
from shared.operations.masking import details_of

FIELDS: Final = ("ic_number", "name", "email", "registered_at", "notify")
_CORRECTED: Final = UUID("0e5b6a52-3c0f-5c0a-9d4e-7f1d9b2f6a10")
_SOURCE: Final = "source"
_TYPE: Final = type_of(EXAMPLES["ActivationRequested"].data)
_GOOD: Final[Mapping[str, Any]] = EXAMPLES["ActivationRequested"].data.model_dump(mode="json")
_TRUE: Final = {"true": True, "false": False}
_CLOSE: Final = text(
    "INSERT INTO closings (letter_id, kind, who, reason, event_source, event_id) "
    "VALUES (:letter, 'registered', :who, :why, :source, :id) "
    "ON CONFLICT (letter_id) DO UPDATE SET kind = excluded.kind, who = excluded.who, reason = excluded.reason, "
    "at = now(), event_source = excluded.event_source, event_id = excluded.event_id"
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a field of the form, in the words of the event's own schema."""

    field: str
    reason: str
    detail: str


class Refused(ValueError):
    """A corrected registration that cannot be published, field by field; or a letter that none can replace."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(fault.detail for fault in faults))
        self.faults = faults


def form(letter: Letter) -> dict[str, str]:
    """The fields of a letter and its source, to be corrected; personal and in clear, so showing it is audited.

    What is not there, or is no text, is empty.
    """
    found = details_of(letter.body)
    blank = dict.fromkeys(FIELDS, "") | {"notify": "true"}
    return blank | found | {"notify": found.get("notify", "true").lower(), _SOURCE: letter.line.source}


def corrected(letter: Letter, fields: Mapping[str, str], now: datetime) -> Outgoing:
    """The registration that takes the letter's place; `fields` are those of `form`. Raises Refused."""
    if not letter.can_register:
        raise Refused((Fault("letter", "wrong_letter", "only a registration of HR can be registered again"),))
    data: dict[str, Any] = {"reason": "registration", **{name: fields.get(name, "").strip() for name in FIELDS}}
    typed = fields.get("notify", "true").strip().lower()
    data["notify"] = _TRUE.get(typed, typed)
    source = fields.get(_SOURCE, "").strip() or letter.line.source
    if faults := _faults(data, source, now):
        raise Refused(faults)
    event = _event(letter, data, source, now)
    body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
    read = decode(body, Exchange.HR).data
    return Outgoing(Exchange.HR.value, routing_key(Lane.LIVE, read), event["id"], event["type"], body)


def close(connection: Connection, letter: Letter, event: Outgoing, who: str, reason: str) -> None:
    """Write down that this event takes the letter's place. Commit, then publish it; if it is not confirmed, do both again.

    The same correction is the same event, and changes nothing the second time.
    """  # noqa: E501
    source = json.loads(event.body)[_SOURCE]
    asked = {"letter": letter.line.letter_id, "who": who, "why": reason, "source": source, "id": event.id}
    connection.execute(_CLOSE, asked)
    changed = sorted(name for name, value in form(letter).items() if _differs(event, name, value))
    details = {"event_id": event.id, "source": source, "changed": changed}
    audit.write(connection, who, "register_again", letter_named(letter.line.letter_id), reason, **details)


def _event(letter: Letter, data: Mapping[str, Any], source: str, now: datetime) -> dict[str, Any]:
    line = letter.line
    content = json.dumps([line.source, line.id, source, data], sort_keys=True, ensure_ascii=False)
    return {
        "specversion": "1.0",
        "id": str(uuid5(_CORRECTED, content)),
        "source": source,
        "type": _TYPE,
        "time": now.isoformat(),
        "datacontenttype": "application/json",
        "causationid": line.id,
        "data": dict(data),
    }


def _faults(data: Mapping[str, Any], source: str, now: datetime) -> tuple[Fault, ...]:
    """All that is wrong: what the schema says first, then what it says with that field set right, and so on."""
    tried, faults = dict(data), list[Fault]()
    envelope = {"specversion": "1.0", "id": "form", "source": source, "time": now.isoformat()}
    while len(faults) <= len(FIELDS):
        event = {**envelope, "type": _TYPE, "data": tried}
        try:
            decode(json.dumps(event).encode(), Exchange.HR)
            break
        except Malformed as error:
            field = (error.field or _SOURCE).removeprefix("data.")
            faults.append(Fault(field, error.reason, error.detail.removeprefix("data.")))
            if field not in FIELDS:
                if field != _SOURCE or envelope[_SOURCE] == "/hr/form":
                    break
                envelope[_SOURCE] = "/hr/form"
            else:
                tried[field] = _GOOD[field]
    return tuple(faults)


def _differs(event: Outgoing, name: str, before: str) -> bool:
    sent = json.loads(event.body)
    after = sent[_SOURCE] if name == _SOURCE else sent["data"].get(name)
    return str(after).lower() != before.lower()
