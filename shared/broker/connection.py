"""One AMQP connection in an I/O thread of its own, so that heartbeats never starve; it reconnects for ever."""

import contextlib
import functools
import itertools
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import pika
import structlog
from tenacity import Retrying, retry_if_exception_type, stop_when_event_set, wait_random_exponential
from tenacity.nap import sleep_using_event

from shared import metrics, tls
from shared.broker.wire import Connection
from shared.settings import BadSettings
from shared.version import release

_log = structlog.get_logger()
_HEARTBEAT: Final = 30
_CLOSE_SECONDS: Final = 2
_RECONNECT = wait_random_exponential(multiplier=0.5, min=0.5, max=5)


class BrokerUnreachable(Exception):
    """No connection could be opened."""


class Tenant(Protocol):
    """Who lives on a connection. Both are called in its I/O thread."""

    def connected(self, connection: pika.SelectConnection) -> None:
        """A connection was opened: open channels."""

    def disconnected(self) -> None:
        """It was lost, with all channels and delivery tags."""


def parameters(url: str, name: str) -> pika.URLParameters:
    """Connection parameters of one URL; `name` is what operators see in the list of connections, with our version.

    Raises BadSettings, for what pika says of a bad query repeats the URL. An `amqps://` that does not verify whom it
    speaks to is as bad as none, so its query may name an authority and our own certificate, and no less than that.
    """
    try:
        found = pika.URLParameters(url)
    except Exception as error:
        raise BadSettings(
            f"AKTIF_AMQP_URL: an option after the question mark is bad ({type(error).__name__})"
        ) from None
    if found.ssl_options is not None and not tls.verifies(found.ssl_options.context):
        raise BadSettings("AKTIF_AMQP_URL: its ssl_options leave the broker's certificate unverified; take that out")
    found.heartbeat = _HEARTBEAT
    found.blocked_connection_timeout = None
    found.socket_timeout = 5
    found.stack_timeout = 10
    found.client_properties = {"connection_name": name, "product": "Aktif", "version": release()}
    return found


def why(error: BaseException | str) -> str:
    """What the client library says of a failure, or where it is about TLS what to do; never blank."""
    about_tls = tls.trouble(error) if isinstance(error, BaseException) else None
    return about_tls or str(error) or repr(error)


class BrokerConnection:
    """A connection to the first of several brokers that answers; after a loss it is opened again in 0.5 to 5 s."""

    def __init__(self, urls: Sequence[str], role: str, tenant: Tenant) -> None:
        self._name = f"{role}@{socket.gethostname()}"
        self._role = role.rpartition("-")[2]
        self._parameters = itertools.cycle([parameters(url, self._name) for url in urls])
        self._tenant = tenant
        self._connection: pika.SelectConnection | None = None
        self._opened = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)

    def start(self) -> None:
        """Connect in the background."""
        self._thread.start()

    def stop(self, timeout: float = 3) -> None:
        """Close the connection and end the thread; seconds."""
        self._stopping.set()
        self._enqueue(self._close)
        self._thread.join(timeout)

    @property
    def current(self) -> pika.SelectConnection | None:
        """The connection, while it is open."""
        connection = self._connection
        return connection if connection is not None and connection.is_open else None

    def call(self, function: Callable[[], None]) -> None:
        """Run a function in the I/O thread, soon; dropped where there is no open connection."""
        self._enqueue(functools.partial(self._unless_closed, function))

    def later(self, seconds: float, function: Callable[[], None]) -> None:
        """Run a function in the I/O thread after some seconds, if this same connection is then open."""
        connection = self._connection
        if connection is not None:
            connection.ioloop.call_later(seconds, functools.partial(self._unless_closed, function))

    def _enqueue(self, function: Callable[[], None]) -> None:
        connection = self._connection
        if connection is not None:
            # The loop may be closing at this very moment, and then there is nobody left to tell.
            with contextlib.suppress(OSError, AttributeError):
                connection.ioloop.add_callback_threadsafe(function)

    def _unless_closed(self, function: Callable[[], None]) -> None:
        if self.current is not None:
            function()

    def _run(self) -> None:
        while not self._stopping.is_set():
            retrying = Retrying(
                retry=retry_if_exception_type(BrokerUnreachable),
                wait=_RECONNECT,
                stop=stop_when_event_set(self._stopping),
                sleep=sleep_using_event(self._stopping),
                retry_error_callback=lambda _: None,
            )
            retrying(self._live_once)
            self._stopping.wait(0.5)

    def _live_once(self) -> None:
        """Open a connection and serve it until it is lost. Raises BrokerUnreachable where it cannot be opened."""
        self._opened = False
        connection = None
        try:
            connection = self._connection = Connection(
                next(self._parameters),
                on_open_callback=self._on_open,
                on_open_error_callback=self._on_open_error,
                on_close_callback=self._on_close,
            )
            _serve(connection)
        except Exception:
            # Whatever is raised, this thread must live: a new connection is as good as the old one.
            _log.exception("broker_io_failed", connection=self._name)
        finally:
            self._connection = None
            if self._opened:
                metrics.BROKER_CONNECTED.labels(self._role).set(0)
                self._tenant.disconnected()
            if connection is not None:
                connection.ioloop.close()
        if not self._opened:
            raise BrokerUnreachable(self._name)

    def _on_open(self, connection: pika.SelectConnection) -> None:
        if self._stopping.is_set():
            connection.close()
            return
        self._opened = True
        _log.info("broker_connected", connection=self._name)
        metrics.BROKER_CONNECTED.labels(self._role).set(1)
        metrics.BROKER_CONNECTIONS.labels(self._role, "opened").inc()
        self._tenant.connected(connection)

    def _on_open_error(self, connection: pika.SelectConnection, error: BaseException | str) -> None:
        _log.warning("broker_unreachable", connection=self._name, error=why(error))
        metrics.BROKER_CONNECTIONS.labels(self._role, "refused").inc()
        connection.ioloop.stop()

    def _on_close(self, connection: pika.SelectConnection, reason: BaseException) -> None:
        if not self._stopping.is_set():
            _log.warning("broker_lost", connection=self._name, error=str(reason) or repr(reason))
            metrics.BROKER_CONNECTIONS.labels(self._role, "lost").inc()
        connection.ioloop.stop()

    def _close(self) -> None:
        """One that is only being opened is closed when it is open."""
        if self._connection is not None and self._connection.is_open:
            self._connection.close()


def _serve(connection: Connection) -> None:
    """Run the I/O loop until the connection is lost; after an exception of a callback the connection is closed."""
    try:
        connection.ioloop.start()
    except Exception:
        connection.ioloop.call_later(_CLOSE_SECONDS, connection.ioloop.stop)
        if connection.is_open:
            connection.close()
            connection.ioloop.start()
        raise
