"""`/metrics`, `/healthz` and `/readyz` of a worker, on a port of its own."""

import errno
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socket import AF_INET, AF_INET6
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, ClassVar, Final

import structlog
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest

from shared.health import Answer
from shared.settings import BadSettings

_log = structlog.get_logger()
_TEXT: Final = "text/plain; charset=utf-8"

Page = Callable[[], tuple[HTTPStatus, str, bytes]]
"""Status, content type and body of what is answered now."""


class StatusServer:
    """Answers in threads of its own. `port` is where it listens, also where any free one was asked for."""

    def __init__(self, bind: str, port: int, pages: Mapping[str, Page]) -> None:
        """Listen. Raises BadSettings, which names the variable, where that cannot be."""
        handler = type("Handler", (_Handler,), {"pages": dict(pages)})
        kind = _Server6 if ":" in bind else _Server
        try:
            self._server = kind((bind, port), handler)
        except OSError as error:
            raise BadSettings(_why_not(bind, port, error)) from None
        self.port = int(self._server.server_address[1])

    def start(self) -> None:
        """Answer from now on."""
        threading.Thread(target=self._server.serve_forever, name="status", daemon=True).start()
        _log.info("status_served", bind=str(self._server.server_address[0]), port=self.port)

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()


def metrics_page(registry: CollectorRegistry) -> Page:
    """The metrics of a registry, in Prometheus's text format."""
    return lambda: (HTTPStatus.OK, CONTENT_TYPE_PLAIN_0_0_4, generate_latest(registry))


def answer_page(question: Callable[[], Answer]) -> Page:
    """200 for yes, 503 for no, and why."""

    def page() -> tuple[HTTPStatus, str, bytes]:
        answer = question()
        status = HTTPStatus.OK if answer.ok else HTTPStatus.SERVICE_UNAVAILABLE
        return status, _TEXT, f"{answer.text}\n".encode()

    return page


def _why_not(bind: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRNOTAVAIL:
        return f"AKTIF_METRICS_BIND: {bind} is no address of this machine"
    return f"AKTIF_METRICS_PORT: cannot listen on {bind} port {port}: {error.strerror}; 0 takes any free port"


class _Server(ThreadingMixIn, TCPServer):
    address_family = AF_INET
    allow_reuse_address = True
    daemon_threads = True


class _Server6(_Server):
    address_family = AF_INET6


class _Handler(BaseHTTPRequestHandler):
    pages: ClassVar[Mapping[str, Page]] = {}
    timeout = 10
    server_version, sys_version = "Aktif", ""

    def do_GET(self) -> None:
        page = self.pages.get(self.path.partition("?")[0])
        if page is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        status, content_type, body = page()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing is logged: a scrape every few seconds is no event."""
