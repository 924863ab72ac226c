"""Consuming and acking, on a connection of its own: a channel a queue, and tags that die with their channel."""

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Final

import pika
import structlog
from pika import spec
from pika.exceptions import ChannelClosedByClient

from shared.broker.channel import Life, Taken
from shared.broker.connection import BrokerConnection

_log = structlog.get_logger()
_AGAIN_SECONDS: Final = 1.0
_ANSWER_SECONDS: Final = 5.0
_IDLE_SECONDS: Final = 6.0


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
        self._quiet = True
        self._woken = False

    def start(self) -> None:
        """Connect in the background; consuming begins with `resume`."""
        self._connection.start()

    def stop(self) -> None:
        """Close the connection; the broker gives what is unsettled to others."""
        self._connection.stop()

    @property
    def is_connected(self) -> bool:
        """Whether its connection is open."""
        return self._connection.current is not None

    def resume(self) -> None:
        """Consume, now and after every reconnection."""
        if not self._wanted:
            self._wanted = True
            self._connection.call(self._open_missing)

    def cancel(self) -> bool:
        """Stop consuming; True when nothing more can arrive. What is in the buffers can still be settled."""
        self._wanted = self._quiet = False
        self._connection.call(self._cancel_all)
        with self._changed:
            return self._changed.wait_for(lambda: self._quiet or self._connection.current is None, _ANSWER_SECONDS)

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

    def count(self, queue: str) -> int:
        """How many messages of a queue that is not consumed from nobody has in hand; 0 without an answer."""
        return self._ask(queue, Life.ask_count) or 0

    def get(self, queue: str) -> Taken | None:
        """Get one message of a queue that is not consumed from; None when it is empty or there is no answer."""
        answer: Taken | None = self._ask(queue, Life.ask_one)
        return answer

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
        life = self._channels.get(message.queue)
        return life is not None and life.generation == message.generation

    def has_channels(self) -> bool:
        """Whether anything in hand can be settled at all."""
        return bool(self._channels)

    def settle(self, messages: Sequence[Taken]) -> None:
        """Ack messages, soon; a `multiple` ack covers a settled prefix of a channel. Late ones are dropped."""
        self._connection.call(lambda: self._settle(messages))

    def connected(self, _: pika.SelectConnection) -> None:
        """Consume from every queue, if that is wanted."""
        self._open_missing()
        self._renew_idle()

    def disconnected(self) -> None:
        """All channels and tags are gone, and what is in the buffers is no longer ours."""
        for life in list(self._channels.values()):
            life.reply(None)
        self._channels.clear()
        self._announce()

    def _ask(self, queue: str, question: Callable[[Life, Callable[[Any], None]], None]) -> Any:
        """Ask the broker something about a queue, on that queue's channel; None without an answer."""
        answers = SimpleQueue[Any]()

        def ask() -> None:
            life = self._channels.get(queue)
            if life is None:
                self._open(queue, lambda opened: question(opened, answers.put))
            elif life.channel.is_open:
                question(life, answers.put)

        if self._connection.current is None:
            return None
        self._connection.call(ask)
        try:
            return answers.get(timeout=_ANSWER_SECONDS)
        except Empty:
            # A late answer may be a message: with its channel closed, it is nobody's.
            self._connection.call(lambda: self._close(queue))
            return None

    def _open_missing(self) -> None:
        """Consume from every queue on a new channel; one on which consuming was cancelled is closed first."""
        if not self._wanted:
            return
        for queue in self._prefetch:
            life = self._channels.get(queue)
            if life is None:
                self._open(queue, self._consume)
            elif life.consumer_tag is None:
                self._close(queue)

    def _open(self, queue: str, then: Callable[[Life], None]) -> None:
        connection = self._connection.current
        if connection is None:
            return

        def on_open(_: object) -> None:
            life.channel.add_callback(lambda _: life.reply(None), [spec.Basic.GetEmpty], one_shot=False)
            then(life)

        life = self._channels[queue] = Life(queue, connection.channel(on_open_callback=on_open))
        life.channel.add_on_close_callback(lambda _, reason: self._on_channel_closed(life, reason))

    def _close(self, queue: str) -> None:
        life = self._channels.get(queue)
        if life is not None and life.channel.is_open:
            life.channel.close()

    def _consume(self, life: Life) -> None:
        if not self._wanted:
            life.channel.close()
            return
        buffer = self._buffers[life.queue]

        def receive(message: Taken) -> None:
            buffer.append(message)
            if len(buffer) == 1:
                self._announce()

        life.consume(self._prefetch[life.queue], receive, lambda: self._on_cancelled(life))

    def _renew_idle(self) -> None:
        """Open a channel anew that has nothing in hand and has heard nothing for a while.

        From a queue that was deleted and declared again at once the broker goes on consuming by itself, without a
        cancel; but what it then delivers never arrives [3.10.8].
        """
        for life in self._channels.values():
            if life.is_idle(_IDLE_SECONDS):
                life.cancel(self._on_cancel_ok)
        self._connection.later(_IDLE_SECONDS / 3, self._renew_idle)

    def _on_cancelled(self, life: Life) -> None:
        """The broker cancelled: the queue was deleted, or its leader lost. A new channel is opened."""
        _log.warning("consumer_cancelled", queue=life.queue)
        if life.channel.is_open:
            life.channel.close()

    def _on_channel_closed(self, life: Life, reason: Exception) -> None:
        life.consumer_tag = None
        if self._channels.get(life.queue) is life:
            del self._channels[life.queue]
        life.reply(None)
        self._note_quiet()
        if isinstance(reason, ChannelClosedByClient):
            self._open_missing()
        elif self._connection.current is not None:
            _log.warning("consume_channel_closed", queue=life.queue, error=str(reason))
            self._connection.later(_AGAIN_SECONDS, self._open_missing)

    def _cancel_all(self) -> None:
        for life in self._channels.values():
            life.cancel(self._on_cancel_ok)
        self._note_quiet()

    def _on_cancel_ok(self) -> None:
        self._note_quiet()
        self._open_missing()  # where consuming is wanted again by now

    def _note_quiet(self) -> None:
        self._quiet = all(life.consumer_tag is None for life in self._channels.values())
        self._announce()

    def _settle(self, messages: Sequence[Taken]) -> None:
        touched = dict[str, Life]()
        for message in messages:
            life = self._channels.get(message.queue)
            if life is not None and life.generation == message.generation:
                life.settle(message.tag)
                touched[message.queue] = life
        for life in touched.values():
            life.ack()

    def _announce(self) -> None:
        with self._changed:
            self._changed.notify_all()
