"""Bytes ⇄ event: CloudEvents 1.0 in structured JSON; what is malformed, and how it is said.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from json.encoder import encode_basestring
from typing import Any, Final, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import from_json

from schemas.events import EVENT_NAME, MODELS, PUBLISHED_TO, EventData, Exchange, type_of
from schemas.fields import Instant, PublisherId, Source

MAX_MESSAGE_BYTES: Final = 64 * 1024
CONTENT_TYPE: Final = "application/cloudevents+json"
_ACCEPTED_CONTENT_TYPES: Final = frozenset({CONTENT_TYPE, "application/json"})
_CAUSED = UUID("5b7c1f2e-6b0a-5c1e-9a57-0f5d6f1a3c21")
_TYPE = re.compile(r"aktif\.(?P<name>[A-Za-z]+)\.v(?P<version>[0-9]{1,4})", re.ASCII)
_CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode
_quoted = encode_basestring
_REASON_BY_ERROR = {
    "weak_digest": "weak_digest",
    "ic_number": "bad_ic_number",
    "ic_date": "bad_ic_number",
    "control_character": "control_character",
}
_MESSAGE_BY_ERROR = {
    "extra_forbidden": "holds a field that is not known",
    "union_tag_invalid": "must be registration, resend or recovery",
    "union_tag_not_found": "must be registration, resend or recovery",
    "uuid_parsing": "must be a UUID",
    "uuid_type": "must be a UUID",
}
"""In place of pydantic's messages that repeat some of the value, or speak of its internals."""

Data = TypeVar("Data")


class _Envelope(BaseModel, Generic[Data]):
    """The context attributes we read; others are allowed and ignored (extensions, rolling upgrades)."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    specversion: Literal["1.0"]
    id: PublisherId
    source: Source
    type: str
    time: Instant
    datacontenttype: Literal["application/json"] = "application/json"
    data: Data


class _Identity(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id: PublisherId
    source: Source


_ADAPTERS: Final[Mapping[str, TypeAdapter[Any]]] = {
    name: TypeAdapter(_Envelope[model])  # type: ignore[valid-type]
    for name, model in MODELS.items()
}
_NO_DATA: Final[TypeAdapter[Any]] = TypeAdapter(_Envelope[dict[str, Any]])
_IDENTITY: Final = TypeAdapter(_Identity)
_EXCHANGES_OF: Final[Mapping[str, frozenset[Exchange]]] = {
    name: frozenset().union(*(to for model, to in PUBLISHED_TO.items() if EVENT_NAME[model] == name)) for name in MODELS
}
_SOURCE_PREFIX: Final = {Exchange.PORTAL: "/portal", Exchange.EVENTS: "/aktif/"}


@dataclass(frozen=True, slots=True)
class Event:
    """One accepted event. `digest` is the SHA-256 of its type and data, which tells a repeat from a reused id."""

    id: str
    source: str
    time: datetime
    data: EventData
    digest: bytes

    @property
    def key(self) -> tuple[str, str]:
        """`source` and `id` identify an event."""
        return self.source, self.id


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One event to publish: where, and its bytes."""

    exchange: str
    routing_key: str
    id: str
    type: str
    body: bytes


