"""A test's own hands on a vhost: it publishes, counts, drains, and runs workers in a thread or in a process."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pika
from pika.exceptions import AMQPError

from schemas.envelope import Outgoing
from schemas.events import Lane
from shared.broker.judge import Timing
from shared.broker.management import ManagementApi, vhost_of
from shared.broker.topology import TOPOLOGY, QueueSpec, Topology, suspect_queue, work_queue
from shared.broker.verdicts import Delivery, DependencyDown, Done, Verdict
from shared.broker.worker import Duty, Worker

LIVE, BULK, SUSPECT = work_queue("state", Lane.LIVE), work_queue("state", Lane.BULK), suspect_queue("state")
WORKED: Final = "worked"
"""A queue of the tests' own that gets everything that is published to `aktif.feed`."""
SHORT_WAIT_MS: Final = 300
FAST = Timing(hold=0.4, probes=(0.05, 0.1), suspects=0.2, look=0.2)


def duty(*, batch: int = 500, prefetch: int = 1500, timing: Timing = FAST) -> Duty:
    """The state worker's duty, in a hurry."""
    return Duty("state", (LIVE, BULK), SUSPECT, batch=batch, prefetch=prefetch, timing=timing)


def with_short_waits(topology: Topology = TOPOLOGY) -> Topology:
    """The topology, with `wait.5s` holding messages for a fraction of a second."""

    def short(queue: QueueSpec) -> QueueSpec:
        return replace(queue, arguments={**queue.arguments, "x-message-ttl": SHORT_WAIT_MS})

    return replace(topology, queues=tuple(short(q) if q.name == "wait.5s" else q for q in topology.queues))


def worked(body: bytes) -> Outgoing:
    """An outgoing event that ends in the queue WORKED."""
    return Outgoing("aktif.feed", "test.Worked", body.decode(), "aktif.Worked.v1", body)


@dataclass(frozen=True)
class Message:
    """A message as a test finds it in a queue."""

    exchange: str
    routing_key: str
    properties: pika.BasicProperties
    body: bytes

    @property
    def headers(self) -> Mapping[str, Any]:
        """Its headers."""
        return self.properties.headers or {}


@dataclass
class Hands:
    """What a test does to its vhost."""

    url: str
    api_url: str

    @property
    def api(self) -> ManagementApi:
        """The management API of the vhost."""
        return ManagementApi(self.api_url, vhost_of(self.url))

    @contextmanager
    def channel(self) -> Iterator[Any]:
        """A blocking channel on a connection of its own."""
        connection = pika.BlockingConnection(pika.URLParameters(self.url))
        try:
            yield connection.channel()
        finally:
            with contextlib.suppress(AMQPError):
                connection.close()

    def publish(self, exchange: str, key: str, bodies: Sequence[bytes], **properties: Any) -> None:
        """Publish, and wait until each is confirmed."""
        with self.channel() as channel:
            channel.confirm_delivery()
            for body in bodies:
                named = {"message_id": body.decode(errors="replace")[:100], "delivery_mode": 2, **properties}
                channel.basic_publish(exchange, key, body, pika.BasicProperties(**named), mandatory=True)

    def publish_many(self, exchange: str, key: str, bodies: Sequence[bytes]) -> None:
        """Publish without waiting for each; all are there in the end."""
        with self.channel() as channel:
            for body in bodies:
                channel.basic_publish(exchange, key, body, pika.BasicProperties(delivery_mode=2))
            channel.confirm_delivery()
            channel.basic_publish(exchange, key, b"last", pika.BasicProperties(delivery_mode=2), mandatory=True)

    def count(self, queue: str) -> int:
        """How many messages wait in a queue, in nobody's hands."""
        with self.channel() as channel:
            return int(channel.queue_declare(queue, passive=True).method.message_count)

    def counts(self) -> dict[str, int]:
        """`count` of every queue of the topology that is not empty."""
        with self.channel() as channel:
            found = {
                queue.name: int(channel.queue_declare(queue.name, passive=True).method.message_count)
                for queue in TOPOLOGY.queues
            }
        return {name: count for name, count in found.items() if count}

    def drain(self, queue: str) -> list[Message]:
        """Take everything that waits in a queue."""
        found = list[Message]()
        with self.channel() as channel:
            while True:
                method, properties, body = channel.basic_get(queue, auto_ack=True)
                if method is None:
                    return found
                found.append(Message(method.exchange, method.routing_key, properties, body))

    def listen(self) -> None:
        """Make the queue WORKED."""
        with self.channel() as channel:
            channel.queue_declare(WORKED, durable=True, arguments={"x-queue-type": "quorum"})
            channel.queue_bind(WORKED, "aktif.feed", "#")

    def in_hand(self, *queues: str) -> int:
        """How many messages of these queues somebody holds unacked; the broker counts that every few seconds."""
        return sum(queue.unacked for queue in self.api.queues() if not queues or queue.name in queues)

    def connections(self, role: str) -> list[str]:
        """The connections with this role (`consume`, `publish`); the API learns of them some seconds late."""
        return [found.name for found in self.api.connections() if f"-{role}@" in found.client]


@dataclass
class Recorder:
    """A handler that keeps what it was asked, and says Done unless told otherwise."""

    verdict: Callable[[Delivery], Verdict] = lambda _: Done()
    batches: list[list[Delivery]] = field(default_factory=list)

    def __call__(self, deliveries: Sequence[Delivery]) -> Sequence[Verdict]:
        """The handler."""
        self.batches.append(list(deliveries))
        return [self.verdict(delivery) for delivery in deliveries]

    @property
    def deliveries(self) -> list[Delivery]:
        """All deliveries, in order."""
        return [delivery for batch in self.batches for delivery in batch]

    @property
    def bodies(self) -> list[bytes]:
        """Their bodies."""
        return [delivery.body for delivery in self.deliveries]


@dataclass
class Dependency:
    """A dependency that is up or down as the test says, or up again after so many probes; it counts its probes."""

    is_up: bool = True
    recovers_after: int = 0
    probes: int = 0

    def check(self) -> None:
        """Raise DependencyDown while it is down."""
        if not self.is_up:
            raise self.failure()

    def failure(self) -> DependencyDown:
        """What a handler raises that met it."""
        return DependencyDown("thing", "as the test wants it", self._probe)

    def _probe(self) -> None:
        self.probes += 1
        if not self.is_up:
            self.is_up = bool(self.recovers_after) and self.probes % self.recovers_after == 0
            raise ConnectionError


@contextmanager
def working(of: Duty, hands: Hands, handler: Callable[[Sequence[Delivery]], Sequence[Verdict]]) -> Iterator[Worker]:
    """A worker in a thread; stopped at the end within 10 s; it must not end the whole process, as it otherwise may."""
    worker = Worker(replace(of, timing=replace(of.timing, stop=3600)), [hands.url], handler)
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    try:
        yield worker
    finally:
        worker.request_stop()
        thread.join(10)
        assert not thread.is_alive(), "the worker did not stop"


@contextmanager
def process(hands: Hands, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """A worker in a process of its own (`tests.integration.broker.process`), killed at the end if it still runs."""
    started = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.broker.process", hands.url, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.getcwd()},
    )
    try:
        yield started
    finally:
        started.kill()
        started.communicate()
