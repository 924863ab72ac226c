"""Publishing with pipelined confirms, on a connection of its own.

During a memory alarm the broker stops reading from connections that publish, so acks must not share this one:
https://www.rabbitmq.com/docs/connection-blocked
"""

import itertools
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pika
import structlog
from pika import spec
from pika.channel import Channel

from schemas.envelope import CONTENT_TYPE, Outgoing
from schemas.events import Exchange
from shared.broker.connection import BrokerConnection

_log = structlog.get_logger()
_AGAIN_SECONDS: Final = 1.0
_PERSISTENT: Final = 2
_SHORT: Final = 255
"""Bytes of a short string (AMQP 0-9-1 §4.2.5.3), of which names, ids and types are. pika fails on longer ones where
nobody hears of it, in the I/O thread, and would again at every reconnection."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message to publish, built anew: nothing of an earlier publisher's properties but these.

    An id or type that is too long for its property is left out, since only the body's counts.
    """

    exchange: str
    routing_key: str
    body: bytes
    message_id: str | None = None
    type: str | None = None
    content_type: str | None = CONTENT_TYPE
    headers: Mapping[str, str | int] | None = None

    @classmethod
    def of(cls, event: Outgoing) -> "Message":
        """The message of an outgoing event."""
        return cls(event.exchange, event.routing_key, event.body, event.id, event.type)


@dataclass(slots=True, eq=False)
class _Ticket:
    """Some messages that count as published together."""

    left: int
    on_confirmed: Callable[[], None]


@dataclass(slots=True, eq=False)
class _Channel:
    """What is known of one channel's life; a new channel begins with a new one of these."""

    channel: Channel
    confirms: bool = False
    unconfirmed: dict[int, tuple[Message, _Ticket]] = field(default_factory=dict)
    returned: Counter[tuple[str, str, bytes]] = field(default_factory=Counter)
    retrying: bool = False
    tags: Iterator[int] = field(default_factory=lambda: itertools.count(1))


