"""The one worker loop: batch → handler → verdicts → publish and confirm everything → ack.

Only this loop settles. Nothing is acked before everything it causes is durable.
"""

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Final

import structlog

from shared import metrics
from shared.broker import tally
from shared.broker.channel import Taken
from shared.broker.consumer import Consumer
from shared.broker.judge import Judge, Timing
from shared.broker.marks import Marks, delivery, handed_back, letter, retried, sent_home
from shared.broker.publisher import Message, Publisher
from shared.broker.verdicts import Dead, DependencyDown, Done, Handler, Retry, Verdict
from shared.health import Health

_log = structlog.get_logger()
_SUSPICIOUS_RETURNS: Final = 2
_SUSPICIOUS_HANDBACKS: Final = 3
_IN_FLIGHT: Final = 2
_ALL: Final = 1 << 30

Fate = tuple[Taken, Sequence[Message]]
"""A message in hand, and what must be confirmed before it is acked."""


@dataclass(frozen=True, slots=True)
class Duty:
    """What a worker works: its queues, the first served first, and how many messages make a batch.

    A duty without suspects is one whose queue nothing is ever dropped from, so it keeps what it holds for as long as it
    takes and hands nothing back (the archivist's).
    """

    service: str
    queues: tuple[str, ...]
    suspects: str | None
    batch: int = 500
    prefetch: int = 1500
    timing: Timing = field(default_factory=Timing)


