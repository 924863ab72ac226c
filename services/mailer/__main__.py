"""`python -m services.mailer`."""

from schemas.events import Lane
from services.mailer.worker import build
from shared.broker.topology import suspect_queue, work_queue
from shared.broker.worker import Duty
from shared.process import run_worker

if __name__ == "__main__":
    queues = (work_queue("mailer", Lane.LIVE), work_queue("mailer", Lane.BULK))
    run_worker(
        Duty("mailer", queues, suspect_queue("mailer"), batch=500, prefetch=1000),
        lambda settings, connected: build(settings, connected=connected),
    )
