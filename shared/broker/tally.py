"""What the worker loop tells the metrics, batch by batch."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from shared import metrics
from shared.broker.channel import Taken
from shared.broker.verdicts import UNTOUCHED, Dead, Done, Retry, Verdict

_WORDS: Final[Mapping[type, str]] = {Done: "done", Retry: "retry", Dead: "dead", type(UNTOUCHED): "untouched"}


def begin(queues: Iterable[str]) -> None:
    """Show every verdict on every queue from the start: `increase()` does not see the first of a new series."""
    for queue in queues:
        for word in _WORDS.values():
            metrics.VERDICTS.labels(queue, word)


@contextmanager
def batch(size: int) -> Iterator[None]:
    """A batch in the handler's hands; one that it does not finish is not counted."""
    begun = time.perf_counter()
    yield
    metrics.BATCH_SECONDS.observe(time.perf_counter() - begun)
    metrics.BATCH_DELIVERIES.observe(size)


def judged(batch: Sequence[Taken], verdicts: Sequence[Verdict]) -> None:
    """A batch got its verdicts."""
    words = (_WORDS[type(verdict)] for verdict in verdicts)
    metrics.count(metrics.VERDICTS, zip((taken.queue for taken in batch), words, strict=True))
    metrics.count(metrics.RETRIES, ((v.reason, v.delay.queue) for v in verdicts if isinstance(v, Retry)))
    metrics.count(metrics.DEAD_LETTERS, ((v.reason,) for v in verdicts if isinstance(v, Dead)))


def paused(what: str) -> None:
    """A dependency was found down, and is waited for."""
    metrics.PAUSES.labels(what).inc()
    metrics.PAUSED.labels(what).set(1)


def resumed(what: str) -> None:
    """It is back."""
    metrics.PAUSED.labels(what).set(0)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """One wait for a dependency, so that a long one shows while it lasts."""
    begun = time.monotonic()
    try:
        yield
    finally:
        metrics.PAUSED_SECONDS.labels(what).inc(time.monotonic() - begun)
