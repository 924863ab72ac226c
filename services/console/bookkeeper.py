"""Runs the ledger for whoever asks, one run at a time, in a thread of its own; mends what is lost where asked to."""

import threading
import time
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from shared.broker.publisher import Message, Publisher
from shared.clock import now
from shared.operations import ledger_runs
from shared.operations.ledger import Queues, audit
from shared.store.engine import has_run_out_of_time, is_down
from shared.web.publishing import BrokerAway

_PORTION: Final = 500
_CONFIRM_SECONDS: Final = 20.0
_log = structlog.get_logger()


class Underway(NamedTuple):
    """A run that goes on now, and whether it mends what it finds lost."""

    who: str
    since: datetime
    mends: bool


class Fault(NamedTuple):
    """Why the last run came to no end, and what to do."""

    at: datetime
    words: str


class Bookkeeper:
    """One for each process. What a run found is kept in the database, where every console finds it."""

    def __init__(self, engine: Engine, queues: Queues, publisher: Publisher) -> None:
        self._engine, self._queues, self._publisher = engine, queues, publisher
        self.underway: Underway | None = None
        self.fault: Fault | None = None

    def begin(self, who: str, mend_because: str | None = None) -> bool:
        """Begin a run, which mends what is lost where there is a reason to; False where one is under way.

        To be called in one thread alone, the loop's: then nobody comes between the look and the mark.
        """
        if self.underway:
            return False
        self.underway, self.fault = Underway(who, now(), mend_because is not None), None
        threading.Thread(target=self._run, args=(who, mend_because), name="bookkeeper", daemon=True).start()
        return True

    def _run(self, who: str, mend_because: str | None) -> None:
        try:
            self._look(who, mend_because)
        except Exception as error:  # whatever it is, it is said on the page, and the next run may go well
            _log.error("ledger_failed", who=who, exc_info=error)
            self.fault = Fault(now(), _in_words(error))
        finally:
            self.underway = None

    def _look(self, who: str, mend_because: str | None) -> None:
        begun = time.monotonic()
        report = audit(self._engine, self._queues)
        with self._engine.begin() as connection:
            ledger_id = ledger_runs.keep(connection, report, who, time.monotonic() - begun)
        if mend_because and report.lost:
            ledger_runs.mend(self._engine, ledger_id, report, who, mend_because, self._publish)

    def _publish(self, messages: Iterator[Message]) -> int:
        number = 0
        while portion := list(islice(messages, _PORTION)):
            if not self._publisher.is_connected or not self._publisher.publish_and_wait(portion, _CONFIRM_SECONDS):
                raise BrokerAway
            number += len(portion)
        return number


def _in_words(error: Exception) -> str:
    match error:
        case BrokerAway():
            return "RabbitMQ cannot be reached, or does not confirm. Mend again when it does: nothing is done twice."
        case DBAPIError() if has_run_out_of_time(error):
            return "PostgreSQL did not come to an end within a minute. Run it again when less is going on."
        case DBAPIError() if is_down(error):
            return "PostgreSQL cannot be reached. Run it again when it can."
        case _:
            return "The fault is ours; it is in the console's log."
