"""A worker as a process: settings, logs, signals."""

import gc
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Final

from shared import metrics
from shared.broker.verdicts import Delivery, Handler, Verdict
from shared.broker.worker import Duty, Worker
from shared.health import Health
from shared.logs import configure_logs, log_crashes
from shared.settings import BadSettings, Settings, load_settings
from shared.status_server import StatusServer, answer_page, metrics_page

Compose = Callable[[Settings, Callable[[], bool]], Handler]
"""Builds a handler from the settings and a question: is the batch in hand still ours?"""

METRICS_PORTS: Final = {"state": 9101, "mailer": 9102, "archivist": 9103, "portal": 9104, "console": 9105}
"""Where each service serves `/metrics`, `/healthz` and `/readyz` unless AKTIF_METRICS_PORT says otherwise."""


def run_worker(service: str, plan: Callable[[Settings], Duty], compose: Compose) -> None:
    """Run a worker until SIGTERM or SIGINT. A bad setting ends the process at once, with one line and exit code 2."""
    configure_logs(service)
    log_crashes()
    try:
        settings = load_settings()
        worker = _build(plan(settings), compose, settings)
        serve_status(service, settings, worker.health).start()
    except BadSettings as error:
        print(f"aktif {service}: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    run_until_stopped(worker)


def run_until_stopped(worker: Worker) -> None:
    """Run it until SIGTERM or SIGINT."""
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda *_: worker.request_stop())
    _spare_the_collector()
    worker.run()


def serve_status(service: str, settings: Settings, health: Health) -> StatusServer:
    """The port at which a worker tells its metrics and its health. Raises BadSettings where it cannot be had."""
    port = METRICS_PORTS[service] if settings.metrics_port is None else settings.metrics_port
    metrics.CONFIRM_WAIT.set_function(health.confirm_wait)
    pages = {
        "/metrics": metrics_page(metrics.REGISTRY),
        "/healthz": answer_page(health.is_alive),
        "/readyz": answer_page(health.is_ready),
    }
    return StatusServer(settings.metrics_bind, port, pages)


def _spare_the_collector() -> None:
    """A batch makes thousands of values that live a moment; scanning all that lives for ever beside them cost a third
    of the state worker's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _build(duty: Duty, compose: Compose, settings: Settings) -> Worker:
    def handle(deliveries: Sequence[Delivery]) -> Sequence[Verdict]:
        return handler(deliveries)

    worker = Worker(duty, settings.broker_urls(), handle)
    handler = compose(settings, worker.holds_batch)
    return worker
