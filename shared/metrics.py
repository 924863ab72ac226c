"""What every worker tells Prometheus, on one page. What only one service knows is in its own `metrics.py`.

Names and units by https://prometheus.io/docs/practices/naming/. Label values are bounded words, never an id, an address
or an IC number. Everything is counted by the batch. `deploy/prometheus/METRICS.md` lists them all.
"""

import platform
from collections import Counter as Tally
from collections.abc import Iterable
from datetime import datetime
from importlib.metadata import version
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)

from shared import clock

disable_created_metrics()  # type: ignore[no-untyped-call]

REGISTRY: Final = CollectorRegistry()
"""What `/metrics` shows: only our own and the process's, and of services only what this process has imported."""

ProcessCollector(registry=REGISTRY)


def count(counter: Counter, labels: Iterable[tuple[str, ...]]) -> None:
    """Count each of some label values, with one increment for all that are equal."""
    for values, times in Tally(labels).items():
        counter.labels(*values).inc(times)


def depends_on(*dependencies: str) -> None:
    """Show from the start what this service may have to wait for: one that never was down is a 0, not a gap."""
    for dependency in dependencies:
        PAUSES.labels(dependency)
        PAUSED.labels(dependency)
        PAUSED_SECONDS.labels(dependency)


def repeated(event: str) -> tuple[str, str, str]:
    """How EVENTS counts a delivery of an event that was worked before."""
    return event, "repeated", "worked_before"


def note_lag(queue: str, event_time: datetime) -> None:
    """An event of that time was taken from a queue just now; clocks that differ make no negative age."""
    LAG_SECONDS.labels(queue).set(max(0.0, (clock.now() - event_time).total_seconds()))


Info("aktif_build", "What runs: the version of Aktif and of Python.", registry=REGISTRY).info(
    {"version": version("aktif"), "python": platform.python_version()}
)

BATCH_DELIVERIES: Final = Histogram(
    "aktif_batch_deliveries",
    "Deliveries in a batch that was given to the handler.",
    buckets=(1, 5, 10, 25, 50, 100, 250, 500),
    registry=REGISTRY,
)
BATCH_SECONDS: Final = Histogram(
    "aktif_batch_duration_seconds",
    "How long the handler took for a batch, without time paused.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
    registry=REGISTRY,
)
VERDICTS: Final = Counter(
    "aktif_verdicts",
    "What became of deliveries, by the queue they came from: done, retry, dead; untouched for one that was not begun.",
    ["queue", "verdict"],
    registry=REGISTRY,
)
RETRIES: Final = Counter(
    "aktif_retries",
    "Deliveries that are tried again, by reason and by the wait queue that holds them meanwhile.",
    ["reason", "wait"],
    registry=REGISTRY,
)
DEAD_LETTERS: Final = Counter(
    "aktif_dead_letters", "Deliveries that this worker made dead letters, by reason.", ["reason"], registry=REGISTRY
)
SUSPECTS_MOVED: Final = Counter(
    "aktif_suspects_moved",
    "Messages moved to the suspects: they came back twice or more, and may have killed a worker, or paused it thrice.",
    registry=REGISTRY,
)
SUSPECTS_WORKED: Final = Counter("aktif_suspects_worked", "Suspects worked, each alone.", registry=REGISTRY)
FRESH_COPIES: Final = Counter(
    "aktif_fresh_copies",
    "Deliveries in hand handed back as fresh copies, because of a pause or a stop. They count as no attempt.",
    ["why"],
    registry=REGISTRY,
)
PAUSES: Final = Counter(
    "aktif_pauses", "Times that a dependency was found down and the worker waited for it.", ["dependency"],
    registry=REGISTRY,
)  # fmt: skip
PAUSED: Final = Gauge(
    "aktif_paused", "1 while the worker waits for a dependency that is down, else 0.", ["dependency"], registry=REGISTRY
)
PAUSED_SECONDS: Final = Counter(
    "aktif_paused_seconds", "Time spent waiting for a dependency that is down.", ["dependency"], registry=REGISTRY
)
BROKER_CONNECTED: Final = Gauge(
    "aktif_broker_connected",
    "1 while this connection to RabbitMQ is open, else 0. A worker has two: consume and publish.",
    ["role"],
    registry=REGISTRY,
)
BROKER_CONNECTIONS: Final = Counter(
    "aktif_broker_connections",
    "Connections to RabbitMQ that were opened, lost, or could not be opened.",
    ["role", "what"],
    registry=REGISTRY,
)
CONFIRM_WAIT: Final = Gauge(
    "aktif_confirm_wait_seconds",
    "How long the worker has now waited for RabbitMQ to confirm what it published; 0 when it does not wait.",
    registry=REGISTRY,
)
EVENTS: Final = Counter(
    "aktif_events",
    "Events worked, by type, outcome (applied, ignored, rejected; repeated for one worked before) and reason word.",
    ["type", "outcome", "reason"],
    registry=REGISTRY,
)
LAG_SECONDS: Final = Gauge(
    "aktif_lag_seconds",
    "Age of the event last taken from a queue at its first attempt, by the event's own time. It stays while nothing is "
    "taken: read it together with aktif_verdicts_total.",
    ["queue"],
    registry=REGISTRY,
)

# At 0 from the start: increase() does not see the first of a series that appears.
for _why in ("pause", "stop"):
    FRESH_COPIES.labels(_why)
for _role in ("consume", "publish"):
    BROKER_CONNECTED.labels(_role)
