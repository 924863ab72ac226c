"""From a dead letter as it came to the row it is filed under. Pure, and never fails: bytes first, parsed after."""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic_core import from_json

from schemas.envelope import identity
from schemas.events import Exchange, Lane
from schemas.fields import IC_PATTERN, Instant
from shared.broker.marks import DIED_AT
from shared.broker.topology import BROKEN, HOME, LETTERS, SERVICES, work_queue
from shared.broker.verdicts import Delivery

_MAX_HEADERS: Final = 16 * 1024
_NUMBERS: Final = re.compile(r"\d+")
_CODES: Final = re.compile(r"[2-5]\d\d(?: [245]\.\d{1,3}\.\d{1,3})?(?=\s|$)", re.ASCII)
"""Basic and enhanced code, with which a mail server's reply begins."""
_TIME: Final[TypeAdapter[datetime]] = TypeAdapter(Instant)
_MAILERS_TYPE: Final = "aktif.MailRequested.v1"

Row = dict[str, Any]


def file(delivery: Delivery) -> Row:
    """The columns of `letters` for one letter."""
    event = _parse(delivery.body)
    found = identity(event)
    source, id_ = found or ("", f"sha256:{hashlib.sha256(delivery.body).hexdigest()}")
    row = {
        "source": source,
        "id": id_,
        "type": _text(event.get("type")),
        "ic_number": _ic_number(event),
        "event_time": _time(event.get("time")),
        "readable": found is not None,
        "body": delivery.body,
        "headers": _as_json(delivery.headers),
        **(_from_worker(delivery) if delivery.via == LETTERS else _from_broker(delivery, event)),
    }
    return {**row, "fingerprint": _fingerprint(row)}


def _from_worker(delivery: Delivery) -> Row:
    headers = delivery.headers
    return {
        "service": _text(headers.get("x-service")) or "unknown",
        "queue": _text(headers.get("x-queue")) or "unknown",
        "origin": _text(headers.get("x-origin")) or Exchange.HR.value,
        "reason": _text(headers.get("x-reason")) or "unknown",
        "field": _text(headers.get("x-field")),
        "detail": _text(headers.get("x-detail")),
        "attempt": _count(headers, "x-attempt", 1),
        "replay": _count(headers, "x-replay", 0),
        "by_broker": False,
        "died_at": _time(headers.get(DIED_AT)),
    }


def _from_broker(delivery: Delivery, event: Mapping[str, Any]) -> Row:
    """What the broker gave up, past its delivery limit or bound for no queue.

    https://www.rabbitmq.com/docs/dlx#effects: the newest death is first. An alternate exchange leaves the name of the
    exchange it was published to. Headers are believed only where a worker must have written them.
    """
    death = _newest_death(delivery) if delivery.via == BROKEN else {}
    last_queue = str(death.get("queue", ""))
    ours = delivery.via == HOME or last_queue.endswith(".suspect")
    headers = delivery.headers if ours else {}
    queue = _home_queue(delivery, last_queue, headers, event)
    return {
        "service": queue.partition(".")[0],
        "queue": queue,
        "origin": _origin(delivery, headers),
        "reason": _text(death.get("reason")) or "unroutable",
        "field": None,
        "detail": f"routing key {_text(delivery.routing_key)}" if not death else None,
        "attempt": _count(headers, "x-attempt", 1),
        "replay": _count(headers, "x-replay", 0),
        "by_broker": True,
        "died_at": _time(death.get("time")),
    }


def _newest_death(delivery: Delivery) -> Mapping[str, Any]:
    deaths = delivery.headers.get("x-death")
    newest = deaths[0] if isinstance(deaths, list) and deaths else None
    return newest if isinstance(newest, dict) else {}


def _home_queue(delivery: Delivery, last_queue: str, headers: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    """The work queue that a replay goes to.

    What came through an exchange and no queue names only its lane; a publisher does not choose whose queue it is.
    """
    named = last_queue or (_text(delivery.routing_key) or "" if delivery.via == HOME else "")
    service, _, last = named.partition(".")
    if service not in SERVICES:
        service = "mailer" if delivery.via == Exchange.EVENTS and event.get("type") == _MAILERS_TYPE else "state"
        last = (_text(delivery.routing_key) or "").partition(".")[0]
    lane = headers.get("x-lane") if last == "suspect" else last
    return work_queue(service, Lane.BULK if lane == Lane.BULK else Lane.LIVE)


def _origin(delivery: Delivery, headers: Mapping[str, Any]) -> str:
    if delivery.via in set(Exchange):
        return delivery.via
    return _text(headers.get("x-origin")) or Exchange.HR.value


def _parse(body: bytes) -> dict[str, Any]:
    try:
        parsed = from_json(body)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _ic_number(event: Mapping[str, Any]) -> str | None:
    data = event.get("data")
    value = data.get("ic_number") if isinstance(data, dict) else None
    return value if isinstance(value, str) and IC_PATTERN.fullmatch(value) else None


def _time(value: object) -> datetime | None:
    try:
        return _TIME.validate_python(value)
    except ValueError:
        return None


def _fingerprint(row: Row) -> str:
    """What letters of one cause share."""
    cause = (row["service"], row["type"], row["reason"], row["field"], _gist(row["reason"], row["detail"] or ""))
    return hashlib.sha256(repr(cause).encode()).hexdigest()[:16]


def _gist(reason: str, detail: str) -> str:
    """What of a detail tells causes apart: of a mail server's reply the codes, of other words all but their numbers.

    The words of a reply differ from mail to mail: they name hosts, addresses, times and ids of a session.
    """
    codes = _CODES.match(detail) if reason == "gave_up" else None
    return codes[0] if codes else _NUMBERS.sub("#", detail)


def _text(value: object, most: int = 500) -> str | None:
    """A text as PostgreSQL takes it: without NUL and lone surrogates."""
    if not isinstance(value, str) or not value:
        return None
    return value[:most].encode(errors="replace").decode().replace("\x00", "\ufffd")


def _count(headers: Mapping[str, Any], name: str, default: int) -> int:
    value = headers.get(name, default)
    return int(value) if isinstance(value, int) and 0 <= value < 1 << 31 else default


def _as_json(headers: Mapping[str, Any]) -> str:
    text = json.dumps(_plain(headers), ensure_ascii=False)
    return text if len(text) <= _MAX_HEADERS else json.dumps({"left_out": f"{len(text)} characters of headers"})


def _plain(value: Any, depth: int = 0) -> Any:
    match value:
        case bool() | None | float():
            return value if not isinstance(value, float) or abs(value) < 1e300 else str(value)
        case int():
            return int(value)
        case str():
            return _text(value, _MAX_HEADERS) or ""
        case datetime():
            return value.isoformat()
        case dict() if depth < 5:
            return {_text(str(key)) or "": _plain(item, depth + 1) for key, item in value.items()}
        case list() if depth < 5:
            return [_plain(item, depth + 1) for item in value]
        case bytes():
            return _text(value.decode(errors="replace"), _MAX_HEADERS) or ""
        case _:
            return _text(str(value)) or ""
