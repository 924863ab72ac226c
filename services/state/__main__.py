"""`python -m services.state`."""

from schemas.events import Lane
from services.state.worker import MAX_BATCH, build
from shared.broker.topology import suspect_queue, work_queue
from shared.broker.worker import Duty
from shared.process import run_worker

if __name__ == "__main__":
    queues = (work_queue("state", Lane.LIVE), work_queue("state", Lane.BULK))
    run_worker(
        "state",
        lambda _: Duty("state", queues, suspect_queue("state"), batch=MAX_BATCH, prefetch=3 * MAX_BATCH),
        lambda settings, _: build(settings),
    )
