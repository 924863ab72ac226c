"""Our own headers: what a message carries from one of its lives to the next.

They are read only on deliveries from `aktif.home`, which only workers and operators can reach. Anywhere else a
publisher may have put them on, so they are ignored and the attempt is 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from schemas.events import Exchange, Lane
from shared.broker.channel import Taken, as_text
from shared.broker.publisher import Message
from shared.broker.topology import HOME, LETTERS, work_queue
from shared.broker.verdicts import Dead, Delivery, Wait
from shared.clock import now

DIED_AT: Final = "x-died-at"
"""The header of a worker's letter that says when, by that machine's clock, to the microsecond."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Where a message was first published, its lane, and how often it was tried, replayed and handed back."""

    origin: str
    lane: Lane
    attempt: int = 1
    replay: int = 0
    handbacks: int = 0

    @classmethod
    def of(cls, taken: Taken) -> "Marks":
        """The marks of a message in hand. Without an origin that can be believed it counts as HR's."""
        own_lane = Lane.BULK if taken.queue.endswith(f".{Lane.BULK}") else Lane.LIVE
        if taken.exchange != HOME:
            return cls(taken.exchange, own_lane)
        headers = taken.headers
        lane = headers.get("x-lane")
        return cls(
            origin=_text(headers.get("x-origin")) or Exchange.HR,
            lane=Lane(lane) if lane in list(Lane) else own_lane,
            attempt=_count(headers, "x-attempt", 1),
            replay=_count(headers, "x-replay", 0),
            handbacks=_count(headers, "x-handbacks", 0),
        )

    def headers(self) -> dict[str, str | int]:
        """As they are written on a message."""
        return {
            "x-origin": self.origin,
            "x-lane": self.lane.value,
            "x-attempt": self.attempt,
            "x-replay": self.replay,
            "x-handbacks": self.handbacks,
        }


def delivery(taken: Taken, marks: Marks, *, alone: bool) -> Delivery:
    """What a handler is given of a message in hand."""
    return Delivery(
        body=taken.body,
        content_type=as_text(taken.properties.content_type),
        exchange=marks.origin,
        lane=marks.lane,
        attempt=marks.attempt,
        replay=marks.replay,
        alone=alone,
        via=taken.exchange,
        routing_key=taken.routing_key,
        headers=taken.headers,
    )


def retried(taken: Taken, marks: Marks, wait: Wait) -> Message:
    """The next attempt, which comes home by itself."""
    return _anew(taken, wait.queue, taken.queue, replace(marks, attempt=marks.attempt + 1).headers())


def handed_back(taken: Taken, marks: Marks) -> Message:
    """A fresh copy that waits out a dependency that is down. Its attempt does not count."""
    return _anew(taken, Wait.S5.queue, taken.queue, replace(marks, handbacks=marks.handbacks + 1).headers())


def sent_home(taken: Taken, marks: Marks, queue: str) -> Message:
    """A fresh copy for a queue of ours: its own, when a worker stops; the suspects'."""
    return _anew(taken, HOME, queue, replace(marks, handbacks=0).headers())


def letter(taken: Taken, marks: Marks, service: str, dead: Dead) -> Message:
    """A dead letter with its reason, and the moment of its death, which tells this death from another of its event."""
    why = {"x-service": service, "x-queue": work_queue(service, marks.lane), "x-reason": dead.reason}
    why[DIED_AT] = now().isoformat()
    if dead.field:
        why["x-field"] = _sayable(dead.field)
    return _anew(taken, LETTERS, taken.queue, {**marks.headers(), **why, "x-detail": _sayable(dead.detail)})


def _anew(taken: Taken, exchange: str, key: str, headers: Mapping[str, str | int]) -> Message:
    properties = taken.properties
    return Message(
        exchange,
        key,
        taken.body,
        message_id=_text(properties.message_id),
        type=_text(properties.type),
        content_type=_text(properties.content_type),
        headers=headers,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _sayable(text: str) -> str:
    return text[:500].encode(errors="replace").decode()


def _count(headers: Mapping[str, Any], name: str, default: int) -> int:
    value = headers.get(name, default)
    return int(value) if isinstance(value, int) and 0 <= value < 1 << 31 else default
