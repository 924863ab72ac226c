"""Replays that tests plan, begin, carry on and look at."""

import threading
from typing import Any

from sqlalchemy import Engine

from shared.operations import audit, carrying, results
from shared.operations.carrying import Publish
from shared.operations.filters import Filter
from shared.operations.replay import Order, Plan, plan, start
from shared.operations.results import Progress, State


def order(wanted: Filter | None = None, **more: Any) -> Order:
    """An order with a reason; of all letters where no filter is given."""
    return Order(wanted or Filter(), "the database has room again", **more)


def planned(engine: Engine, wanted: Order) -> Plan:
    """What an order would do now."""
    with engine.connect() as connection:
        return plan(connection, wanted)


def begun(engine: Engine, wanted: Order, who: str = "rahim") -> int:
    """Begin a replay; its number."""
    with engine.begin() as connection:
        return start(connection, who, wanted).operation_id


def carried(engine: Engine, operation: int, publish: Publish) -> State:
    """Carry an operation on to its end."""
    return carrying.carry_on(engine, operation, publish, wait=threading.Event().wait)


def progress(engine: Engine, operation: int) -> Progress:
    """How far a replay is."""
    with engine.connect() as connection:
        return results.progress(connection, operation)


def what_was_done(engine: Engine) -> list[str]:
    """What the audit tells, oldest first."""
    with engine.connect() as connection:
        return [entry.what for entry in reversed(audit.read(connection))]
