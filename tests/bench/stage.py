"""What a benchmark plays on: a fresh vhost and database, processes under measurement, and exact queue lengths."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

import pika
from sqlalchemy import Engine

from services.cli.servers.ladder import Servers
from services.cli.servers.process import free_port
from shared.broker.provision import provision
from shared.broker.publisher import Message, Publisher
from shared.store.engine import migrate, open_engine
from tests.support.servers import create_database, drop_database, fresh_vhost

_KEYS = {"AKTIF_LINK_KEYS": "bench-link-key-" + "k" * 32, "AKTIF_PEPPER_KEYS": "bench-pepper-key-" + "p" * 32}


@dataclass
class Stage:
    """A vhost, a database, and where mails go."""

    amqp_url: str
    database_url: str
    smtp_url: str
    engine: Engine
    broker: pika.BlockingConnection

    def depth(self, queue: str) -> int:
        """How many messages a queue holds that nobody has in hand, exactly and at once."""
        return int(self.broker.channel().queue_declare(queue, passive=True).method.message_count)

    def fill(self, messages: Iterable[Message]) -> None:
        """Publish messages and wait until all are confirmed."""
        publisher = Publisher([self.amqp_url], "bench")
        publisher.start()
        stream = iter(messages)
        while chunk := list(islice(stream, 5000)):
            if not publisher.publish_and_wait(chunk, 120):
                raise TimeoutError("the broker did not confirm")
        publisher.stop()

    @contextmanager
    def process(self, *command: str, **settings: str) -> Iterator["subprocess.Popen[bytes]"]:
        """A Python module as a process of its own, with the settings of a service; killed at the end."""
        environment = {
            **os.environ,
            **_KEYS,
            "AKTIF_AMQP_URL": self.amqp_url,
            "AKTIF_DATABASE_URL": self.database_url,
            "AKTIF_SMTP_URL": self.smtp_url,
            "AKTIF_METRICS_PORT": "0",
            **settings,
        }
        with Path(os.devnull).open("wb") as nowhere:
            running = subprocess.Popen([sys.executable, "-m", *command], env=environment, stderr=nowhere)
            try:
                yield running
            finally:
                running.terminate()
                try:
                    running.wait(12)
                except subprocess.TimeoutExpired:
                    running.kill()
                    running.wait()

    def rate(self, out: Callable[[], int], count: int, timeout: float = 600) -> float:
        """How many a second come out, from the first seen to the last."""
        until = time.monotonic() + timeout
        while (first := out()) == 0:
            _not_after(until)
            time.sleep(0.005)
        begun = time.monotonic()
        while (now := out()) < count:
            _not_after(until)
            time.sleep(0.01)
        return (now - first) / (time.monotonic() - begun)


@contextmanager
def stage(servers: Servers) -> Iterator[Stage]:
    """A stage of its own, with the topology declared, the tables made, and a mail server that takes everything."""
    with ExitStack() as ending:
        amqp_url = ending.enter_context(fresh_vhost(servers.amqp_url, servers.broker_api_url))
        database_url = create_database(servers.database_url)
        ending.callback(drop_database, database_url)
        migrate(database_url)
        provision([amqp_url])
        engine = open_engine(database_url, application="bench")
        ending.callback(engine.dispose)
        broker = pika.BlockingConnection(pika.URLParameters(amqp_url))
        ending.callback(broker.close)
        smtp_url = ending.enter_context(smtp_sink())
        yield Stage(amqp_url, database_url, smtp_url, engine, broker)


@contextmanager
def smtp_sink(*options: str) -> Iterator[str]:
    """Postfix's mail server for benchmarks, which takes everything and keeps nothing."""
    port = free_port()
    running = subprocess.Popen(["/usr/sbin/smtp-sink", *_as_user(), *options, f"127.0.0.1:{port}", "1000"])
    try:
        _wait_for_port(port)
        yield f"smtp://127.0.0.1:{port}"
    finally:
        running.kill()
        running.wait()


def smtp_source(smtp_url: str, count: int, sessions: int) -> float:
    """Mails a second that postfix's own generator gets into a mail server."""
    begun = time.monotonic()
    command: Sequence[str] = [
        "/usr/sbin/smtp-source", "-m", str(count), "-s", str(sessions), "-l", "4000", urlsplit(smtp_url).netloc,
    ]  # fmt: skip
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return count / (time.monotonic() - begun)


def peak_memory(process: "subprocess.Popen[bytes]") -> float:
    """The most memory a process ever had resident, in MiB (Linux)."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _as_user() -> list[str]:
    return ["-u", "nobody"] if os.geteuid() == 0 else []


def _wait_for_port(port: int) -> None:
    import socket

    until = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            _not_after(until)
            time.sleep(0.02)
        else:
            return


def _not_after(until: float) -> None:
    if time.monotonic() > until:
        raise TimeoutError("the benchmark did not come to its end")
