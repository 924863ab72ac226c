"""Registrations as an HR system publishes them, of plainly invented people, as many as a test needs."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from schemas.events import Exchange, Lane
from shared.broker.publisher import Message, Publisher

SOURCE = "/hr/contoh"


def ic_number(index: int) -> str:
    """A valid IC number for each index below 10,000,000."""
    return f"85{index // 1_000_000 % 12 + 1:02d}01{index % 1_000_000:06d}"


def hr_event(id_: str, data: dict[str, Any], name: str = "ActivationRequested") -> dict[str, Any]:
    """An event of an HR system, of now."""
    return {
        "specversion": "1.0",
        "id": id_,
        "source": SOURCE,
        "type": f"aktif.{name}.v1",
        "time": datetime.now(UTC).isoformat(),
        "datacontenttype": "application/json",
        "data": data,
    }


def registration(index: int, **changes: Any) -> dict[str, Any]:
    """The data of one person's registration."""
    return {
        "reason": "registration",
        "ic_number": ic_number(index),
        "name": f"PEGAWAI CONTOH {index}",
        "email": f"pegawai.{index}@example.gov.my",
        "registered_at": "2020-07-13T10:45:50+08:00",
        **changes,
    }


def message(event: dict[str, Any], *, lane: Lane = Lane.BULK, exchange: str = Exchange.HR) -> Message:
    """An event as it is published."""
    body = json.dumps(event, separators=(",", ":")).encode()
    return Message(exchange, f"{lane}.{event['type'].split('.')[1]}", body, message_id=event["id"])


def registrations(count: int, *, first: int = 0, lane: Lane = Lane.BULK) -> Iterator[Message]:
    """The messages that register some people."""
    for index in range(first, first + count):
        yield message(hr_event(f"reg-{index}", registration(index)), lane=lane)


def publish(amqp_url: str, messages: Iterable[Message]) -> int:
    """Publish and wait until the broker has confirmed all; returns how many."""
    publisher = Publisher([amqp_url], "test")
    publisher.start()
    stream, count = iter(messages), 0
    try:
        while chunk := list(islice(stream, 5000)):
            assert publisher.publish_and_wait(chunk, 120), "the broker did not confirm"
            count += len(chunk)
    finally:
        publisher.stop()
    return count
