"""The topology as one table of data: everything is declared, checked and drawn from it.

Works on RabbitMQ 3.10 and 4.x. Queue arguments here are the safety contract, so they are arguments and no policy:
https://www.rabbitmq.com/docs/quorum-queues#activating-at-least-once-dead-lettering (at-least-once needs
`reject-publish` as well, or it silently falls back to at-most-once).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from schemas.events import Exchange, Lane
from shared.broker.verdicts import Wait

HOME: Final = "aktif.home"
"""Direct exchange behind the wait queues. Only workers and operators reach it, so our headers are believed there."""
BROKEN: Final = "aktif.dead"
"""Where the broker sends what it gives up: the delivery limit, and what no queue is bound for."""
LETTERS: Final = "aktif.letters"
"""Where workers send dead letters, with their reason in headers."""
DEAD_QUEUE: Final = "dead"

SERVICES: Final = ("state", "mailer")
"""The services that work events, each with a queue a lane and one for suspects."""

_QUORUM: Final = {"x-queue-type": "quorum"}
_SAFE: Final = {"x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}
_WORK_DELIVERY_LIMIT: Final = 20
_SUSPECT_DELIVERY_LIMIT: Final = 5
_NO_DELIVERY_LIMIT: Final = 10_000_000
"""-1 loses the message at its first return on 3.10; leaving it out means 20 on 4.x."""
_FEED_DAYS: Final = 30
_FEED_LENGTH: Final = 1_000_000


def work_queue(service: str, lane: Lane) -> str:
    """`state.live`, `state.bulk`, `mailer.live`, `mailer.bulk`."""
    return f"{service}.{lane}"


def suspect_queue(service: str) -> str:
    """`state.suspect`, `mailer.suspect`."""
    return f"{service}.suspect"


def feed_queue(system: str) -> str:
    """The queue of one HR system."""
    return f"feed.{system}"


@dataclass(frozen=True, slots=True)
class ExchangeSpec:
    """A durable exchange; what no queue is bound for goes to `alternate`."""

    name: str
    kind: str
    alternate: str | None = None

    @property
    def arguments(self) -> dict[str, object]:
        """As RabbitMQ takes them."""
        return {"alternate-exchange": self.alternate} if self.alternate else {}


@dataclass(frozen=True, slots=True)
class QueueSpec:
    """A durable quorum queue."""

    name: str
    arguments: Mapping[str, object] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Binding:
    """Messages of `exchange` with `key` go to `queue`."""

    exchange: str
    queue: str
    key: str


@dataclass(frozen=True, slots=True)
class Topology:
    """What the broker must hold."""

    exchanges: tuple[ExchangeSpec, ...]
    queues: tuple[QueueSpec, ...]
    bindings: tuple[Binding, ...]


def _dead_lettering(queue: str, delivery_limit: int) -> QueueSpec:
    return QueueSpec(
        queue,
        {
            **_QUORUM,
            **_SAFE,
            "x-dead-letter-exchange": BROKEN,
            "x-dead-letter-routing-key": queue,
            "x-delivery-limit": delivery_limit,
        },
    )


def _wait(wait: Wait) -> QueueSpec:
    arguments = {**_QUORUM, **_SAFE, "x-dead-letter-exchange": HOME, "x-message-ttl": wait.seconds * 1000}
    return QueueSpec(wait.queue, arguments)


_work = [work_queue(service, lane) for service in SERVICES for lane in Lane]
_suspects = [suspect_queue(service) for service in SERVICES]

TOPOLOGY: Final = Topology(
    exchanges=(
        ExchangeSpec(BROKEN, "fanout"),
        ExchangeSpec(LETTERS, "fanout"),
        ExchangeSpec(HOME, "direct", BROKEN),
        ExchangeSpec(Exchange.HR, "topic", BROKEN),
        ExchangeSpec(Exchange.PORTAL, "topic", BROKEN),
        ExchangeSpec(Exchange.EVENTS, "topic", BROKEN),
        ExchangeSpec(Exchange.FEED, "topic"),
        *(ExchangeSpec(wait.queue, "fanout") for wait in Wait),
    ),
    queues=(
        *(_dead_lettering(queue, _WORK_DELIVERY_LIMIT) for queue in _work),
        *(_dead_lettering(queue, _SUSPECT_DELIVERY_LIMIT) for queue in _suspects),
        *(_wait(wait) for wait in Wait),
        QueueSpec(DEAD_QUEUE, {**_QUORUM, "x-delivery-limit": _NO_DELIVERY_LIMIT}),
    ),
    bindings=(
        *(
            Binding(exchange, work_queue("state", lane), f"{lane}.*")
            for exchange in (Exchange.HR, Exchange.PORTAL)
            for lane in Lane
        ),
        *(Binding(Exchange.EVENTS, work_queue("mailer", lane), f"{lane}.MailRequested") for lane in Lane),
        *(Binding(Exchange.EVENTS, work_queue("state", Lane.LIVE), f"{lane}.MailSettled") for lane in Lane),
        *(Binding(Exchange.EVENTS, work_queue("state", lane), f"{lane}.ActivationRequested") for lane in Lane),
        *(Binding(HOME, queue, queue) for queue in (*_work, *_suspects)),
        *(Binding(wait.queue, wait.queue, "") for wait in Wait),
        Binding(BROKEN, DEAD_QUEUE, ""),
        Binding(LETTERS, DEAD_QUEUE, ""),
    ),
)


def feed_topology(system: str) -> Topology:
    """What one HR system listens to: 30 days, a million messages, the oldest dropped first."""
    queue = feed_queue(system)
    arguments = {
        **_QUORUM,
        "x-message-ttl": _FEED_DAYS * 24 * 3600 * 1000,
        "x-max-length": _FEED_LENGTH,
        "x-overflow": "drop-head",
    }
    return Topology((), (QueueSpec(queue, arguments),), (Binding(Exchange.FEED, queue, f"{system}.*"),))
