"""All of Aktif, as separate processes on servers of a test's own, to be watched and killed."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Any

import pika
from pika.exceptions import AMQPError
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from services.cli.servers.catcher import MailCatcher
from services.cli.servers.ladder import Servers
from services.cli.servers.process import accepts, free_port
from shared.broker.provision import provision
from shared.broker.topology import TOPOLOGY
from shared.store.engine import migrate, open_engine
from tests.support.servers import create_database, drop_database, fresh_vhost
from tests.support.waiting import eventually

KEYS = {
    "AKTIF_LINK_KEYS": "test-link-key-" + "k" * 32,
    "AKTIF_PEPPER_KEYS": "test-pepper-key-" + "p" * 32,
    "AKTIF_SESSION_KEYS": "test-session-key-" + "s" * 32,
}
_WAITING = [queue.name for queue in TOPOLOGY.queues if queue.name != "dead"]


@dataclass
class World:
    """A vhost, a database, a mail catcher, and the services that were started."""

    servers: Servers
    amqp_url: str
    database_url: str
    catcher: MailCatcher
    engine: Engine
    logs: Path
    portal_port: int = field(default_factory=free_port)
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    _message_ids: dict[str, str] = field(default_factory=dict)

    def start(self, *services: str, **settings: str) -> None:
        """Start services, each a process of its own."""
        environment = {
            **os.environ,
            **KEYS,
            "AKTIF_AMQP_URL": self.amqp_url,
            "AKTIF_DATABASE_URL": self.database_url,
            "AKTIF_SMTP_URL": self.catcher.url,
            "AKTIF_METRICS_PORT": "0",
            "AKTIF_PORTAL_BIND": f"127.0.0.1:{self.portal_port}",
            "AKTIF_PORTAL_URL": self.portal_url,
            **settings,
        }
        for service in services:
            with (self.logs / f"{service}.log").open("ab") as log:
                self.running[service] = subprocess.Popen(
                    [sys.executable, "-m", f"services.{service}"], env=environment, stderr=log, start_new_session=True
                )

    @property
    def portal_url(self) -> str:
        """Where the links of mails lead to, and the portal listens once it is started."""
        return f"http://localhost:{self.portal_port}"

    def opens_portal(self) -> None:
        """Wait until the portal answers."""
        eventually("the portal listens", lambda: accepts(self.portal_port))

    def kill(self, service: str) -> None:
        """SIGKILL, and wait until it is gone."""
        process = self.running.pop(service)
        process.kill()
        assert process.wait(10) == -signal.SIGKILL, f"{service} had ended before it was killed"

    def stop(self, service: str, within: float = 10) -> int:
        """SIGTERM; returns the exit code."""
        process = self.running.pop(service)
        process.terminate()
        return process.wait(within)

    def count(self, question: str) -> int:
        """One number from the database; -1 while it is down."""
        try:
            with self.engine.connect() as connection:
                return int(connection.execute(text(question)).scalar_one())
        except DBAPIError:
            return -1

    def depths(self) -> dict[str, int]:
        """How many messages each queue holds that nobody has in hand; empty while the broker is down."""
        return {queue: declared.message_count for queue, declared in self._declared().items()}

    def consumers(self, queue: str) -> int:
        """How many consume from a queue."""
        return int(self._declared()[queue].consumer_count)

    def waiting(self) -> int:
        """Messages in work, wait and suspect queues; -1 while the broker is down."""
        depths = self.depths()
        return sum(depths[queue] for queue in _WAITING) if depths else -1

    def mails_caught(self) -> int:
        """Mails in the Maildir."""
        return len(os.listdir(self.catcher.maildir / "new"))  # a poll of thousands of files; iterdir costs ten times it

    def mails_twice(self) -> int:
        """Mails that were caught more often than once, by Message-ID; each further copy counts."""
        folder = self.catcher.maildir / "new"
        for name in os.listdir(folder):
            if name not in self._message_ids:
                self._message_ids[name] = _message_id(folder / name)
        return sum(count - 1 for count in Counter(self._message_ids.values()).values())

    def settle(self, done: Callable[[], bool], *, within: float = 120) -> None:
        """Wait until something holds and no queue holds anything."""
        eventually(
            "all is done and no queue holds anything", lambda: done() and self.waiting() == 0, within=within, every=0.1
        )

    def _declared(self) -> dict[str, Any]:
        """What the broker answers for each queue, at once and exactly; nothing while it is down."""
        try:
            connection = pika.BlockingConnection(pika.URLParameters(self.amqp_url))
            try:
                channel = connection.channel()
                return {queue.name: channel.queue_declare(queue.name, passive=True).method for queue in TOPOLOGY.queues}
            finally:
                connection.close()
        except (AMQPError, OSError):
            return {}

    def log_of(self, service: str) -> str:
        """What a service has logged."""
        return (self.logs / f"{service}.log").read_text()


def _message_id(mail: Path) -> str:
    """The Message-ID, from the head alone: thousands of mails are looked at, again after each kill."""
    with mail.open("rb") as file:
        return str(BytesHeaderParser().parse(file)["Message-ID"])


@contextmanager
def world(servers: Servers, folder: Path) -> Iterator[World]:
    """A world on some servers, provisioned, with nothing running yet."""
    with ExitStack() as ending:
        amqp_url = ending.enter_context(fresh_vhost(servers.amqp_url, servers.broker_api_url))
        database_url = create_database(servers.database_url)
        ending.callback(drop_database, database_url)
        migrate(database_url)
        provision([amqp_url])
        engine = open_engine(database_url, application="test", pool_size=5)
        ending.callback(engine.dispose)
        catcher = MailCatcher(folder / "mail")
        catcher.start()
        ending.callback(catcher.kill)
        found = World(servers, amqp_url, database_url, catcher, engine, folder)
        ending.callback(_end_all, found)
        yield found


def _end_all(found: World) -> None:
    for process in found.running.values():
        process.kill()
        process.wait()
