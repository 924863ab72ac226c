"""Asking the handler: what a dependency that is down, a bug and a breaker of dependencies mean for a batch."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Final

import structlog

from shared.broker import tally
from shared.broker.verdicts import UNTOUCHED, Dead, Delivery, DependencyDown, Handler, Retry, Verdict, Wait
from shared.health import Health

_log = structlog.get_logger()
_ASKED: Final = 3
_BUG_DELAYS: Final = (Wait.S5, Wait.S30, Wait.M2, Wait.M10)

Verdicts = Sequence[Verdict]


@dataclass(frozen=True, slots=True)
class Timing:
    """How many seconds things take. Tests shorten them.

    A batch is held for `hold` while a dependency is down, with `probes` between its probes (the last one again and
    again); a stop takes `stop` at most; a turn of the suspects is `suspects` long, and under load `look` apart.
    """

    hold: float = 60
    probes: tuple[float, ...] = (0.2, 0.5, 1, 2, 5)
    stop: float = 9
    suspects: float = 1
    look: float = 30


class Judge:
    """Asks the handler for its verdicts.

    A bug of the handler costs only the message that meets it: retries, and then its life. Where `forgiving`, not even
    that: it is tried for ever.
    """

    def __init__(
        self, handler: Handler, timing: Timing, stopping: threading.Event, health: Health, *, forgiving: bool
    ) -> None:
        self._handler = handler
        self._health = health
        self._timing = timing
        self._stopping = stopping
        self._forgiving = forgiving

    def judge(self, deliveries: Sequence[Delivery], is_ours: Callable[[], bool]) -> Verdicts | DependencyDown:
        """Verdicts; while a dependency is down the batch is held for a minute at most, and asked for again."""
        held_until = time.monotonic() + self._timing.hold
        for tries in range(_ASKED):
            try:
                return self._ask(deliveries)
            except DependencyDown as down:
                _log.warning("dependency_down", what=down.what, why=down.why)
                found = down
            except Exception as error:
                return self._after_bug(deliveries, error, is_ours)
            if deliveries[0].alone and not found.surely and answers(found):
                if tries:
                    return [Dead("breaks_dependency", f"{found.what} fails on this message and answers a probe")]
            elif not self.probe_until(found, lambda: not is_ours() or time.monotonic() > held_until):
                break
            else:
                _log.info("dependency_up", what=found.what)
        return found

    def probe_until(self, down: DependencyDown, is_over: Callable[[], bool] = lambda: False) -> bool:
        """Probe, 5 s apart at most, until the dependency answers (True), or stop is asked for or it is over (False).

        Where something is begun a stop still allows for one probe, which writes it.
        """
        if self._health.paused(down.what, down.why):
            tally.paused(down.what)
        for pause in chain(self._timing.probes, repeat(self._timing.probes[-1])):
            with tally.waiting(down.what):
                is_stopping = self._stopping.wait(pause)
                if is_over() or (is_stopping and not down.begun):
                    return False
                is_up = answers(down)
            if is_up:
                self._health.resumed()
                tally.resumed(down.what)
                return True
            if is_stopping:
                return False
        return False

    def _ask(self, deliveries: Sequence[Delivery]) -> Verdicts:
        self._health.turned()
        with tally.batch(len(deliveries)):
            verdicts = self._handler(deliveries)
        if len(verdicts) != len(deliveries):
            raise ValueError(f"{len(verdicts)} verdicts for {len(deliveries)} deliveries")
        return verdicts

    def _after_bug(
        self, deliveries: Sequence[Delivery], error: Exception, is_ours: Callable[[], bool]
    ) -> Verdicts | DependencyDown:
        """A handler must raise nothing else: that is a bug, and only the message that meets it shall suffer."""
        _log.error("handler_failed", batch=len(deliveries), exc_info=error)
        if len(deliveries) == 1:
            return [self._met_bug(deliveries[0].attempt, error)]
        verdicts = list[Verdict]()
        for one in deliveries:
            verdict = self.judge([one], is_ours)
            if isinstance(verdict, DependencyDown):
                return verdict
            verdicts.extend(verdict)
        return verdicts

    def _met_bug(self, attempt: int, error: Exception) -> Verdict:
        if self._forgiving:
            self._stopping.wait(self._timing.suspects)
            return UNTOUCHED
        if attempt <= len(_BUG_DELAYS):
            return Retry(_BUG_DELAYS[attempt - 1], "internal_error")
        return Dead("internal_error", f"the handler failed with {type(error).__name__}")


def answers(down: DependencyDown) -> bool:
    """Whether a probe succeeds now."""
    try:
        down.probe()
    except Exception as error:
        _log.info("probe_failed", what=down.what, error=type(error).__name__)
        return False
    return True
