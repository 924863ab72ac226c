"""What of a dead letter may be shown: ids and words of ours as they are, what is personal masked, the rest not at all.

Only what is known to be harmless is shown, for a malformed message may hold anything anywhere.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from schemas.events import Exchange
from shared.logs import mask_email, mask_ic

HIDDEN: Final = "(hidden)"
_Show = Callable[[str, str], str]
"""How the value of a personal field is shown."""
_MASKS: Final[Mapping[str, Callable[[str], str]]] = {
    "ic_number": mask_ic,
    "email": mask_email,
    "name": lambda name: f"{name[:1]}***",
}
_DETAILS: Final = ("ic_number", "name", "email", "registered_at", "notify")
_ENVELOPE: Final = frozenset({"specversion", "id", "source", "type", "time", "datacontenttype"})
_HARMLESS: Final = frozenset(
    {"reason", "registered_at", "notify", "link_id", "account_id", "mail_id", "kind", "result", "settled_at",
     "redeemed_at", "activated_at", "failed_at", "smtp_code", "enhanced_code", "rejected_source", "rejected_id",
     "field"}
)  # fmt: skip
_PORTALS_OWN: Final = ("TokenRedeemed", "QuestionsSet", "QuestionsAnswered", "PasswordSet")
_HEADERS: Final = frozenset(
    {"x-origin", "x-lane", "x-attempt", "x-replay", "x-handbacks", "x-service", "x-queue", "x-reason", "x-field",
     "x-detail", "x-delivery-count", "x-death", "x-first-death-queue", "x-first-death-reason", "x-first-death-exchange",
     "count", "exchange", "queue", "routing-keys", "time"}
)  # fmt: skip


def body(raw: bytes, origin: str) -> Any:
    """A letter's body as it may be shown; a sentence where nothing of it may, or where it cannot be read."""
    return _shown(raw, origin, _masked)


def unmasked_body(raw: bytes, origin: str) -> Any:
    """The same with what is personal in clear, and nothing else: whoever shows this has it audited first."""
    return _shown(raw, origin, lambda _, value: value)


def _shown(raw: bytes, origin: str, show: _Show) -> Any:
    event = _parse(raw)
    if event is None:
        return f"{len(raw):,} bytes that are no JSON object"
    shown = {key: value if key in _ENVELOPE and isinstance(value, str) else HIDDEN for key, value in event.items()}
    if "data" in event:
        shown["data"] = _data(event["data"], str(event.get("type")), origin, show)
    return shown


def headers(found: Mapping[str, Any]) -> Any:
    """A letter's headers; those that a publisher made up are named and not shown."""
    return _plain_headers(found)


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


def _data(data: Any, type_: str, origin: str, show: _Show) -> Any:
    if origin == Exchange.PORTAL or any(name in type_ for name in _PORTALS_OWN):
        return f"{HIDDEN}: what a person did in the portal is never shown"
    if not isinstance(data, dict):
        return HIDDEN
    return {str(key): _field(str(key), value, show) for key, value in data.items()}


def _masked(key: str, value: str) -> str:
    return _MASKS[key](value)


def _field(key: str, value: Any, show: _Show) -> Any:
    if key in _MASKS and isinstance(value, str):
        return show(key, value)
    return value if key in _HARMLESS and isinstance(value, str | int | bool | None) else HIDDEN


def _plain_headers(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain_headers(item) for item in value]
    if isinstance(value, dict):
        return {
            key: _plain_headers(item) if key in _HEADERS or key == "reason" else HIDDEN for key, item in value.items()
        }
    return value


def _parse(raw: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