class Malformed(ValueError):
    """A message that is no acceptable event: a reason word, what is wrong, the path of the field if one is.

    `source` and `id` are given where they can be read, so that the publisher can be told.
    """

    def __init__(
        self, reason: str, detail: str, field: str | None = None, identity: tuple[str, str] | None = None
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail, self.field, self.identity = reason, detail, field, identity


def decode(body: bytes, exchange: str, content_type: str | None = None) -> Event:
    """Read an event that was published to `exchange`.

    Raises Malformed. The detail names what is expected and never repeats a value, since values may be personal.
    """
    try:
        raw = _read_object(body, content_type)
    except Malformed as error:
        error.identity = _identity_in(body)
        raise
    try:
        name = _known_name(raw)
        _check_exchange(_EXCHANGES_OF[name], exchange, f"{name} events")
        envelope = _ADAPTERS[name].validate_python(raw)
        _check_exchange(PUBLISHED_TO[type(envelope.data)], exchange, f"{type(envelope.data).__name__} events")
        _check_source(envelope.source, exchange)
    except ValidationError as error:
        raise _from_validation(error, identity(raw)) from None
    except Malformed as error:
        error.identity = identity(raw)
        raise
    return Event(envelope.id, envelope.source, envelope.time, envelope.data, _digest(raw))


def identity(raw: Mapping[str, Any]) -> tuple[str, str] | None:
    """`source` and `id` of a parsed message, if both can be read."""
    try:
        found = _IDENTITY.validate_python(raw)
    except ValidationError:
        return None
    return found.source, found.id


def _identity_in(body: bytes) -> tuple[str, str] | None:
    """Of a message that is refused as a whole: too large, of another content type, with a NaN."""
    try:
        raw = from_json(body)
    except ValueError:
        return None
    return identity(raw) if isinstance(raw, dict) else None


def encode(data: EventData, *, id: str, source: str, time: datetime) -> bytes:
    """The structured JSON of one event. `time` must carry an offset."""
    return (
        f'{{"specversion":"1.0","id":{_quoted(id)},"source":{_quoted(source)},"type":"{type_of(data)}",'
        f'"time":"{time.isoformat()}","datacontenttype":"application/json","data":{data.model_dump_json()}}}'
    ).encode()


def outgoing(
    data: EventData, *, id: str, source: str, time: datetime, exchange: Exchange, routing_key: str
) -> Outgoing:
    """An event ready to be published."""
    body = encode(data, id=id, source=source, time=time)
    return Outgoing(exchange.value, routing_key, id, type_of(data), body)


def json_schema(name: str) -> dict[str, Any]:
    """What pydantic tells of an event's whole message in JSON Schema 2020-12; `schemas.publish` makes it readable."""
    return _ADAPTERS[name].json_schema()


def caused_id(cause: tuple[str, str], replay: int, name: str) -> str:
    """The id of what an event causes: a UUIDv5 of the cause (and its replay number), so it needs no row to be stable.

    `name` tells apart the events that one cause has.
    """
    source, id_ = cause
    text = f"{source}\n{id_}\n{replay}\n{name}"
    # uuid.uuid5 to the letter (RFC 9562 §5.5), without its detour over integers, which takes three times as long.
    digest = bytearray(hashlib.sha1(_CAUSED.bytes + text.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    made = digest.hex()
    return f"{made[:8]}-{made[8:12]}-{made[12:16]}-{made[16:20]}-{made[20:]}"


def _read_object(body: bytes, content_type: str | None) -> dict[str, Any]:
    if len(body) > MAX_MESSAGE_BYTES:
        raise Malformed("too_large", f"a message may have {MAX_MESSAGE_BYTES} bytes, this one has {len(body)}")
    if content_type and content_type.partition(";")[0].strip().lower() not in _ACCEPTED_CONTENT_TYPES:
        raise Malformed("wrong_content_type", f"the content type must be {CONTENT_TYPE}")
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise Malformed("not_utf8", f"the message is not UTF-8 (byte {error.start})") from None
    try:
        raw = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise Malformed("not_json", f"the message is not JSON ({_clip(str(error))})") from None
    if not isinstance(raw, dict):
        raise Malformed("bad_envelope", "the message must be one JSON object")
    return raw


def _known_name(raw: Mapping[str, Any]) -> str:
    match = _TYPE.fullmatch(type_) if isinstance(type_ := raw.get("type"), str) else None
    if match is None or match["name"] not in MODELS:
        _NO_DATA.validate_python(raw)
        raise Malformed(
            "unknown_type", f"the type must be one of {', '.join(f'aktif.{name}.v1' for name in MODELS)}", "type"
        )
    if match["version"] != "1":
        raise Malformed("unknown_version", f"of {match['name']} only version v1 is known", "type")
    return match["name"]


def _check_exchange(allowed: frozenset[Exchange], exchange: str, what: str) -> None:
    if exchange not in allowed:
        raise Malformed("wrong_exchange", f"{what} are accepted only from {' and '.join(sorted(allowed))}")


def _check_source(source: str, exchange: str) -> None:
    wanted = _SOURCE_PREFIX.get(Exchange(exchange))
    if wanted is not None and not source.startswith(wanted):
        raise Malformed("wrong_source", f"the source must begin with {wanted} on {exchange}", "source")
    if exchange == Exchange.HR and source.startswith(tuple(_SOURCE_PREFIX.values())):
        raise Malformed("wrong_source", "the source must not begin with /portal or /aktif/ on aktif.hr", "source")


def _from_validation(error: ValidationError, found: tuple[str, str] | None) -> Malformed:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    kind, path = first["type"], [str(part) for part in first["loc"]]
    if len(path) > 2 and path[0] == "data" and path[1] in {"registration", "resend", "recovery"}:
        del path[1]
    if kind == "extra_forbidden":
        del path[-1]  # a name that the publisher made up may be personal too
    if kind.startswith("union_tag"):
        path.append("reason")
    field = _clip(".".join(path), 100) or None
    message = _MESSAGE_BY_ERROR.get(kind, first["msg"])
    reason = _REASON_BY_ERROR.get(kind, "bad_field" if path[:1] == ["data"] else "bad_envelope")
    return Malformed(reason, f"{field or 'the message'}: {_clip(message)}", field, found)


def _clip(text: str, length: int = 300) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:length])


def _digest(raw: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(f"{raw['type']}\n{_CANONICAL(raw['data'])}".encode()).digest()
