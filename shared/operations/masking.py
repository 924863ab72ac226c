"""What of a dead letter may be shown to everybody: what has the shape of its field, masked where it is personal.

A malformed message may hold anything anywhere, in a value as well as in a name. So a value that has another shape than
its field's is hidden, and names that are none of ours are counted and not told.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Any, Final
from uuid import UUID

from schemas.events import Exchange, MailKind, MailResult
from schemas.reasons import REASONS
from shared.logs import mask_email, mask_ic, unpersonal
from shared.wording import count

HIDDEN: Final = "(hidden)"
_Show = Callable[[Any], Any]
"""How a value is shown."""
_TYPE: Final = re.compile(r"[A-Za-z]+(?:\.[A-Za-z]+)*\.v[0-9]{1,4}")
_MEDIA_TYPE: Final = re.compile(r"[a-z]+/[a-z0-9.+-]+")
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]*(?:\.[a-z0-9_-]+)*")
"""Of a field by its path, a queue, an exchange, a reason."""
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:?\d\d)?")
_VERSION: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){0,2}")
_ID: Final = re.compile(r"[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]{1,200}")
"""As a URI reference, so without blanks: what has them may be a name."""
_LEFT_OUT: Final = re.compile(r"\d+ characters of headers")
_ROUTING_KEY: Final = re.compile(r"routing key (?P<key>.*)", re.DOTALL)


def _shaped(pattern: re.Pattern[str]) -> _Show:
    def show(value: Any) -> Any:
        is_it = isinstance(value, str) and len(value) <= 200 and pattern.fullmatch(value)
        return unpersonal(value) if is_it else HIDDEN

    return show


def _number(value: Any) -> Any:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1_000_000_000 else HIDDEN


def _yes_or_no(value: Any) -> Any:
    return value if isinstance(value, bool) else HIDDEN


def _personal(mask: Callable[[str], str]) -> _Show:
    return lambda value: mask(value) if isinstance(value, str) else HIDDEN


def _never(_: Any) -> str:
    return HIDDEN


def _one_of(words: Iterable[str]) -> _Show:
    ours = frozenset(words)
    return lambda value: value if isinstance(value, str) and value in ours else HIDDEN


_time, _uuid_text, _id, _type, _name = map(_shaped, (_TIME, _UUID, _ID, _TYPE, _NAME))
_ENVELOPE: Final[Mapping[str, _Show]] = {
    "specversion": _shaped(_VERSION), "id": _id, "source": _id, "type": _type, "time": _time,
    "datacontenttype": _shaped(_MEDIA_TYPE), "causationid": _id,
}  # fmt: skip
_DATA: Final[Mapping[str, _Show]] = {
    "ic_number": _personal(mask_ic),
    "email": _personal(mask_email),
    "name": _personal(lambda name: f"{name[:1]}***"),
    "notify": _yes_or_no,
    "smtp_code": _number,
    "enhanced_code": _shaped(_VERSION),
    "field": _name,
    "reason": _one_of(("registration", "resend", "recovery", *chain.from_iterable(REASONS.values()))),
    "kind": _one_of(MailKind),
    "result": _one_of(MailResult),
    **dict.fromkeys(("link_id", "account_id", "mail_id"), _uuid_text),
    **dict.fromkeys(("registered_at", "settled_at", "redeemed_at", "activated_at", "failed_at"), _time),
    **dict.fromkeys(("rejected_source", "rejected_id"), _id),
    **dict.fromkeys(("reply", "detail"), _never),
}
_SECRETS: Final = frozenset({"session_digest", "password_digest", "answers", "question", "digest"})
"""Fields of ours that are unmasked for nobody."""
_DETAILS: Final = ("ic_number", "name", "email", "registered_at", "notify")
_PORTALS_OWN: Final = ("TokenRedeemed", "QuestionsSet", "QuestionsAnswered", "PasswordSet")


def identifier(text: str) -> str:
    """An id or a source as its publisher gave it, with what is personal in it masked."""
    return str(_id(text)) if text else ""


def type_name(text: str | None) -> str | None:
    """An event's type, where it can be one."""
    return text and str(_type(text))


def field_name(text: str | None) -> str | None:
    """The path of a field, where it can be one."""
    return text and str(_name(text))


def detail(text: str | None) -> str | None:
    """Why a letter died, in words: ours, but for a server's reply, and the routing key that a publisher chose."""
    if text is None:
        return None
    chosen = _ROUTING_KEY.fullmatch(text)
    return f"routing key {_id(chosen['key'])}" if chosen else unpersonal(text)


