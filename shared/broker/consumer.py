"""Consuming and acking, on a connection of its own: a channel a queue, and tags that die with their channel."""

import contextlib
import functools
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import Final

import pika
import structlog
from pika import spec
from pika.channel import Channel
from pika.exceptions import ChannelClosedByClient

from shared.broker.channel import Life, Taken
from shared.broker.connection import BrokerConnection

_log = structlog.get_logger()
_AGAIN_SECONDS: Final = 1.0


class Consumer:
    """Holds what some queues deliver until it is taken, and acks what is settled.

    `prefetch` says of each queue how many unsettled messages may be in hand; the first queue is served first.

    A consumer that the broker cancels, or a channel that it closes, is opened anew, never reused.
    """

    def __init__(self, urls: Sequence[str], service: str, prefetch: Mapping[str, int]) -> None:
        self._connection = BrokerConnection(urls, f"aktif-{service}-consume", self)
        self._prefetch = prefetch
        self._channels: dict[str, Life] = {}
        self._buffers: dict[str, deque[Taken]] = {queue: deque() for queue in prefetch}
        self._changed = threading.Condition()
        self._wanted = False
        self._woken = False
        self._opening: set[str] = set()
        self._answers: SimpleQueue[Taken | None] = SimpleQueue()

    def start(self) -> None:
        """Connect in the background; consuming begins with `resume`."""
        self._connection.start()

    def stop(self) -> None:
        """Close the connection; the broker gives what is unsettled to others."""
        self._connection.stop()

    def resume(self) -> None:
        """Consume, now and after every reconnection."""
        self._wanted = True
        self._connection.call(self._open_missing)

    def cancel(self, timeout: float = 5) -> None:
        """Stop consuming and wait until nothing more can arrive; what is in the buffers can still be settled."""
        self._wanted = False
        self._connection.call(self._cancel_all)
        with self._changed:
            self._changed.wait_for(lambda: all(c.consumer_tag is None for c in self._channels.values()), timeout)

    def wake(self) -> None:
        """Let a `wait` return."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def wait(self, timeout: float) -> bool:
        """Wait some seconds for something in a buffer; False when there is nothing."""
        with self._changed:
            self._changed.wait_for(lambda: self._woken or any(self._buffers.values()), timeout)
            self._woken = False
        return any(self._buffers.values())

    def get(self, queue: str, timeout: float = 5) -> Taken | None:
        """Get one message of a queue that is not consumed from; None when it is empty or the broker does not answer."""
        while not self._answers.empty():
            late = self._answers.get()
            if late is not None and self.is_current(late):
                return late
        if self._connection.current is None:
            return None
        self._connection.call(lambda: self._ask(queue))
        with contextlib.suppress(Empty):
            return self._answers.get(timeout=timeout)
        return None

    def take(self, most: int) -> list[Taken]:
        """Take messages that are still ours: the first queue's are served first."""
        taken = list[Taken]()
        for buffer in self._buffers.values():
            while buffer and len(taken) < most:
                message = buffer.popleft()
                if self.is_current(message):
                    taken.append(message)
        return taken

    def put_back(self, messages: Sequence[Taken]) -> None:
        """Put messages of one batch back, first in line."""
        for message in reversed(messages):
            self._buffers[message.queue].appendleft(message)

    def is_current(self, message: Taken) -> bool:
        """Whether a message can still be acked; if not, the broker delivers it again."""
        channel = self._channels.get(message.queue)
        return channel is not None and channel.generation == message.generation

    def has_channels(self) -> bool:
        """Whether anything in hand can be settled at all."""
        return bool(self._channels)

    def settle(self, messages: Sequence[Taken]) -> None:
        """Ack messages, soon; a `multiple` ack covers a settled prefix of a channel. Late ones are dropped."""
        self._connection.call(lambda: self._settle(messages))

    def connected(self, _: pika.SelectConnection) -> None:
        """Consume from every queue, if that is wanted."""
        self._open_missing()

    def disconnected(self) -> None:
        """All channels and tags are gone, and what is in the buffers is no longer ours."""
        self._channels.clear()
        self._opening.clear()
        self._announce()

    def _ask(self, queue: str) -> None:
        life, connection = self._channels.get(queue), self._connection.current
        if life is not None:
            self._get_one(life)
        elif connection is not None:
            self._open(connection, queue, self._prepare_to_get)

    def _prepare_to_get(self, life: Life) -> None:
        life.channel.add_callback(lambda _: self._answers.put(None), [spec.Basic.GetEmpty], one_shot=False)
        self._get_one(life)

    def _get_one(self, life: Life) -> None:
        def receive(_: Channel, method: spec.Basic.GetOk, properties: pika.BasicProperties, body: bytes) -> None:
            self._answers.put(life.received(method, properties, body))

        life.channel.basic_get(life.queue, receive)

    def _open_missing(self) -> None:
        connection = self._connection.current
        if connection is not None and self._wanted:
            for queue in self._prefetch:
                self._renew(connection, queue)

    def _renew(self, connection: pika.SelectConnection, queue: str) -> None:
        """Consume on a new channel; one on which consuming was cancelled is closed first."""
        life = self._channels.get(queue)
        if life is not None and life.consumer_tag is None and life.channel.is_open:
            life.channel.close()
        elif life is None:
            self._open(connection, queue, self._consume)

    def _open(self, connection: pika.SelectConnection, queue: str, then: Callable[[Life], None]) -> None:
        if queue in self._channels or queue in self._opening:
            return
        self._opening.add(queue)

        def on_open(channel: Channel) -> None:
            self._opening.discard(queue)
            life = Life(queue, channel)
            self._channels[queue] = life
            channel.add_on_close_callback(lambda _, reason: self._on_channel_closed(life, reason))
            then(life)

        connection.channel(on_open_callback=on_open)

    def _consume(self, life: Life) -> None:
        if not self._wanted:
            life.channel.close()
            return
        buffer = self._buffers[life.queue]

        def receive(_: Channel, method: spec.Basic.Deliver, properties: pika.BasicProperties, body: bytes) -> None:
            buffer.append(life.received(method, properties, body))
            if len(buffer) == 1:
                self._announce()

        life.channel.add_on_cancel_callback(lambda _: self._on_cancelled(life))
        life.channel.basic_qos(prefetch_count=self._prefetch[life.queue])
        life.consumer_tag = life.channel.basic_consume(life.queue, receive)

    def _on_cancelled(self, life: Life) -> None:
        """The broker cancelled: the queue was deleted, or its leader lost. A new channel is opened."""
        _log.warning("consumer_cancelled", queue=life.queue)
        if life.channel.is_open:
            life.channel.close()

    def _on_channel_closed(self, life: Life, reason: Exception) -> None:
        life.consumer_tag = None
        if self._channels.get(life.queue) is life:
            del self._channels[life.queue]
        self._announce()
        if isinstance(reason, ChannelClosedByClient):
            self._open_missing()
        elif self._wanted:
            _log.warning("consume_channel_closed", queue=life.queue, error=str(reason))
            self._connection.later(_AGAIN_SECONDS, self._open_missing)

    def _cancel_all(self) -> None:
        for life in self._channels.values():
            if life.consumer_tag is not None and life.channel.is_open:
                life.channel.basic_cancel(life.consumer_tag, callback=functools.partial(self._on_cancel_ok, life))

    def _on_cancel_ok(self, life: Life, _: object) -> None:
        life.consumer_tag = None
        self._announce()

    def _settle(self, messages: Sequence[Taken]) -> None:
        touched = set[str]()
        for message in messages:
            life = self._channels.get(message.queue)
            if life is not None and life.generation == message.generation:
                life.settle(message.tag)
                touched.add(message.queue)
        for queue in touched:
            self._channels[queue].ack()

    def _announce(self) -> None:
        with self._changed:
            self._changed.notify_all()
