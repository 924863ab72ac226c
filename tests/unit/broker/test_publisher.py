"""Confirms, nacks and returns, without a broker."""

from types import SimpleNamespace
from typing import Any

import pytest
from pika import spec

from shared.broker.publisher import Message, Publisher


class Line:
    """A connection and a channel in one, that keeps what was said on it."""

    is_open = True

    def __init__(self) -> None:
        self.published = list[bytes]()
        self.asked = list[str]()
        self.timers = list[Any]()
        self.connection = self

    def channel(self, on_open_callback: Any) -> None:
        """Open at once."""
        on_open_callback(self)

    def add_on_close_callback(self, callback: Any) -> None:
        """Not of interest."""

    add_on_return_callback = add_on_close_callback

    def exchange_declare(self, exchange: str, passive: bool) -> None:
        """Keep that it was asked for."""
        assert passive
        self.asked.append(exchange)

    def confirm_delivery(self, on_confirm: Any, callback: Any) -> None:
        """Confirm at once."""
        del on_confirm
        callback(None)

    def basic_publish(self, exchange: str, key: str, body: bytes, properties: Any, mandatory: bool) -> None:
        """Keep it."""
        del exchange, key, properties
        assert mandatory
        self.published.append(body)


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Publisher:
    """A publisher whose I/O thread is the test."""
    found = Publisher(["amqp://127.0.0.1:1/"], "test")
    timers: list[Any] = found.__dict__.setdefault("timers", [])
    monkeypatch.setattr(found._connection, "call", lambda function: function())
    monkeypatch.setattr(found._connection, "later", lambda _, function: timers.append(function))
    return found


def ack(tag: int, *, multiple: bool = False) -> Any:
    """A confirm."""
    return SimpleNamespace(method=spec.Basic.Ack(tag, multiple))


def nack(tag: int) -> Any:
    """A refusal."""
    return SimpleNamespace(method=spec.Basic.Nack(tag, False))


def messages(*bodies: bytes) -> list[Message]:
    """Messages without ids, as HR may publish them."""
    return [Message("aktif.home", "state.live", body) for body in bodies]


def test_only_when_all_are_confirmed_it_is_said_and_once(publisher: Publisher) -> None:
    said, line = list[str](), Line()
    publisher.connected(line)
    publisher.publish(messages(b"1", b"2", b"3"), lambda: said.append("first"))
    publisher.publish(messages(b"4"), lambda: said.append("second"))
    publisher._on_confirm(ack(4))
    assert said == ["second"]
    publisher._on_confirm(ack(2, multiple=True))
    assert said == ["second"]
    publisher._on_confirm(ack(3))
    assert said == ["second", "first"]


def test_nothing_to_publish_is_confirmed_at_once(publisher: Publisher) -> None:
    said = list[int]()
    publisher.publish([], lambda: said.append(1))
    assert said == [1]


def test_what_was_refused_is_said_again_with_one_timer_for_all(publisher: Publisher) -> None:
    said, line = list[int](), Line()
    publisher.connected(line)
    publisher.publish(messages(b"1", b"2"), lambda: said.append(1))
    publisher._on_confirm(nack(1))
    publisher._on_confirm(nack(2))
    timers = publisher.__dict__["timers"]
    assert len(timers) == 1
    timers.pop()()
    assert line.published == [b"1", b"2", b"1", b"2"]
    publisher._on_confirm(ack(4, multiple=True))
    assert said == [1]


def test_a_returned_message_is_not_taken_for_another_without_an_id(publisher: Publisher) -> None:
    said, line = list[bytes](), Line()
    publisher.connected(line)
    for body in (b"1", b"2", b"3"):
        publisher.publish(messages(body), lambda body=body: said.append(body))  # type: ignore[misc]
    method = spec.Basic.Return(exchange="aktif.home", routing_key="state.live")
    publisher._on_return(None, method, spec.BasicProperties(), b"2")
    publisher._on_confirm(ack(3, multiple=True))
    assert said == [b"1", b"3"]
    assert [message.body for message, _ in publisher._backlog] == [b"2"]


def test_what_a_lost_connection_leaves_goes_out_first_on_the_next_and_in_order(publisher: Publisher) -> None:
    said, line, next_line = list[int](), Line(), Line()
    publisher.connected(line)
    publisher.publish(messages(b"1", b"2", b"3"), lambda: said.append(1))
    publisher._on_confirm(ack(2))
    publisher.disconnected()
    publisher.publish(messages(b"4"), lambda: said.append(2))
    publisher.connected(next_line)
    assert next_line.asked == ["aktif.home"]
    assert next_line.published == [b"1", b"3", b"4"]
    publisher._on_confirm(ack(3, multiple=True))
    assert said == [1, 2]
