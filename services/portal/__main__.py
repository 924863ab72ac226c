"""`python -m services.portal`."""

import logging
import os
import signal
import socket
import sys
from http import HTTPStatus
from typing import Final

import uvicorn

from services.portal.app import build
from shared.logs import configure_logs, log_crashes
from shared.metrics import REGISTRY
from shared.process import METRICS_PORTS
from shared.settings import BadSettings, Settings, load_settings
from shared.status_server import StatusServer, metrics_page

_STOP_SECONDS: Final = 8
_BACKLOG: Final = 1024
_IDLE_SECONDS: Final = 75
"""Longer than a load balancer keeps a connection (60 s is usual): one that we closed in that moment is a 502."""


def main() -> None:
    """Serve the pages until SIGTERM or SIGINT. A bad setting ends the process with one line and exit code 2."""
    configure_logs("portal")
    log_crashes()
    for library in ("uvicorn.error", "python_multipart"):  # their lines would hold what our own leave out
        logging.getLogger(library).setLevel(logging.CRITICAL)
    try:
        settings = load_settings()
        app = build(settings)
        listening = _listen(settings)
        _serve_metrics(settings)
    except BadSettings as error:
        print(f"aktif portal: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    config = uvicorn.Config(
        app,
        access_log=False,  # its lines would hold tokens
        log_config=None,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=_STOP_SECONDS,
        timeout_keep_alive=_IDLE_SECONDS,
    )
    _serve_until_stopped(uvicorn.Server(config), listening)


def _serve_until_stopped(server: uvicorn.Server, listening: socket.socket) -> None:
    """uvicorn raises the signal that ended it once more, which our handler takes: a stop that was asked for is no
    failure."""

    def stop(*_: object) -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server.run(sockets=[listening])


def _listen(settings: Settings) -> socket.socket:
    host, _, port = settings.portal_bind.rpartition(":")
    host = host.strip("[]")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, int(port)), family=family, backlog=_BACKLOG)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise BadSettings(f"AKTIF_PORTAL_BIND: cannot listen on {settings.portal_bind}: {why}") from None


def _serve_metrics(settings: Settings) -> None:
    port = METRICS_PORTS["portal"] if settings.metrics_port is None else settings.metrics_port
    alive = HTTPStatus.OK, "text/plain; charset=utf-8", b"alive\n"
    StatusServer(settings.metrics_bind, port, {"/metrics": metrics_page(REGISTRY), "/healthz": lambda: alive}).start()


if __name__ == "__main__":
    main()