class Worker:
    """Works deliveries until it is told to stop. Everything but the I/O runs in the thread that calls `run`."""

    def __init__(self, duty: Duty, urls: Sequence[str], handler: Handler) -> None:
        self._duty = duty
        self._timing = duty.timing
        self._stopping = threading.Event()
        self._left = threading.Event()
        self._stop_requests = SimpleQueue[None]()
        self._publisher = Publisher(urls, duty.service)
        self._consumer = Consumer(urls, duty.service, dict.fromkeys(duty.queues, duty.prefetch))
        self.health = Health(self._connections)
        self._judge = Judge(handler, duty.timing, self._stopping, self.health, forgiving=duty.suspects is None)
        self._slots = threading.Semaphore(_IN_FLIGHT)
        self._batch: Sequence[Taken] = ()
        self._suspects_at = 0.0

    def request_stop(self) -> None:
        """Take nothing more, finish the batch, settle, close: `run` returns within 10 s. For a signal handler.

        A handler runs between any two steps of the main thread, which may hold any lock; this takes none:
        https://docs.python.org/3/library/queue.html#queue.SimpleQueue.put
        """
        self._stop_requests.put(None)

    def holds_batch(self) -> bool:
        """Whether what the handler works on is still ours to settle; if not, nothing further of it is to be begun."""
        return all(map(self._consumer.is_current, self._batch))

    def run(self) -> None:
        """Work until `request_stop`."""
        _log.info("worker_started", queues=self._duty.queues, pid=os.getpid())
        tally.begin(self._duty.queues)
        threading.Thread(target=self._await_stop, daemon=True).start()
        self._publisher.start()
        self._consumer.start()
        while True:
            self.health.turned()
            self._consumer.resume()
            ready = self._consumer.wait(self._timing.suspects)
            if self._stopping.is_set():
                break
            if self._duty.suspects is not None and (not ready or time.monotonic() >= self._suspects_at):
                self._work_suspects(self._duty.suspects)
            self._work(self._consumer.take(self._duty.batch))
        self._leave()

    def _work(self, batch: Sequence[Taken]) -> None:
        """Work a batch of the consumed queues, without what may have killed a worker."""
        suspicious = [taken for taken in batch if self._is_suspicious(taken)]
        if suspicious:
            _log.warning("suspects_moved", count=len(suspicious))
            metrics.SUSPECTS_MOVED.inc(len(suspicious))
            self._publish_then_ack([(taken, [self._handed_over(taken)]) for taken in suspicious])
            self._suspects_at = min(self._suspects_at, time.monotonic() + self._timing.suspects)
            batch = [taken for taken in batch if not self._is_suspicious(taken)]
        if batch:
            self._judge_and_settle(batch)

    def _judge_and_settle(self, batch: Sequence[Taken], *, alone: bool = False) -> None:
        self._batch = list({(taken.queue, taken.generation): taken for taken in batch}.values())
        marks = [Marks.of(taken) for taken in batch]
        deliveries = [delivery(taken, mark, alone=alone) for taken, mark in zip(batch, marks, strict=True)]
        verdicts = self._judge.judge(deliveries, self.holds_batch)
        self._batch = ()
        if isinstance(verdicts, DependencyDown):
            self._pause(verdicts, batch)
        else:
            tally.judged(batch, verdicts)
            self._settle(batch, marks, verdicts)

    def _settle(self, batch: Sequence[Taken], marks: Sequence[Marks], verdicts: Sequence[Verdict]) -> None:
        """Publish what the verdicts ask for, and ack when it is confirmed, while the next batch is worked."""
        fates, untouched = list[Fate](), list[Taken]()
        for taken, mark, verdict in zip(batch, marks, verdicts, strict=True):
            match verdict:
                case Done(outgoing):
                    fates.append((taken, [Message.of(event) for event in outgoing]))
                case Retry(delay, reason):
                    _log.info("retry", queue=taken.queue, reason=reason, attempt=mark.attempt)
                    fates.append((taken, [retried(taken, mark, delay)]))
                case Dead(reason, _, path, outgoing):
                    _log.warning("dead_letter", queue=taken.queue, reason=reason, field=path)
                    last = letter(taken, mark, self._duty.service, verdict)
                    fates.append((taken, [*map(Message.of, outgoing), last]))
                case _:
                    untouched.append(taken)
        self._put_back(untouched)
        self._publish_then_ack(fates)

    def _publish_then_ack(self, fates: Sequence[Fate]) -> None:
        """Publish, and ack once all is confirmed; at most so many batches are on their way at a time.

        What is no longer ours is left out: it is delivered again, and its inbox row says then what to publish.
        """
        if not fates or not self._acquire(1):
            return
        ours = [fate for fate in fates if self._consumer.is_current(fate[0])]

        def confirmed() -> None:
            self._consumer.settle([taken for taken, _ in ours])
            self._slots.release()

        self._publisher.publish([message for _, messages in ours for message in messages], confirmed)

    def _acquire(self, slots: int) -> bool:
        """Wait for slots; False when a stop is asked for and nothing in hand can be acked any more."""
        with self.health.awaiting_confirms():
            for held in range(slots):
                while not self._slots.acquire(timeout=0.2):
                    if self._stopping.is_set() and not self._consumer.has_channels():
                        if held:
                            self._slots.release(held)
                        return False
        return True

    def _wait_until_settled(self) -> None:
        if self._acquire(_IN_FLIGHT):
            self._slots.release(_IN_FLIGHT)

    def _is_suspicious(self, taken: Taken) -> bool:
        return self._duty.suspects is not None and taken.returns >= _SUSPICIOUS_RETURNS

    def _work_suspects(self, queue: str) -> None:
        """Work suspects one at a time, with nothing else in hand, for a second; then the others have their turn."""
        self._suspects_at = time.monotonic() + self._timing.look
        if not self._consumer.count(queue) or not self._consumer.cancel():
            return
        self._work_off()
        until = time.monotonic() + self._timing.suspects
        while not self._stopping.is_set() and time.monotonic() < until and (suspect := self._consumer.get(queue)):
            metrics.SUSPECTS_WORKED.inc()
            self._judge_and_settle([suspect], alone=True)
            self._wait_until_settled()
        self._suspects_at = time.monotonic()

    def _work_off(self) -> None:
        """Work what is in hand, while nothing more arrives."""
        while not self._stopping.is_set() and (batch := self._consumer.take(self._duty.batch)):
            self._work(batch)
        self._wait_until_settled()

    def _pause(self, down: DependencyDown, batch: Sequence[Taken]) -> None:
        """Hand back everything in hand as fresh copies, stop consuming, and go on when a probe succeeds.

        A message that is merely returned counts against the delivery limit; a fresh copy does not. A batch that is
        begun is kept instead, and worked before anything else arrives.
        """
        kept: Sequence[Taken] = ()
        if self._duty.suspects is None or self._stopping.is_set():
            self._put_back(batch)
        else:
            _log.warning("paused", what=down.what, why=down.why)
            self._consumer.cancel()
            kept, rest = (batch, []) if down.begun else ([], list(batch))
            rest += self._consumer.take(_ALL)
            metrics.FRESH_COPIES.labels("pause").inc(len(rest))
            self._publish_then_ack([(taken, [self._handed_back(taken)]) for taken in rest])
            self._wait_until_settled()
        if self._judge.probe_until(down):
            _log.info("resumed", what=down.what)
        if kept:
            self._put_back(kept)
            self._work_off()

    def _connections(self) -> dict[str, bool]:
        return {"consume": self._consumer.is_connected, "publish": self._publisher.is_connected}

    def _put_back(self, batch: Sequence[Taken]) -> None:
        """What was not begun is first in line again; a suspect, whose queue is not consumed from, goes back to it."""
        self._consumer.put_back([taken for taken in batch if taken.queue in self._duty.queues])
        suspects = [taken for taken in batch if taken.queue not in self._duty.queues]
        self._publish_then_ack([(taken, [self._handed_over(taken)]) for taken in suspects])

    def _handed_back(self, taken: Taken) -> Message:
        """A copy that waits; of a suspicious message, one that goes to the suspects."""
        marks = Marks.of(taken)
        if marks.handbacks >= _SUSPICIOUS_HANDBACKS or self._is_suspicious(taken):
            metrics.SUSPECTS_MOVED.inc()
            return sent_home(taken, marks, self._duty.suspects or taken.queue)
        return handed_back(taken, marks)

    def _handed_over(self, taken: Taken) -> Message:
        """A copy for the next worker; of a suspicious message, one that goes to the suspects."""
        suspicious = self._is_suspicious(taken) and self._duty.suspects
        return sent_home(taken, Marks.of(taken), suspicious or taken.queue)

    def _leave(self) -> None:
        """Hand the unworked over as fresh copies, wait for what is in flight, and close."""
        self._consumer.cancel()
        rest = self._consumer.take(_ALL) if self._duty.suspects is not None else []
        metrics.FRESH_COPIES.labels("stop").inc(len(rest))
        self._publish_then_ack([(taken, [self._handed_over(taken)]) for taken in rest])
        self._wait_until_settled()
        self._consumer.stop()
        self._publisher.stop()
        self._left.set()
        _log.info("worker_stopped", handed_over=len(rest))

    def _await_stop(self) -> None:
        """A handler that hangs must not hold up a stop; what it holds is delivered again."""
        self._stop_requests.get()
        self._stopping.set()
        self.health.stopping()
        self._consumer.wake()
        if not self._left.wait(self._timing.stop):
            _log.warning("worker_stopped_late")
            os._exit(0)
