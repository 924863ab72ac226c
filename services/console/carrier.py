"""Carries on every running replay, whoever began it and wherever, in a thread of its own."""

import threading
from collections.abc import Sequence
from typing import Final

import structlog
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from shared.broker.publisher import Message, Publisher
from shared.operations.carrying import turn
from shared.operations.results import NotThere, State
from shared.store.engine import name_of
from shared.web.publishing import BrokerAway

_LOOK_SECONDS: Final = 2.0
_CONFIRM_SECONDS: Final = 20.0
_STOP_SECONDS: Final = 5.0
_RUNNING: Final = text(
    "SELECT operation_id FROM operations WHERE state = 'running' ORDER BY cancelled_by IS NULL, operation_id"
)
"""What is to end comes first, for that needs no broker."""
_log = structlog.get_logger()


class Carrier:
    """One for each process; any number of processes share the work of one replay, and its rate."""

    def __init__(self, engine: Engine, publisher: Publisher) -> None:
        self._engine, self._publisher = engine, publisher
        self._ending, self._woken = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="carrier", daemon=True)

    def start(self) -> None:
        """Begin to look for replays that run."""
        self._thread.start()

    def stop(self) -> None:
        """End after the portion in hand."""
        self._ending.set()
        self._woken.set()
        self._thread.join(_STOP_SECONDS)

    def wake(self) -> None:
        """There is something to do now."""
        self._woken.set()

    def _run(self) -> None:
        while not self._ending.is_set():
            self._woken.clear()
            try:
                wait = self._round()
            except (SQLAlchemyError, BrokerAway) as error:
                _log.warning("replay_waits", error=name_of(error))
                wait = _LOOK_SECONDS
            self._woken.wait(wait)

    def _round(self) -> float:
        """One turn of each replay; returns how many seconds there is nothing to do."""
        with self._engine.connect() as connection:
            running = list(connection.execute(_RUNNING).scalars())
        waits = []
        for operation_id in running:
            if self._ending.is_set():
                break
            try:
                done = turn(self._engine, operation_id, self._publish)
            except NotThere:
                continue
            if done.state is State.RUNNING:
                waits.append(done.wait)
        return min(waits, default=_LOOK_SECONDS)

    def _publish(self, messages: Sequence[Message]) -> None:
        """What is not confirmed in time is published again by the next turn, which is a repeat and changes nothing."""
        if not self._publisher.is_connected or not self._publisher.publish_and_wait(messages, _CONFIRM_SECONDS):
            raise BrokerAway
