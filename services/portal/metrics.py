"""What the portal tells Prometheus."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from schemas.events import EVENT_NAME, EventData
from shared.metrics import REGISTRY

PAGES: Final = Counter(
    "aktif_portal_pages",
    "Requests for a page, by path, method and status; 0 where it ended in an error.",
    ["path", "method", "status"],
    registry=REGISTRY,
)
PAGE_SECONDS: Final = Histogram(
    "aktif_portal_page_duration_seconds",
    "How long a page took, with hashing and with waiting for its outcome.",
    ["path", "method"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
OUTCOME_SECONDS: Final = Histogram(
    "aktif_portal_outcome_wait_seconds",
    "From publishing a person's event to its outcome; those above 5 s went on waiting on a page of their own.",
    ["type"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
    registry=REGISTRY,
)
WAITING: Final = Gauge(
    "aktif_portal_waiting_people", "People whose page waits for an outcome at this moment.", registry=REGISTRY
)


@dataclass(slots=True)
class Seen:
    """What became of a request."""

    status: int = 0


@contextmanager
def answering(path: str, method: str) -> Iterator[Seen]:
    """Count a request for one of our paths, and how long it took."""
    seen, begun = Seen(), time.perf_counter()
    try:
        yield seen
    finally:
        PAGES.labels(path, method, str(seen.status)).inc()
        PAGE_SECONDS.labels(path, method).observe(time.perf_counter() - begun)


@contextmanager
def waiting(data: EventData) -> Iterator[None]:
    """Count somebody who waits for the outcome of an event, and how long."""
    begun = time.perf_counter()
    with WAITING.track_inprogress():
        try:
            yield
        finally:
            OUTCOME_SECONDS.labels(EVENT_NAME[type(data)]).observe(time.perf_counter() - begun)
