"""The one worker loop: batch → handler → verdicts → publish and confirm everything → ack.

Only this loop settles. Nothing is acked before everything it causes is durable.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from shared.broker.channel import Taken
from shared.broker.consumer import Consumer
from shared.broker.marks import Marks, delivery, handed_back, letter, retried, sent_home
from shared.broker.publisher import Message, Publisher
from shared.broker.verdicts import UNTOUCHED, Dead, Delivery, DependencyDown, Done, Handler, Retry, Verdict, Wait

_log = structlog.get_logger()
_SUSPICIOUS_RETURNS: Final = 2
_SUSPICIOUS_HANDBACKS: Final = 3
_HOLD_SECONDS: Final = 60
_PROBE_SECONDS: Final = (0.2, 0.5, 1, 2, 5)
_BUG_DELAYS: Final = (Wait.S5, Wait.S30, Wait.M2, Wait.M10)
_IN_FLIGHT: Final = 2
_STOP_SECONDS: Final = 9
_SUSPECTS_SECONDS: Final = 1.0
_SUSPECTS_WHEN_BUSY_SECONDS: Final = 30.0

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


class Worker:
    """Works deliveries until it is told to stop. Everything but the I/O runs in the thread that calls `run`."""

    def __init__(self, duty: Duty, urls: Sequence[str], handler: Handler) -> None:
        self._duty = duty
        self._handler = handler
        self._publisher = Publisher(urls, duty.service)
        self._consumer = Consumer(urls, duty.service, dict.fromkeys(duty.queues, duty.prefetch))
        self._stopping = threading.Event()
        self._slots = threading.Semaphore(_IN_FLIGHT)
        self._batch: Sequence[Taken] = ()
        self._suspects_at = 0.0

    def request_stop(self) -> None:
        """Take nothing more, finish the batch, settle, close: `run` returns within 10 s. For a signal handler."""
        if not self._stopping.is_set():
            self._stopping.set()
            threading.Thread(target=self._leave_at_the_latest, daemon=True).start()
            self._consumer.wake()

    def holds_batch(self) -> bool:
        """Whether what the handler works on is still ours to settle; if not, nothing further of it is to be begun."""
        return all(self._consumer.is_current(taken) for taken in self._batch)

    def run(self) -> None:
        """Work until `request_stop`."""
        _log.info("worker_started", queues=self._duty.queues, pid=os.getpid())
        self._publisher.start()
        self._consumer.start()
        self._consumer.resume()
        while not self._stopping.is_set():
            ready = self._consumer.wait(_SUSPECTS_SECONDS)
            if self._duty.suspects is not None and time.monotonic() >= self._suspects_at:
                self._work_suspects(self._duty.suspects)
            if ready:
                self._work(self._consumer.take(self._duty.batch))
            else:
                self._suspects_at = min(self._suspects_at, time.monotonic())
        self._leave()

    def _work(self, batch: Sequence[Taken]) -> None:
        suspects = self._duty.suspects
        if suspects is not None:
            suspicious = [taken for taken in batch if taken.returns >= _SUSPICIOUS_RETURNS]
            if suspicious:
                self._move_to_suspects(suspicious, suspects)
                batch = [taken for taken in batch if taken.returns < _SUSPICIOUS_RETURNS]
        if batch:
            self._judge_and_settle(batch, alone=False)

    def _judge_and_settle(self, batch: Sequence[Taken], *, alone: bool) -> None:
        self._batch = batch
        marks = [Marks.of(taken) for taken in batch]
        deliveries = [delivery(taken, mark, alone=alone) for taken, mark in zip(batch, marks, strict=True)]
        verdicts = self._judge(deliveries)
        if isinstance(verdicts, DependencyDown):
            self._pause(verdicts, batch)
        else:
            self._settle(batch, marks, verdicts)
        self._batch = ()

    def _judge(self, deliveries: Sequence[Delivery]) -> Sequence[Verdict] | DependencyDown:
        """Ask the handler; while a dependency is down hold the batch, for a minute at most, and ask again."""
        held_until = time.monotonic() + _HOLD_SECONDS
        for _ in range(_SUSPICIOUS_HANDBACKS):
            try:
                return self._handler(deliveries)
            except DependencyDown as down:
                _log.warning("dependency_down", what=down.what, why=down.why)
                found = down
            except Exception as error:
                return self._judge_one_by_one(deliveries, error)
            if deliveries[0].alone and _answers(found):
                return [Dead("breaks_dependency", f"{found.what} fails on this message and answers a probe")]
            if not self._hold(found, held_until):
                break
            _log.info("dependency_up", what=found.what)
        return found

    def _judge_one_by_one(self, deliveries: Sequence[Delivery], error: Exception) -> Sequence[Verdict] | DependencyDown:
        """A handler must not raise anything else: that is a bug, and only the message that meets it shall suffer."""
        _log.error("handler_failed", batch=len(deliveries), exc_info=error)
        if len(deliveries) == 1 and self._duty.suspects is None:
            self._stopping.wait(_SUSPECTS_SECONDS)
            return [UNTOUCHED]
        if len(deliveries) == 1:
            attempt = deliveries[0].attempt
            if attempt <= len(_BUG_DELAYS):
                return [Retry(_BUG_DELAYS[attempt - 1], "internal_error")]
            return [Dead("internal_error", f"the handler failed with {type(error).__name__}")]
        verdicts = list[Verdict]()
        for one in deliveries:
            verdict = self._judge([one])
            if isinstance(verdict, DependencyDown):
                return verdict
            verdicts.extend(verdict)
        return verdicts

    def _settle(self, batch: Sequence[Taken], marks: Sequence[Marks], verdicts: Sequence[Verdict]) -> None:
        """Publish what the verdicts ask for, and ack when it is confirmed, while the next batch is worked."""
        fates, untouched = list[Fate](), list[Taken]()
        for taken, mark, verdict in zip(batch, marks, verdicts, strict=True):
            match verdict:
                case Done(outgoing):
                    fates.append((taken, list(map(Message.of, outgoing))))
                case Retry(delay, reason):
                    _log.info("retry", queue=taken.queue, reason=reason, attempt=mark.attempt)
                    fates.append((taken, [retried(taken, mark, delay)]))
                case Dead(reason, _, path, outgoing):
                    _log.warning("dead_letter", queue=taken.queue, reason=reason, field=path)
                    last = letter(taken, mark, self._duty.service, verdict)
                    fates.append((taken, [*map(Message.of, outgoing), last]))
                case _:
                    untouched.append(taken)
        self._consumer.put_back(untouched)
        self._publish_then_ack(fates)

    def _publish_then_ack(self, fates: Sequence[Fate]) -> None:
        """Publish, and ack once all is confirmed; at most so many batches are on their way at a time.

        What is no longer ours is left out: it is delivered again, and its inbox row says then what to publish.
        """
        if not self._wait_for(lambda: self._slots.acquire(timeout=0.2)):
            return
        ours = [fate for fate in fates if self._consumer.is_current(fate[0])]

        def confirmed() -> None:
            self._consumer.settle([taken for taken, _ in ours])
            self._slots.release()

        self._publisher.publish([message for _, messages in ours for message in messages], confirmed)

    def _wait_until_settled(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        acquired = 0
        while acquired < _IN_FLIGHT and self._slots.acquire(timeout=max(0.0, until - time.monotonic())):
            acquired += 1
        self._slots.release(acquired)

    def _move_to_suspects(self, suspicious: Sequence[Taken], suspects: str) -> None:
        _log.warning("suspects_moved", count=len(suspicious))
        self._publish_then_ack([(taken, [sent_home(taken, Marks.of(taken), suspects)]) for taken in suspicious])
        self._suspects_at = min(self._suspects_at, time.monotonic() + _SUSPECTS_SECONDS)

    def _work_suspects(self, queue: str) -> None:
        """Work suspects one at a time, with nothing else in hand, for a second; then the others have their turn."""
        suspect = self._consumer.get(queue)
        if suspect is None:
            self._suspects_at = time.monotonic() + _SUSPECTS_WHEN_BUSY_SECONDS
            return
        self._consumer.cancel()
        while batch := self._consumer.take(self._duty.batch):
            self._work(batch)
        until = time.monotonic() + _SUSPECTS_SECONDS
        while suspect is not None:
            self._wait_until_settled(_HOLD_SECONDS)
            self._judge_and_settle([suspect], alone=True)
            self._wait_until_settled(_HOLD_SECONDS)
            over = time.monotonic() > until or self._stopping.is_set()
            suspect = None if over else self._consumer.get(queue)
        self._suspects_at = time.monotonic()
        self._consumer.resume()

    def _pause(self, down: DependencyDown, batch: Sequence[Taken]) -> None:
        """Hand back everything in hand as fresh copies, stop consuming, and go on when a probe succeeds.

        A message that is merely returned counts against the delivery limit; a fresh copy does not.
        """
        if self._duty.suspects is None or self._stopping.is_set():
            self._consumer.put_back(batch)
            self._probe_until(down, lambda: False)
            return
        _log.warning("paused", what=down.what, why=down.why)
        self._consumer.cancel()
        everything = [*batch, *self._consumer.take(1 << 30)]
        self._publish_then_ack([(taken, [self._handed_back(taken)]) for taken in everything])
        self._wait_until_settled(_HOLD_SECONDS)
        self._probe_until(down, lambda: False)
        _log.info("resumed", what=down.what)
        self._consumer.resume()

    def _handed_back(self, taken: Taken) -> Message:
        marks = Marks.of(taken)
        if marks.handbacks >= _SUSPICIOUS_HANDBACKS and self._duty.suspects is not None:
            return sent_home(taken, marks, self._duty.suspects)
        return handed_back(taken, marks)

    def _hold(self, down: DependencyDown, until: float) -> bool:
        """Probe while what is in hand is held; False when that takes too long or the batch is lost."""
        forever = self._duty.suspects is None
        return self._probe_until(down, lambda: not self.holds_batch() or (time.monotonic() > until and not forever))

    def _probe_until(self, down: DependencyDown, is_over: Callable[[], bool]) -> bool:
        """Probe, 5 s apart at most, until the dependency answers (True), or stop is asked for or it is over (False)."""
        for tries in range(1 << 30):
            if self._stopping.wait(_PROBE_SECONDS[min(tries, len(_PROBE_SECONDS) - 1)]) or is_over():
                return False
            if _answers(down):
                return True
        return False

    def _wait_for(self, done: Callable[[], bool]) -> bool:
        """Whether something comes true before it is time to leave."""
        while not done():
            if self._stopping.is_set() and not self._consumer.has_channels():
                return False
        return True

    def _leave(self) -> None:
        """Hand the unworked over as fresh copies, wait for what is in flight, and close."""
        self._consumer.cancel()
        rest = self._consumer.take(1 << 30)
        if rest and self._duty.suspects is not None:
            self._publish_then_ack([(taken, [sent_home(taken, Marks.of(taken), taken.queue)]) for taken in rest])
        self._wait_until_settled(_STOP_SECONDS)
        self._consumer.stop()
        self._publisher.stop()
        _log.info("worker_stopped", handed_over=len(rest))

    def _leave_at_the_latest(self) -> None:
        """A handler that hangs must not hold up a stop; what it holds is delivered again."""
        time.sleep(_STOP_SECONDS)
        _log.warning("worker_stopped_late")
        os._exit(0)


def _answers(down: DependencyDown) -> bool:
    try:
        down.probe()
    except Exception as error:
        _log.info("probe_failed", what=down.what, error=type(error).__name__)
        return False
    return True
