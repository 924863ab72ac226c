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
        self.properties = list[Any]()
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
        """Encode it as pika does, and keep it."""
        spec.Basic.Publish(exchange=exchange, routing_key=key, mandatory=mandatory).encode()
        properties.encode()
        assert mandatory
        self.published.append(body)
        self.properties.append(properties)


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


@pytest.mark.parametrize("text", ["x" * 256, "編" * 86], ids=["characters", "bytes"])
def test_an_id_or_a_type_that_is_too_long_for_its_property_is_left_out(publisher: Publisher, text: str) -> None:
    line = Line()
    publisher.connected(line)
    publisher.publish([Message("aktif.home", "state.live", b"1", message_id=text, type=text)], lambda: None)
    publisher.publish([Message("aktif.home", "state.live", b"2", message_id=text[:85], type=text[:85])], lambda: None)
    assert [(one.message_id, one.type) for one in line.properties] == [(None, None), (text[:85], text[:85])]


@pytest.mark.parametrize(
    "message",
    [
        Message("x" * 256, "state.live", b"2"),
        Message("aktif.home", "編" * 86, b"2"),
        Message("aktif.home", "state.live", b"2", content_type="x" * 256),
        Message("aktif.home", "state.live", b"2", message_id="\ud800"),
        Message("aktif.home", "state.live", b"2", headers={"x-origin": "\ud800"}),
    ],
    ids=["exchange", "routing key", "content type", "id", "header"],
)
def test_what_can_be_no_message_is_refused_where_it_is_asked_for_and_nothing_goes_out_with_it(
    publisher: Publisher, message: Message
) -> None:
    said, line = list[int](), Line()
    publisher.connected(line)
    with pytest.raises(ValueError, match=r"cannot be published|surrogates not allowed"):
        publisher.publish([*messages(b"1"), message], lambda: said.append(1))
    publisher.publish(messages(b"3"), lambda: said.append(3))
    publisher._on_confirm(ack(1))
    assert (line.published, said) == ([b"3"], [3])
