"""Publishing from the command line: every message confirmed, or a line that says why not."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import Any, Final

import structlog

from schemas.envelope import Outgoing, decode, encode, outgoing
from schemas.events import AccountWithdrawn, EventData, Exchange, Lane, routing_key
from services.cli.failures import Failed
from shared.broker.connection import BrokerUnreachable
from shared.broker.publisher import Message, Publisher
from shared.clock import now

_CHUNK: Final = 500
_IN_FLIGHT: Final = 8
_PATIENCE_SECONDS: Final = 30
Confirmed = Callable[[int], None]


def hr_event(data: EventData, *, id: str, source: str, time: datetime, lane: Lane) -> Outgoing:
    """An event for `aktif.hr`."""
    key = routing_key(lane, data)
    return outgoing(data, id=id, source=source, time=time, exchange=Exchange.HR, routing_key=key)


def check_source(source: str) -> None:
    """Raise Malformed where an event from this source would be refused on `aktif.hr`."""
    probe = AccountWithdrawn(ic_number="850101030007")
    decode(encode(probe, id="probe", source=source, time=now()), Exchange.HR)


class _Complaints:
    """Keeps what the publisher logs instead of printing it: for a command it is the reason of a failure."""

    def __init__(self, brokers: int) -> None:
        self._brokers = brokers
        self._unreachable = 0
        self._was_connected = False
        self._last: dict[str, Any] = {}

    def __call__(self, _: Any, __: str, event: Any) -> Any:
        name = event.get("event")
        if name == "audit":
            return event
        if name == "broker_connected":
            self._was_connected, self._last = True, {}
        elif name in {"broker_unreachable", "broker_lost", "publish_channel_closed", "unroutable"}:
            self._unreachable += name == "broker_unreachable"
            self._last = dict(event)
        raise structlog.DropEvent

    def raise_if_hopeless(self) -> None:
        """Raise where waiting helps nobody: no broker of the list answers, it refuses us, or it lacks the topology.

        One that answered before may come back.
        """
        why = str(self._last.get("error") or self._last.get("event") or "no answer")
        match self._last.get("event"):
            case "publish_channel_closed" | "unroutable" if "ACCESS_REFUSED" in why:
                raise Failed(f"the broker refuses: {why}; use a user of AKTIF_AMQP_URL that may write there")
            case "publish_channel_closed" | "unroutable":
                raise Failed(f"the broker does not take it: {why}; run `aktif provision`")
            case "broker_unreachable" if self._unreachable >= self._brokers and not self._was_connected:
                raise BrokerUnreachable(why)


class Publishing:
    """A publisher with a bound on what is under way."""

    def __init__(self, publisher: Publisher, complaints: _Complaints) -> None:
        self._publisher = publisher
        self._complaints = complaints
        self._slots = threading.Semaphore(_IN_FLIGHT)

    def publish(self, events: Iterable[Outgoing], on_confirmed: Confirmed = lambda _: None) -> int:
        """Publish, and return how many when all are confirmed. Raises BrokerUnreachable or Failed.

        `on_confirmed` is told how many more were confirmed, from another thread.
        """
        return self.send(map(Message.of, events), on_confirmed)

    def send(self, messages: Iterable[Message], on_confirmed: Confirmed = lambda _: None) -> int:
        """The same for messages, such as letters that go home."""
        iterator, published = iter(messages), 0
        while chunk := list(islice(iterator, _CHUNK)):
            self._wait_for_slot(published)
            self._publisher.publish(chunk, self._when_confirmed(len(chunk), on_confirmed))
            published += len(chunk)
        for _ in range(_IN_FLIGHT):
            self._wait_for_slot(published)
        self._slots.release(_IN_FLIGHT)
        return published

    def _when_confirmed(self, number: int, on_confirmed: Confirmed) -> Callable[[], None]:
        def confirmed() -> None:
            self._slots.release()
            on_confirmed(number)

        return confirmed

    def _wait_for_slot(self, published: int) -> None:
        until = time.monotonic() + _PATIENCE_SECONDS
        while not self._slots.acquire(timeout=0.05):
            self._complaints.raise_if_hopeless()
            if time.monotonic() > until:
                raise Failed(
                    f"the broker confirms nothing for {_PATIENCE_SECONDS} s, {published:,} given to it so far; look at "
                    "`aktif queues` and its alarms (memory, disk); running this again repeats nothing"
                )


@contextmanager
def publishing(urls: Sequence[str]) -> Iterator[Publishing]:
    """A connection for publishing, closed at the end."""
    complaints = _Complaints(len(urls))
    before = structlog.get_config()
    structlog.configure(processors=[complaints, *before["processors"]])
    publisher = Publisher(urls, "cli")
    publisher.start()
    try:
        yield Publishing(publisher, complaints)
    finally:
        publisher.stop()
        structlog.configure(**before)