class Publisher:
    """Publishes and calls back when the broker has everything on disk, however often it must be said again.

    Whatever a lost connection leaves unconfirmed is published again, under the same ids, on the next one.
    """

    def __init__(self, urls: Sequence[str], service: str) -> None:
        self._connection = BrokerConnection(urls, f"aktif-{service}-publish", self)
        self._now: _Channel | None = None
        self._backlog: deque[tuple[Message, _Ticket]] = deque()
        self._inbox: deque[tuple[Message, _Ticket]] = deque()

    def start(self) -> None:
        """Connect in the background."""
        self._connection.start()

    def stop(self) -> None:
        """Close the connection. What is not confirmed by then is in nobody's hands here."""
        self._connection.stop()

    @property
    def is_connected(self) -> bool:
        """Whether its connection is open."""
        return self._connection.current is not None

    def publish(self, messages: Sequence[Message], on_confirmed: Callable[[], None]) -> None:
        """Publish; `on_confirmed` is called once, in the I/O thread, when all are confirmed.

        Raises ValueError where one of them can be no AMQP message; then none is published.
        """
        for message in messages:
            _check(message)
        if not messages:
            on_confirmed()
            return
        ticket = _Ticket(len(messages), on_confirmed)
        self._inbox.extend((message, ticket) for message in messages)
        self._connection.call(self._flush)

    def publish_and_wait(self, messages: Sequence[Message], timeout: float) -> bool:
        """Publish, and say whether all were confirmed within some seconds. Raises as `publish` does."""
        confirmed = threading.Event()
        self.publish(messages, confirmed.set)
        return confirmed.wait(timeout)

    def connected(self, connection: pika.SelectConnection) -> None:
        """Open the channel of this connection."""
        connection.channel(on_open_callback=self._on_channel_open)

    def disconnected(self) -> None:
        """Keep what was not confirmed, in its order, for the next connection."""
        if self._now is not None:
            self._backlog.extendleft(reversed(self._now.unconfirmed.values()))
            self._now = None

    def _on_channel_open(self, channel: Channel) -> None:
        now = self._now = _Channel(channel)
        channel.add_on_close_callback(self._on_channel_closed)
        channel.add_on_return_callback(self._on_return)
        # An exchange that is not there closes the channel, so it is asked for before anything is published: else what
        # stands before the message that cannot go out would go out again with every try.
        for exchange in {message.exchange for message, _ in self._backlog}:
            channel.exchange_declare(exchange, passive=True)

        def on_confirming(_: object) -> None:
            now.confirms = True
            self._flush()

        channel.confirm_delivery(self._on_confirm, callback=on_confirming)

    def _on_channel_closed(self, channel: Channel, reason: Exception) -> None:
        """An exchange that is not there closes the channel; everything else waits until it is."""
        if self._now is None or self._now.channel is not channel:
            return
        self.disconnected()
        if channel.connection.is_open:
            _log.error("publish_channel_closed", error=str(reason), do="run `aktif provision`")
            self._connection.later(_AGAIN_SECONDS, lambda: self.connected(channel.connection))

    def _flush(self) -> None:
        now = self._now
        if now is None or not now.confirms or not now.channel.is_open:
            return
        while self._backlog or self._inbox:
            message, ticket = (self._backlog or self._inbox).popleft()
            now.unconfirmed[next(now.tags)] = (message, ticket)
            now.channel.basic_publish(
                message.exchange,
                message.routing_key,
                message.body,
                _properties(message),
                mandatory=message.exchange != Exchange.FEED,
            )

    def _on_return(self, _channel: Channel, method: spec.Basic.Return, _: pika.BasicProperties, body: bytes) -> None:
        """Nothing is bound, not even an alternate exchange. The confirm that follows is no success."""
        _log.error("unroutable", exchange=method.exchange, routing_key=method.routing_key, do="run `aktif provision`")
        if self._now is not None:
            self._now.returned[method.exchange, method.routing_key, body] += 1

    def _on_confirm(self, frame: Any) -> None:
        now = self._now
        if now is None:
            return
        method = frame.method
        refused = isinstance(method, spec.Basic.Nack)
        tags = _up_to(now.unconfirmed, method.delivery_tag) if method.multiple else [method.delivery_tag]
        for tag in tags:
            message, ticket = now.unconfirmed.pop(tag)
            if refused or (now.returned and _was_returned(now, message)):
                self._backlog.append((message, ticket))
                continue
            ticket.left -= 1
            if not ticket.left:
                ticket.on_confirmed()
        if self._backlog and not now.retrying:
            now.retrying = True
            self._connection.later(_AGAIN_SECONDS, lambda: self._retry(now))

    def _retry(self, now: _Channel) -> None:
        now.retrying = False
        self._flush()


def _was_returned(now: _Channel, message: Message) -> bool:
    """Whether the broker has given this message back, which it does before it confirms it."""
    key = (message.exchange, message.routing_key, message.body)
    if key not in now.returned:
        return False
    now.returned -= Counter([key])
    return True


def _up_to(unconfirmed: Mapping[int, object], tag: int) -> list[int]:
    return list(itertools.takewhile(lambda known: known <= tag, unconfirmed))


def _check(message: Message) -> None:
    for name in (message.exchange, message.routing_key, message.content_type or ""):
        if not _is_short(name):
            raise ValueError(f"{name[:40]!r}… is longer than {_SHORT} bytes, so it cannot be published")
    for value in (message.message_id, message.type, *(message.headers or {}).values()):
        if isinstance(value, str):
            value.encode()


def _is_short(text: str) -> bool:
    return len(text.encode()) <= _SHORT


def _properties(message: Message) -> pika.BasicProperties:
    return pika.BasicProperties(
        content_type=message.content_type,
        delivery_mode=_PERSISTENT,
        message_id=message.message_id if message.message_id and _is_short(message.message_id) else None,
        type=message.type if message.type and _is_short(message.type) else None,
        headers=dict(message.headers) if message.headers else None,
    )