def body(raw: bytes, origin: str) -> Any:
    """A letter's body as everybody may see it; a sentence where nothing of it can be shown."""
    return _shown(raw, origin, lambda show, value: None if value is None else show(value))


def unmasked_body(raw: bytes, origin: str) -> Any:
    """The same with each field of ours in clear, and nothing else: whoever shows this has it audited first."""
    return _shown(raw, origin, lambda _, value: value if isinstance(value, str | int | float | None) else HIDDEN)


def _shown(raw: bytes, origin: str, look: Callable[[_Show, Any], Any]) -> Any:
    event = _parse(raw)
    if event is None:
        return f"{len(raw):,} bytes that are no JSON object"
    shown = _known({key: value for key, value in event.items() if key != "data"}, _ENVELOPE, look)
    if "data" in event:
        shown["data"] = _data(event["data"], str(event.get("type")), origin, look)
    return shown


def _data(data: Any, type_: str, origin: str, look: Callable[[_Show, Any], Any]) -> Any:
    if origin == Exchange.PORTAL or any(name in type_ for name in _PORTALS_OWN):
        return f"{HIDDEN}: what a person did in the portal is never shown"
    return _known(data, _DATA, look) if isinstance(data, dict) else HIDDEN


def _known(given: Mapping[str, Any], shapes: Mapping[str, _Show], look: Callable[[_Show, Any], Any]) -> dict[str, Any]:
    """The fields that are ours, and how many are not."""
    shown = {key: look(shapes[key], value) for key, value in given.items() if key in shapes}
    shown |= {key: HIDDEN for key in given if key in _SECRETS}
    unknown = len(given) - len(shown)
    return shown | ({count(unknown, "unknown field"): HIDDEN} if unknown else {})


def headers(found: Mapping[str, Any], *, by_broker: bool) -> Any:
    """A letter's headers as everybody may see them: the broker's, and those of a worker where one gave it up."""
    return _known_headers(found, _BROKERS if by_broker else {**_BROKERS, **_WORKERS})


def _known_headers(found: Mapping[str, Any], shapes: Mapping[str, _Show]) -> dict[str, Any]:
    shown = {key: shapes[key](value) for key, value in found.items() if key in shapes}
    unknown = len(found) - len(shown)
    return shown | ({count(unknown, "unknown header"): HIDDEN} if unknown else {})


def _deaths(value: Any) -> Any:
    found = value if isinstance(value, list) else []
    return [_known_headers(death, _OF_DEATH) for death in found if isinstance(death, dict)]


def _keys(value: Any) -> Any:
    return [_id(key) for key in value] if isinstance(value, list) else HIDDEN


_OF_DEATH: Final[Mapping[str, _Show]] = {
    "count": _number, "exchange": _name, "queue": _name, "reason": _name, "routing-keys": _keys, "time": _time,
}  # fmt: skip
_BROKERS: Final[Mapping[str, _Show]] = {
    "x-death": _deaths,
    "x-delivery-count": _number,
    **{f"x-{which}-death-{what}": _name for which in ("first", "last") for what in ("queue", "reason", "exchange")},
    "left_out": _shaped(_LEFT_OUT),
}
_WORKERS: Final[Mapping[str, _Show]] = {
    **dict.fromkeys(("x-origin", "x-lane", "x-service", "x-queue", "x-reason"), _name),
    **dict.fromkeys(("x-attempt", "x-replay", "x-handbacks"), _number),
    "x-field": _name,
    "x-died-at": _time,
    "x-detail": lambda value: detail(value) if isinstance(value, str) else HIDDEN,
}


def details_of(raw: bytes) -> dict[str, str]:
    """The fields of a registration as far as they are there, for a form that corrects them: personal, in clear."""
    data = (_parse(raw) or {}).get("data")
    found = data if isinstance(data, dict) else {}
    return {name: str(found[name]) for name in _DETAILS if isinstance(found.get(name), str | int)}


def ids_of(raw: bytes) -> dict[str, UUID | None]:
    """The account and link that a letter's data names."""
    event = _parse(raw) or {}
    data = event.get("data")
    named = data if isinstance(data, dict) else {}
    return {"account": _uuid(named.get("account_id")), "link": _uuid(named.get("link_id"))}


def _parse(raw: bytes) -> dict[str, Any] | None:
    """The message as a page can show it: half of a surrogate pair is no character, though JSON may hold one."""
    try:
        event = json.loads(json.dumps(json.loads(raw), ensure_ascii=False).encode(errors="replace"))
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
