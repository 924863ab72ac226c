"""What the archivist alone tells Prometheus."""

from collections.abc import Iterable
from typing import Final

from prometheus_client import Counter

from shared import metrics

LETTERS_FILED: Final = Counter(
    "aktif_letters_filed",
    "Dead letters filed into the database, by who gave the message up: a worker or the broker.",
    ["by"],
    registry=metrics.REGISTRY,
)
metrics.depends_on("database")
for _by in ("worker", "broker"):
    LETTERS_FILED.labels(_by)


def filed(by_broker: Iterable[bool]) -> None:
    """A batch of letters was committed."""
    metrics.count(LETTERS_FILED, (("broker" if one else "worker",) for one in by_broker))
