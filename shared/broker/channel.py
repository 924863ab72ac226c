"""One consuming channel's life: its generation, its tags, and what of it is in hand."""

import itertools
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pika
from pika.channel import Channel

_generations = itertools.count(1)
_MANY: Final = 1000


@dataclass(slots=True, eq=False)
class Life:
    """One channel: its generation, and which of its tags are settled but not yet acked."""

    queue: str
    channel: Channel
    generation: int = field(default_factory=lambda: next(_generations))
    consumer_tag: str | None = None
    leaving: bool = False
    heard_at: float = field(default_factory=time.monotonic)
    unacked: deque[int] = field(default_factory=deque)
    settled: set[int] = field(default_factory=set)
    asked: Callable[[Any], None] | None = None

    def received(self, method: Any, properties: pika.BasicProperties, body: bytes) -> "Taken":
        """Note a delivery (or the answer to a get), which from now on must be settled."""
        tag = method.delivery_tag
        self.heard_at = time.monotonic()
        self.unacked.append(tag)
        return Taken(
            self.queue,
            self.generation,
            tag,
            method.exchange,
            as_text(method.routing_key) or "",
            method.redelivered,
            properties,
            body,
        )

    def settle(self, tag: int) -> None:
        """Note that a delivery is settled."""
        self.settled.add(tag)

    def ack(self) -> None:
        """Ack the settled prefix with one `multiple` ack; what is settled out of order waits for its turn.

        Not so once nothing more arrives: what is kept in hand during a pause holds up nothing behind it.
        """
        last = 0
        while self.unacked and self.unacked[0] in self.settled:
            last = self.unacked.popleft()
            self.settled.remove(last)
        if last and self.channel.is_open:
            self.channel.basic_ack(last, multiple=True)
        if self.leaving and self.settled and self.channel.is_open:
            for tag in sorted(self.settled):
                self.channel.basic_ack(tag, multiple=False)
            self.unacked = deque(tag for tag in self.unacked if tag not in self.settled)
            self.settled.clear()

    def consume(self, prefetch: int, receive: Callable[["Taken"], None], on_cancelled: Callable[[], None]) -> None:
        """Consume; `on_cancelled` is called when the broker ends it."""
        self.channel.add_on_cancel_callback(lambda _: on_cancelled())
        self.channel.basic_qos(prefetch_count=prefetch)
        self.consumer_tag = self.channel.basic_consume(
            self.queue,
            lambda _, method, properties, body: receive(self.received(method, properties, body)),
        )

    def cancel(self, on_done: Callable[[], None]) -> None:
        """Stop consuming. What the broker sends until it has read this still arrives, and can be settled."""
        tag = self.consumer_tag

        def done(_: object) -> None:
            self.consumer_tag = None
            on_done()

        if tag is not None and self.channel.is_open and not self.leaving:
            self.leaving = True
            self.channel.basic_cancel(tag, callback=done)
            # Else pika 1.4.4 rejects what still arrives (Channel._on_deliver), which the broker counts as a return.
            self.channel._cancelled.discard(tag)

    def is_idle(self, seconds: float) -> bool:
        """Whether it consumes, has nothing in hand, and has heard nothing for so long."""
        return self.consumer_tag is not None and not self.unacked and time.monotonic() - self.heard_at > seconds

    def ask_one(self, answer: Callable[[Any], None]) -> None:
        """Get one message; the answer is None where the queue is empty."""
        self.asked = answer
        self.channel.basic_get(
            self.queue, lambda _, method, properties, body: self.reply(self.received(method, properties, body))
        )

    def ask_count(self, answer: Callable[[Any], None]) -> None:
        """Ask how many messages of the queue nobody has in hand."""
        self.asked = answer
        self.channel.queue_declare(
            self.queue, passive=True, callback=lambda frame: self.reply(frame.method.message_count)
        )

    def reply(self, answer: Any) -> None:
        """Tell who asked, if anybody did."""
        asked, self.asked = self.asked, None
        if asked is not None:
            asked(answer)


@dataclass(slots=True, eq=False)
class Taken:
    """A message in hand. It belongs to a generation of its queue's channel; when that is over, so is this."""

    queue: str
    generation: int
    tag: int
    exchange: str
    routing_key: str
    redelivered: bool
    properties: pika.BasicProperties
    body: bytes

    @property
    def headers(self) -> Mapping[str, Any]:
        """The headers, whoever put them on."""
        return self.properties.headers or {}

    @property
    def returns(self) -> int:
        """How often it came back unsettled, mostly because a worker died with it in hand.

        Only on a redelivery the header is surely the broker's: at a first one a publisher's own stays [3.10.8]. Where
        it cannot be read, it is taken for many.
        """
        if not self.redelivered:
            return 0
        count = self.headers.get("x-delivery-count", 0)
        return count if isinstance(count, int) and getattr(self.properties, "readable", True) else _MANY


def as_text(value: Any) -> str | None:
    """A text of a publisher's, which pika leaves as bytes where it is not UTF-8."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value
