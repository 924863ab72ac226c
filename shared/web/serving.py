"""A set of web pages as a process: settings, logs, uvicorn, signals."""

import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from shared.logs import configure_logs, log_crashes
from shared.metrics import REGISTRY
from shared.process import METRICS_PORTS
from shared.settings import PREFIX, BadSettings, Settings, load_settings
from shared.status_server import StatusServer, metrics_page

_STOP_SECONDS: Final = 8
_BACKLOG: Final = 1024
_IDLE_SECONDS: Final = 75
"""Longer than a load balancer keeps a connection (60 s is usual): one that we closed in that moment is a 502."""


def serve(service: str, build: Callable[[Settings], ASGIApp]) -> None:
    """Serve pages until SIGTERM or SIGINT, where the setting `<service>_bind` says.

    A bad setting ends the process with one line and exit code 2.
    """
    configure_logs(service)
    log_crashes()
    for library in ("uvicorn.error", "python_multipart"):  # their lines would hold what our own leave out
        logging.getLogger(library).setLevel(logging.CRITICAL)
    try:
        settings = load_settings()
        app = build(settings)
        listening = _listen(f"{service}_bind", settings)
        _serve_metrics(service, settings)
    except BadSettings as error:
        print(f"aktif {service}: {error}", file=sys.stderr)  # noqa: T201
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


def _listen(setting: str, settings: Settings) -> socket.socket:
    bind: str = getattr(settings, setting)
    host, _, port = bind.rpartition(":")
    host = host.strip("[]")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, int(port)), family=family, backlog=_BACKLOG)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise BadSettings(f"{PREFIX}{setting.upper()}: cannot listen on {bind}: {why}") from None


def _serve_metrics(service: str, settings: Settings) -> None:
    port = METRICS_PORTS[service] if settings.metrics_port is None else settings.metrics_port
    alive = HTTPStatus.OK, "text/plain; charset=utf-8", b"alive\n"
    StatusServer(settings.metrics_bind, port, {"/metrics": metrics_page(REGISTRY), "/healthz": lambda: alive}).start()
