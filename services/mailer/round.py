"""One batch being sent: what is begun, finished and committed, by the threads that send and the one that commits."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Final

from services.mailer.mails import Job
from services.mailer.pace import Pace
from services.mailer.replies import Attempt, Result

WINDOW: Final = 50
"""At most so many mails are begun and not committed: what a SIGKILL may send twice."""
_CHUNK: Final = WINDOW // 2
"""Half is committed while the other half is on its way."""
_LINGER_SECONDS: Final = 0.1

Finished = tuple[Job, Attempt]


class Round:
    """Begins jobs in order until `end`, or for a tenth of a second at least, while `connected` and not stopped.

    It stops of itself when the relay refuses us, lest every mail of the batch meet the same refusal, and after a bug,
    which is in `error` then.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        send: Callable[[Job], Attempt],
        *,
        end: float,
        pace: Pace,
        connected: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._waiting = deque(jobs)
        self._send, self._pace, self._connected, self._clock = send, pace, connected, clock
        self._finished: list[Finished] = []
        self._uncommitted = self._threads = 0
        self._stopped = False
        self._end = max(end, clock() + _LINGER_SECONDS)
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._news = threading.Condition(self._lock)
        self.error: BaseException | None = None

    def start(self, executor: Executor, threads: int) -> None:
        """Send with so many threads."""
        self._threads = min(threads, len(self._waiting))
        for _ in range(self._threads):
            executor.submit(self._work)

    def finished(self) -> list[Finished]:
        """Wait for what is to be committed next; empty when nothing is on its way any more."""
        with self._lock:
            while len(self._finished) < _CHUNK and self._threads:
                if not self._news.wait(_LINGER_SECONDS) and self._finished:
                    break
            chunk, self._finished = self._finished, []
            return chunk

    def release(self, count: int) -> None:
        """So many mails are committed, or were not taken and need no commit: others may begin."""
        with self._lock:
            self._uncommitted -= count
            self._room.notify(count)

    def stop(self) -> None:
        """Begin nothing further."""
        with self._lock:
            self._stopped = True
            self._room.notify_all()

    def _work(self) -> None:
        try:
            while (job := self._begin()) is not None:
                attempt = self._send(job)
                if attempt.result is Result.MISCONFIGURED:
                    self.stop()
                with self._lock:
                    self._finished.append((job, attempt))
                    if len(self._finished) == _CHUNK:
                        self._news.notify()
        except BaseException as error:
            self.error = self.error or error
            self.stop()
        finally:
            with self._lock:
                self._threads -= 1
                self._news.notify()

    def _begin(self) -> Job | None:
        with self._lock:
            while True:
                left = self._end - self._clock()
                if self._stopped or not self._waiting or left <= 0 or not self._connected():
                    return None
                pause = left
                if self._uncommitted < WINDOW:
                    pause = self._pace.take(self._clock())
                    if not pause:
                        self._uncommitted += 1
                        return self._waiting.popleft()
                self._room.wait(min(pause, left))
