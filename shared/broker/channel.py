"""One consuming channel's life: its generation, its tags, and what of it is in hand."""

import itertools
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pika
from pika.channel import Channel

_generations = itertools.count(1)


@dataclass(slots=True, eq=False)
class Life:
    """One channel: its generation, and which of its tags are settled but not yet acked."""

    queue: str
    channel: Channel
    generation: int = field(default_factory=lambda: next(_generations))
    consumer_tag: str | None = None
    unacked: deque[int] = field(default_factory=deque)
    settled: set[int] = field(default_factory=set)

    def received(self, method: Any, properties: pika.BasicProperties, body: bytes) -> "Taken":
        """Note a delivery (or the answer to a get), which from now on must be settled."""
        self.unacked.append(method.delivery_tag)
        return Taken(
            self.queue, self.generation, method.delivery_tag, method.exchange, method.routing_key, properties, body
        )

    def settle(self, tag: int) -> None:
        """Note that a delivery is settled."""
        self.settled.add(tag)

    def ack(self) -> None:
        """Ack the settled prefix with one `multiple` ack; what is settled out of order waits for its turn."""
        last = 0
        while self.unacked and self.unacked[0] in self.settled:
            last = self.unacked.popleft()
            self.settled.remove(last)
        if last and self.channel.is_open:
            self.channel.basic_ack(last, multiple=True)


@dataclass(slots=True, eq=False)
class Taken:
    """A message in hand. It belongs to a generation of its queue's channel; when that is over, so is this."""

    queue: str
    generation: int
    tag: int
    exchange: str
    routing_key: str
    properties: pika.BasicProperties
    body: bytes

    @property
    def headers(self) -> Mapping[str, Any]:
        """The headers, whoever put them on."""
        return self.properties.headers or {}

    @property
    def returns(self) -> int:
        """How often it came back unsettled, mostly because a worker died with it in hand."""
        count = self.headers.get("x-delivery-count", 0)
        return count if isinstance(count, int) else 0
