"""`python -m services.state`."""

from collections.abc import Callable

from schemas.events import Lane
from services.state.worker import MAX_BATCH, build, funnel
from shared.broker.topology import suspect_queue, work_queue
from shared.broker.verdicts import Handler
from shared.broker.worker import Duty
from shared.metrics import REGISTRY
from shared.process import run_worker
from shared.settings import Settings


def compose(settings: Settings, _: Callable[[], bool]) -> Handler:
    """The handler, and the funnel beside it."""
    REGISTRY.register(funnel(settings))
    return build(settings)


if __name__ == "__main__":
    queues = (work_queue("state", Lane.LIVE), work_queue("state", Lane.BULK))
    run_worker(
        "state",
        lambda _: Duty("state", queues, suspect_queue("state"), batch=MAX_BATCH, prefetch=3 * MAX_BATCH),
        compose,
    )
