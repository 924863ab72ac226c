"""A worker as a process: settings, logs, signals."""

import signal
import sys
from collections.abc import Callable, Sequence

from shared.broker.verdicts import Delivery, Handler, Verdict
from shared.broker.worker import Duty, Worker
from shared.logs import configure_logs
from shared.settings import BadSettings, Settings, load_settings

Compose = Callable[[Settings, Callable[[], bool]], Handler]
"""Builds a handler from the settings and a question: is the batch in hand still ours?"""


def run_worker(duty: Duty, compose: Compose) -> None:
    """Run a worker until SIGTERM or SIGINT. A bad setting ends the process at once, with one line and exit code 2."""
    configure_logs(duty.service)
    try:
        settings = load_settings()
        worker = _build(duty, compose, settings)
    except BadSettings as error:
        sys.exit(f"aktif {duty.service}: {error}")
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda *_: worker.request_stop())
    worker.run()


def _build(duty: Duty, compose: Compose, settings: Settings) -> Worker:
    def handle(deliveries: Sequence[Delivery]) -> Sequence[Verdict]:
        return handler(deliveries)

    worker = Worker(duty, settings.broker_urls(), handle)
    handler = compose(settings, worker.holds_batch)
    return worker
