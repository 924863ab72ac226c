"""Registering again: a corrected registration takes the place of a letter.

It is HR's event, from the letter's own source, so that the feed tells the right system; it names the letter's event in
`causationid`, an extension attribute; and its id derives from letter and content, so that pressing twice is one event.

In this order: `ask` is committed, the event is published and confirmed, `close` is committed. Whatever ends that in
between leaves the letter open, and asking once more does what is left.
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
from shared.operations import audit, letters
from shared.operations.letters import Closing, Letter, letter_named
from shared.operations.masking import details_of

FIELDS: Final = ("ic_number", "name", "email", "registered_at", "notify")
_CORRECTED: Final = UUID("0e5b6a52-3c0f-5c0a-9d4e-7f1d9b2f6a10")
_SOURCE: Final = "source"
_ASKS_FOR: Final = {"ic_number": "IC", "email": "EMAIL", "registered_at": "TIME", _SOURCE: "SOURCE"}
"""What stands in a line for what is to be typed: words that no event would be published with."""
_TYPE: Final = type_of(EXAMPLES["ActivationRequested"].data)
_KEY: Final = routing_key(Lane.LIVE, EXAMPLES["ActivationRequested"].data)
_GOOD: Final[Mapping[str, Any]] = EXAMPLES["ActivationRequested"].data.model_dump(mode="json")
_TRUE: Final = {"true": True, "false": False}
_CLOSE: Final = text(
    "INSERT INTO closings (letter_id, kind, who, reason, event_source, event_id, event_body) "
    "VALUES (:letter, 'registered', :who, :why, :source, :id, :body) "
    "ON CONFLICT (letter_id) DO UPDATE SET kind = excluded.kind, who = excluded.who, reason = excluded.reason, "
    "at = clock_timestamp(), event_source = excluded.event_source, event_id = excluded.event_id, "
    "event_body = excluded.event_body"
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


class Overtaken(Exception):
    """Somebody has closed the letter since it was looked at; how, by whom and when is in `closing`."""

    def __init__(self, closing: Closing) -> None:
        super().__init__(f"{closing.who} {closing.kind} it meanwhile ({closing.reason})")
        self.closing = closing


def form(letter: Letter) -> dict[str, str]:
    """The fields of a letter and its source, to be corrected; personal and in clear, so showing it is audited.

    What is not there, or is no text, is empty.
    """
    found = details_of(letter.body)
    blank = dict.fromkeys(FIELDS, "") | {"notify": "true"}
    return blank | found | {"notify": found.get("notify", "true").lower(), _SOURCE: letter.source}


def options(letter: Letter) -> tuple[str, ...]:
    """What `aktif dead register` is told of the field that a letter died of, to be filled in."""
    name = (letter.line.field or "").removeprefix("data.")
    return (f"--{name.replace('_', '-')}", _ASKS_FOR[name]) if name in _ASKS_FOR else ()


def corrected(letter: Letter, fields: Mapping[str, str], now: datetime) -> Outgoing:
    """The registration that takes the letter's place; `fields` are those of `form`, an IC number perhaps with dashes.

    Raises Refused.
    """
    if not letter.can_register:
        raise Refused((Fault("letter", "wrong_letter", "only a registration of HR can be registered again"),))
    data: dict[str, Any] = {"reason": "registration", **{name: fields.get(name, "").strip() for name in FIELDS}}
    data["ic_number"] = data["ic_number"].replace("-", "").replace(" ", "")
    typed = fields.get("notify", "true").strip().lower()
    data["notify"] = _TRUE.get(typed, typed)
    source = fields.get(_SOURCE, "").strip() or letter.source
    if faults := _faults(data, source, now):
        raise Refused(faults)
    event = _event(letter, data, source, now)
    body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
    decode(body, Exchange.HR)
    return registration(event["id"], body)


def registration(event_id: str, body: bytes) -> Outgoing:
    """A corrected registration as it is published, now or once more."""
    return Outgoing(Exchange.HR.value, _KEY, event_id, _TYPE, body)


def ask(
    connection: Connection, letter: Letter, event: Outgoing, who: str, reason: str, seen: datetime | None = None
) -> None:
    """Write into the audit that this event is to take the letter's place. Commit, and then publish it.

    `seen`: when the letter was closed, as far as its looker knew. Raises Overtaken where it was closed otherwise since.
    """
    now = letters.one(connection, letter.line.letter_id)
    closing = now.closing if now else None
    if closing and closing.at != seen and closing.event_id != event.id:
        raise Overtaken(closing)
    changed = sorted(name for name, value in form(letter).items() if _differs(event, name, value))
    details = {"event_id": event.id, "source": _source_of(event), "changed": changed}
    audit.write(connection, who, "register_again", letter_named(letter.line.letter_id), reason, **details)


def close(connection: Connection, letter: Letter, event: Outgoing, who: str, reason: str) -> None:
    """Write down that this event, which is published now, has taken the letter's place."""
    asked = {"letter": letter.line.letter_id, "who": who, "why": reason}
    sent = {"source": _source_of(event), "id": event.id, "body": event.body}
    connection.execute(_CLOSE, {**asked, **sent})


def _event(letter: Letter, data: Mapping[str, Any], source: str, now: datetime) -> dict[str, Any]:
    content = json.dumps([letter.source, letter.id, source, data], sort_keys=True, ensure_ascii=False)
    return {
        "specversion": "1.0",
        "id": str(uuid5(_CORRECTED, content)),
        "source": source,
        "type": _TYPE,
        "time": now.isoformat(),
        "datacontenttype": "application/json",
        "causationid": letter.id,
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


def _source_of(event: Outgoing) -> str:
    return str(json.loads(event.body)[_SOURCE])


def _differs(event: Outgoing, name: str, before: str) -> bool:
    sent = json.loads(event.body)
    after = sent[_SOURCE] if name == _SOURCE else sent["data"].get(name)
    return str(after).lower() != before.lower()
