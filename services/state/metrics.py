"""What the state worker alone tells Prometheus: what events did, how old they were, and the funnel."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from services.state.batch import Effect, Received
from services.state.decisions import State
from shared import metrics
from shared.broker.topology import work_queue
from shared.links import Purpose

_COUNT: Final = text(
    "SELECT 'account', state, count(*) FROM accounts GROUP BY state UNION ALL "
    "SELECT 'link', purpose, count(*) FROM links WHERE redeemed_at IS NULL AND superseded_at IS NULL GROUP BY purpose"
)
_BE_QUICK: Final = text("SET LOCAL statement_timeout = '2s'")

log = structlog.get_logger()

metrics.depends_on("database")

Counts = Mapping[tuple[str, str], int]


def worked(received: Sequence[Received], effects: Sequence[Effect]) -> None:
    """A batch was committed."""
    metrics.count(metrics.EVENTS, effects)
    fresh = (one for one in received if one.delivery.attempt == 1 and not one.delivery.alone)
    for lane, last in {one.delivery.lane: one.event.time for one in fresh}.items():
        metrics.note_lag(work_queue("state", lane), last)


class Funnel(Collector):
    """Accounts by state and live links, counted by one query when Prometheus asks, and kept for some seconds.

    The query runs in a thread of its own, for which a scrape waits `patience` seconds at most: a database that does not
    answer must not make the other metrics late. Counts that are not known are left out.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        keep: float = 10,
        patience: float = 2.5,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine, self._keep, self._patience, self._clock = engine, keep, patience, clock
        self._lock = threading.Lock()
        self._reading: threading.Thread | None = None
        self._read_at = float("-inf")
        self._counts: Counts | None = None

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The names, for which no query is needed."""
        return self._families(None)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The counts, some seconds old at most."""
        with self._lock:
            if self._reading is None and self._clock() - self._read_at >= self._keep:
                self._reading = threading.Thread(target=self._read, name="funnel", daemon=True)
                self._reading.start()
            reading = self._reading
        if reading is not None:
            reading.join(self._patience)
        return self._families(self._counts if self._reading is None else None)

    def _families(self, counts: Counts | None) -> Iterator[GaugeMetricFamily]:
        is_known = GaugeMetricFamily(
            "aktif_funnel_up", "1 where the database was asked for the funnel and answered, else 0."
        )
        is_known.add_metric([], counts is not None)
        accounts = GaugeMetricFamily("aktif_accounts", "Accounts, by state.", labels=["state"])
        links = GaugeMetricFamily(
            "aktif_links_live", "Links that nobody redeemed and nothing superseded, by purpose.", labels=["purpose"]
        )
        if counts is not None:
            for state in State:
                accounts.add_metric([state], counts.get(("account", state), 0))
            for purpose in Purpose:
                links.add_metric([purpose], counts.get(("link", purpose), 0))
        yield from (is_known, accounts, links)

    def _read(self) -> None:
        found: Counts | None = None
        try:
            with self._engine.begin() as connection:
                connection.execute(_BE_QUICK)
                found = {(what, word): number for what, word, number in connection.execute(_COUNT)}
        except SQLAlchemyError as error:
            log.warning("funnel_not_read", error=type(error).__name__)
        finally:
            with self._lock:
                self._counts, self._read_at, self._reading = found, self._clock(), None
