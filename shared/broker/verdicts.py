"""What a handler is given, and what it says of it. Knows nothing of AMQP."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Literal

from schemas.envelope import Outgoing
from schemas.events import Lane


class Wait(Enum):
    """The wait queues, and how long each holds a message (seconds)."""

    S5 = ("wait.5s", 5)
    S30 = ("wait.30s", 30)
    M2 = ("wait.2m", 120)
    M10 = ("wait.10m", 600)
    H1 = ("wait.1h", 3600)

    @property
    def queue(self) -> str:
        """The name of the queue and of the fanout exchange in front of it."""
        return self.value[0]

    @property
    def seconds(self) -> int:
        """How long a message waits."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of one event.

    `exchange` is where the publisher sent it, which decides what it may hold; `attempt` counts from 1; `replay` counts
    operators' replays; `alone` is true for a suspect, which is worked with nothing else in hand. `via`,
    `routing_key` and `headers` are as this delivery came; the headers mean nothing unless only workers reach `via`.
    """

    body: bytes
    content_type: str | None
    exchange: str
    lane: Lane
    attempt: int = 1
    replay: int = 0
    alone: bool = False
    via: str = ""
    routing_key: str = ""
    headers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Done:
    """The event has had its effect, or needs none. `outgoing` is published and confirmed before the ack."""

    outgoing: Sequence[Outgoing] = ()


@dataclass(frozen=True, slots=True)
class Retry:
    """The event is tried again after `delay`, as the next attempt."""

    delay: Wait
    reason: str


@dataclass(frozen=True, slots=True)
class Dead:
    """The event becomes a dead letter, with a reason word, a detail, and the path of the field that is wrong."""

    reason: str
    detail: str
    field: str | None = None
    outgoing: Sequence[Outgoing] = ()


class _Untouched(Enum):
    UNTOUCHED = "untouched"


UNTOUCHED: Final = _Untouched.UNTOUCHED
"""Said of a delivery that the handler did not begin: it stays in hand, first in line for the next batch."""

Verdict = Done | Retry | Dead | Literal[_Untouched.UNTOUCHED]
Handler = Callable[[Sequence[Delivery]], Sequence[Verdict]]
"""From a batch of deliveries to one verdict for each, in the same order. May raise DependencyDown."""


class DependencyDown(Exception):
    """The broker, the database or the mail relay cannot be used: pause, probe and go on. Costs no message anything.

    `probe` raises while the dependency is down, and must need no message. `surely`: no message can have caused this.
    `begun`: something of the batch is done and not yet written. `probe` writes it first; until then the batch is nobody
    else's.
    """

    begun = False

    def __init__(self, what: str, why: str, probe: Callable[[], None], *, surely: bool = False) -> None:
        super().__init__(f"{what}: {why}")
        self.what, self.why, self.probe, self.surely = what, why, probe, surely
