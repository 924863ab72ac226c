"""One event for one person that an operator asks for, and what became of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import uuid4

from sqlalchemy import Connection, text

from schemas.envelope import Outgoing, outgoing
from schemas.events import EventData, Exchange, Lane, routing_key

_WORDS: Final[Mapping[str, str]] = {
    "same_link": "the mail with the link that the person already has is on its way; its minutes start anew",
    "new_link": "a mail with a new link is on its way",
    "withdrawn": "the registration is withdrawn",
    "withdrawn_before_registration": "nobody was registered under this IC number yet; a registration that HR sent "
    "earlier and that is still on its way will be ignored",
    "repeated": "it was withdrawn before; nothing changed",
}
_WHY_NOT: Final[Mapping[str, str]] = {
    "unknown_account": "no account has this IC number; register the person first (`aktif register`)",
    "throttled": "another mail was asked for a moment ago; wait a minute",
    "already_active": "the account is active already; the person logs in, or uses Lupa Kata Laluan",
    "withdrawn": "the registration was withdrawn; register the person again first (`aktif register --again`)",
    "stale": "HR sent a newer registration of this person meanwhile; look at {look}",
}
HARMLESS: Final = "repeated"
_OUTCOME: Final = text(
    "SELECT outcome, reason FROM state_inbox WHERE source = :source AND id = :id "
    "UNION ALL SELECT 'dead', reason FROM letters WHERE source = :source AND id = :id"
)


def request(data: EventData, source: str, at: datetime, *, id: str | None = None, lane: Lane = Lane.LIVE) -> Outgoing:
    """An event of HR's or of an operator's own, by its source: `/aktif/…` is an operator's."""
    exchange = Exchange.EVENTS if source.startswith("/aktif/") else Exchange.HR
    key = routing_key(lane, data)
    return outgoing(data, id=id or str(uuid4()), source=source, time=at, exchange=exchange, routing_key=key)


def outcome(connection: Connection, source: str, id: str) -> tuple[str, str | None] | None:
    """What became of an event by now; `dead` where it is a dead letter, None where nothing is known."""
    row = connection.execute(_OUTCOME, {"source": source, "id": id}).first()
    return (row[0], row[1]) if row else None


def in_words(outcome: str | None, reason: str | None, look: str) -> str:
    """What became of an event for a person, in a sentence; `look` is where more is told, or will be."""
    match outcome:
        case None:
            return (
                "published and safe in the broker; no outcome is known yet: see `aktif queues` (does `aktif state` "
                f"run?) and later {look}"
            )
        case "applied":
            return f"done: {_WORDS.get(reason or '', reason)}"
        case "dead":
            return f"not done: it became a dead letter ({reason}); see `aktif dead list --reason {reason}`"
        case _ if reason == HARMLESS:
            return f"nothing to do: {_WORDS[HARMLESS]}"
        case _:
            why = _WHY_NOT.get(reason or "", "see {look}").format(look=look)
            return f"not done ({outcome}: {reason}): {why}"
