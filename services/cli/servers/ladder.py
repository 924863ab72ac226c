"""The one ladder by which `aktif up` and the tests get their servers.

Each server: the URL that is set; else a private one. RabbitMQ is not in a wheel, so for it: an installed one; for tests
a Docker engine that answers; as root on Debian `apt-get install`; else a line that says what to type. Tests take both
from containers where AKTIF_TEST_CONTAINERS=1.
"""

import contextlib
import fcntl
import os
import platform
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from services.cli.servers import apt, rabbitmq
from services.cli.servers.catcher import MailCatcher
from services.cli.servers.postgres import PrivatePostgres
from services.cli.servers.process import Server
from services.cli.servers.rabbitmq import PrivateRabbitMQ
from shared.broker.management import api_url_of

Progress = Callable[[str], None]
ALL = frozenset({"amqp", "database", "smtp"})


class ServersMissing(Exception):
    """A server can neither be found nor made; the message is one line that says what to type."""


class ServersBusy(Exception):
    """Another process uses the servers of this folder; the message is one line that names it."""


class RabbitMQ(Server, Protocol):
    """A RabbitMQ that we started: PrivateRabbitMQ, or the tests' container."""

    @property
    def amqp_url(self) -> str:
        """`amqp://user:password@127.0.0.1:port/%2F`"""

    @property
    def api_url(self) -> str:
        """`http://user:password@127.0.0.1:port`"""


class Postgres(Server, Protocol):
    """A PostgreSQL that we started: PrivatePostgres, or the tests' container."""

    @property
    def url(self) -> str:
        """`postgresql+psycopg://user:password@127.0.0.1:port/aktif`, known after the first launch."""

    @property
    def pid(self) -> int:
        """The process id of the postmaster."""


@dataclass(frozen=True)
class Given:
    """The URLs that are set; None for a server that the ladder has to find."""

    amqp_url: str | None = None
    broker_api_url: str | None = None
    database_url: str | None = None
    smtp_url: str | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Given":
        """From AKTIF_AMQP_URL, AKTIF_BROKER_API_URL, AKTIF_DATABASE_URL and AKTIF_SMTP_URL; empty counts as not set."""
        names = ("amqp_url", "broker_api_url", "database_url", "smtp_url")
        return cls(**{name: environment.get(f"AKTIF_{name.upper()}") or None for name in names})


@dataclass(frozen=True)
class Servers:
    """Where the servers are; "" for one that was not wanted. Those of our own can be stopped, killed and started."""

    amqp_url: str = ""
    broker_api_url: str = ""
    database_url: str = ""
    smtp_url: str = ""
    maildir: Path | None = None
    rabbitmq: RabbitMQ | None = None
    postgres: Postgres | None = None
    catcher: MailCatcher | None = None

    def environment(self) -> dict[str, str]:
        """The settings by which a service finds these servers."""
        urls = {
            "AKTIF_AMQP_URL": self.amqp_url,
            "AKTIF_BROKER_API_URL": self.broker_api_url,
            "AKTIF_DATABASE_URL": self.database_url,
            "AKTIF_SMTP_URL": self.smtp_url,
        }
        return {name: url for name, url in urls.items() if url}


@contextlib.contextmanager
def servers(
    folder: Path,
    *,
    want: frozenset[str] = ALL,
    given: Given | None = None,
    for_tests: bool = False,
    busy: str | None = None,
    on_progress: Progress = lambda _: None,
) -> Iterator[Servers]:
    """Servers for each URL of `want` that is not `given` (default: the environment's), stopped side by side at the end.

    Data, ports and passwords stay in `folder`. `for_tests` allows a container, and ends the servers abruptly, for
    their data goes too. A private mail catcher refuses each recipient of the domain `busy` once. Raises ServersMissing,
    ServersBusy and ServerFailed.
    """
    given = given or Given.of(os.environ)
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with _held(folder), _ended_together() as endings:

        def launch(server: Server, words: str) -> None:
            on_progress(f"starting {words}")
            endings.append(server.discard if for_tests else server.stop)
            server.launch()

        broker = database = catcher = None
        if "amqp" in want and not given.amqp_url:
            broker = _find_rabbitmq(folder / "rabbitmq", for_tests, on_progress)
            launch(broker, "RabbitMQ")
        if "database" in want and not given.database_url:
            database = _find_postgres(folder / "postgres", for_tests)
            launch(database, "PostgreSQL")
        if "smtp" in want and not given.smtp_url:
            catcher = MailCatcher(folder / "mail", busy)
            launch(catcher, "the mail catcher")
        for server in (catcher, database, broker):
            if server is not None:
                server.wait_ready()
        on_progress("servers are ready")
        yield Servers(
            amqp_url=broker.amqp_url if broker else given.amqp_url or "",
            broker_api_url=broker.api_url if broker else given.broker_api_url or api_url_of(given.amqp_url or ""),
            database_url=database.url if database else given.database_url or "",
            smtp_url=catcher.url if catcher else given.smtp_url or "",
            maildir=catcher.maildir if catcher else None,
            rabbitmq=broker,
            postgres=database,
            catcher=catcher,
        )


def _find_postgres(folder: Path, for_tests: bool) -> Postgres:
    if for_tests and _containers_wanted():
        from services.cli.servers.container import ContainerPostgres

        return ContainerPostgres(folder)
    return PrivatePostgres(folder)


def _containers_wanted() -> bool:
    return os.environ.get("AKTIF_TEST_CONTAINERS") == "1"


def _find_rabbitmq(folder: Path, for_tests: bool, on_progress: Progress) -> RabbitMQ:
    if for_tests and _containers_wanted():
        from services.cli.servers.container import ContainerRabbitMQ

        return ContainerRabbitMQ(folder)
    if script := rabbitmq.find_server():
        return PrivateRabbitMQ(folder, script)
    if for_tests:
        from services.cli.servers.container import ContainerRabbitMQ, engine_answers

        if engine_answers():
            return ContainerRabbitMQ(folder)
    if apt.can_install():
        on_progress("installing rabbitmq-server with apt-get")
        apt.install("rabbitmq-server")
        if script := rabbitmq.find_server():
            return PrivateRabbitMQ(folder, script)
    raise ServersMissing(_what_to_type())


def _what_to_type() -> str:
    if platform.system() == "Darwin":
        return "RabbitMQ is missing: type `brew install rabbitmq`, or set AKTIF_AMQP_URL"
    return "RabbitMQ is missing: as root, type `apt-get install rabbitmq-server`, or set AKTIF_AMQP_URL"


@contextlib.contextmanager
def _ended_together() -> Iterator[list[Callable[[], None]]]:
    """A list of what ends servers; at the end all of it is called side by side, for each takes its seconds."""
    endings: list[Callable[[], None]] = []
    try:
        yield endings
    finally:
        with ThreadPoolExecutor(max_workers=4) as pool:
            for ended in [pool.submit(ending) for ending in endings]:
                ended.result()


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServersBusy(
                f"another process uses the servers in {folder}: end it, or choose another folder"
            ) from None
        yield
