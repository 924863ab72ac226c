"""The state worker's shell: from deliveries to verdicts; what fails, and whom it concerns."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final

import structlog
from sqlalchemy import Engine

from schemas.envelope import Malformed, decode
from services.state import batch, metrics
from services.state.accounts import Overtaken
from services.state.batch import Received, Worked
from services.state.decisions import Rules
from services.state.failures import failed, in_short
from services.state.outgoing import dead
from shared import clock
from shared.broker.verdicts import Delivery, DependencyDown, Handler, Verdict
from shared.settings import Settings
from shared.store.engine import in_transaction, is_down, is_surely_down, open_engine, why_down
from shared.store.probe import probe
from shared.store.retention import Retention
from shared.store.tables import state_inbox

MAX_BATCH: Final = 500
_MAX_OVERTAKEN: Final = 5

log = structlog.get_logger()


class StateHandler:
    """A `Handler`. Holds an engine and the rules, and nothing of a batch after it."""

    def __init__(self, engine: Engine, rules: Rules) -> None:
        self._engine, self._rules = engine, rules
        self._retention = Retention(engine, state_inbox)

    def __call__(self, deliveries: Sequence[Delivery]) -> Sequence[Verdict]:
        """Work a batch. Raises DependencyDown where the database cannot be used."""
        opened = [_open(delivery) for delivery in deliveries]
        received = [found for found in opened if isinstance(found, Received)]
        worked = [
            verdict
            for start in range(0, len(received), MAX_BATCH)
            for verdict in self._work(received[start : start + MAX_BATCH])
        ]
        self._retention.after_batch()
        following = iter(worked)
        return [next(following) if isinstance(found, Received) else found for found in opened]

    def _work(self, received: Sequence[Received]) -> list[Verdict]:
        """All in one transaction; where that fails one by one, so that only the guilty message suffers."""
        try:
            worked = self._in_one_transaction(received)
        except Exception as error:
            if is_down(error):
                try_database = partial(probe, self._engine, state_inbox)
                raise DependencyDown("database", why_down(error), try_database, surely=is_surely_down(error)) from error
            if len(received) == 1:
                return [failed(received[0].delivery, error, received[0].event.key)]
            log.warning("batch_split", size=len(received), error=in_short(error))
        else:
            metrics.worked(received, worked.effects)
            return worked.verdicts
        return [verdict for one in received for verdict in self._work([one])]

    def _in_one_transaction(self, received: Sequence[Received]) -> Worked:
        for _ in range(_MAX_OVERTAKEN):
            try:
                return in_transaction(self._engine, partial(batch.work, received=received, rules=self._rules))
            except Overtaken:
                log.info("batch_overtaken", size=len(received))
        raise Overtaken


def build(settings: Settings) -> Handler:
    """The handler of the state worker; it connects to nothing before its first batch."""
    engine = open_engine(settings.require("database_url"), application="aktif-state")
    return StateHandler(engine, rules_of(settings))


def funnel(settings: Settings) -> metrics.Funnel:
    """The funnel, with a connection of its own, so that no scrape waits for a batch."""
    return metrics.Funnel(open_engine(settings.require("database_url"), application="aktif-state-metrics", pool_size=1))


def rules_of(settings: Settings) -> Rules:
    """What the settings decide of the lifecycle."""
    return Rules(settings.link_life, timedelta(seconds=settings.resend_seconds), settings.resend_per_day)


def _open(delivery: Delivery) -> Received | Verdict:
    try:
        return Received(delivery, decode(delivery.body, delivery.exchange, delivery.content_type))
    except Malformed as fault:
        return dead(fault.reason, fault.detail, fault.field, delivery, fault.identity, clock.now())
    except Exception as error:
        return failed(delivery, error)
