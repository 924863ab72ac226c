"""Settled prefixes, marks and returns, without a broker."""

from types import SimpleNamespace
from typing import Any, cast

import pika
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import Lane
from shared.broker.channel import Life, Taken
from shared.broker.consumer import Consumer
from shared.broker.marks import Marks, delivery, handed_back, letter, retried, sent_home
from shared.broker.verdicts import Dead, Wait

HEADERS = {"x-origin": "aktif.portal", "x-lane": "bulk", "x-attempt": 3, "x-replay": 2, "x-handbacks": 1}


class Acks:
    """A channel that only keeps what was acked."""

    is_open = True

    def __init__(self) -> None:
        self.acked = list[int]()
        self.singly = list[int]()

    def basic_ack(self, tag: int, multiple: bool) -> None:
        """Keep it."""
        self.acked.append(tag)
        if not multiple:
            self.singly.append(tag)


def taken(exchange: str, headers: dict[str, Any] | None, *, queue: str = "state.live", **method: Any) -> Taken:
    """A message in hand."""
    life = Life(queue, cast(Any, Acks()))
    given = {"delivery_tag": 1, "exchange": exchange, "routing_key": "k", "redelivered": False} | method
    return life.received(SimpleNamespace(**given), pika.BasicProperties(headers=headers), b"body")


@given(st.permutations(range(1, 13)), st.lists(st.integers(1, 4), min_size=1, max_size=12))
def test_whatever_the_order_of_settling_only_a_settled_prefix_is_acked_and_in_the_end_all(
    order: list[int], groups: list[int]
) -> None:
    channel = Acks()
    life = Life("q", cast(Any, channel))
    for tag in range(1, 13):
        method = SimpleNamespace(delivery_tag=tag, exchange="", routing_key="", redelivered=False)
        life.received(method, pika.BasicProperties(), b"")
    settled = set[int]()
    waiting = list(order)
    while waiting:
        size = groups[len(settled) % len(groups)]
        for tag in waiting[:size]:
            life.settle(tag)
            settled.add(tag)
        del waiting[:size]
        life.ack()
        covered = channel.acked[-1] if channel.acked else 0
        assert set(range(1, covered + 1)) <= settled
        assert covered + 1 not in settled, "as much as possible is acked"
        assert list(life.unacked) == list(range(covered + 1, 13))
    assert channel.acked[-1] == 12
    assert not channel.singly
    assert channel.acked == sorted(set(channel.acked))
    assert not life.unacked
    assert not life.settled


def test_once_nothing_more_arrives_what_is_kept_in_hand_holds_up_nothing() -> None:
    channel = Acks()
    life = Life("q", cast(Any, channel), leaving=True)
    for tag in range(1, 6):
        method = SimpleNamespace(delivery_tag=tag, exchange="", routing_key="", redelivered=False)
        life.received(method, pika.BasicProperties(), b"")
    for tag in (1, 3, 5):
        life.settle(tag)
    life.ack()
    assert (channel.acked, channel.singly) == ([1, 3, 5], [3, 5])
    assert (list(life.unacked), life.settled) == ([2, 4], set())
    life.settle(2)
    life.settle(4)
    life.ack()
    assert channel.acked == [1, 3, 5, 4]
    assert not life.unacked


def test_nothing_is_acked_on_a_closed_channel() -> None:
    channel = Acks()
    life = Life("q", cast(Any, channel))
    life.received(
        SimpleNamespace(delivery_tag=1, exchange="", routing_key="", redelivered=False), pika.BasicProperties(), b""
    )
    channel.is_open = False
    life.settle(1)
    life.ack()
    assert channel.acked == []


def test_a_late_settlement_of_an_earlier_channel_settles_nothing_of_the_next() -> None:
    """Tags begin anew with each channel: the same number is another message."""
    consumer = Consumer(["amqp://127.0.0.1:1/"], "test", {"state.live": 10})
    message = taken("aktif.hr", {})
    acks = Acks()
    life = consumer._channels["state.live"] = Life("state.live", cast(Any, acks))
    method = SimpleNamespace(delivery_tag=message.tag, exchange="", routing_key="", redelivered=False)
    new = life.received(method, pika.BasicProperties(), b"another")
    consumer._settle([message])
    assert acks.acked == []
    assert not life.settled
    consumer._settle([new])
    assert acks.acked == [message.tag]


@pytest.mark.parametrize("exchange", ["aktif.hr", "aktif.portal", "aktif.events", "aktif.letters", "aktif.dead", ""])
def test_our_headers_mean_nothing_where_others_publish(exchange: str) -> None:
    marks = Marks.of(taken(exchange, HEADERS))
    assert marks == Marks(exchange, Lane.LIVE)


def test_our_headers_are_believed_on_what_comes_home() -> None:
    assert Marks.of(taken("aktif.home", HEADERS)) == Marks("aktif.portal", Lane.BULK, 3, 2, 1)


@pytest.mark.parametrize(
    "headers",
    [None, {}, {"x-attempt": -1, "x-replay": 1 << 40, "x-handbacks": "7", "x-lane": ["live"], "x-origin": b"\xff"}],
)
def test_what_comes_home_without_sensible_headers_counts_as_hrs_first_attempt(headers: dict[str, Any] | None) -> None:
    assert Marks.of(taken("aktif.home", headers, queue="state.bulk")) == Marks("aktif.hr", Lane.BULK)


@given(
    st.integers(1, 1000),
    st.integers(0, 1000),
    st.integers(0, 3),
    st.sampled_from(Lane),
    st.sampled_from(["aktif.hr", "aktif.portal"]),
)
def test_marks_survive_every_way_home(attempt: int, replay: int, handbacks: int, lane: Lane, origin: str) -> None:
    marks = Marks(origin, lane, attempt, replay, handbacks)
    message = taken("aktif.home", marks.headers())

    def after(copy: Any) -> Marks:
        return Marks.of(taken("aktif.home", dict(copy.headers)))

    assert Marks.of(message) == marks
    assert after(retried(message, marks, Wait.S5)) == Marks(origin, lane, attempt + 1, replay, handbacks)
    assert after(handed_back(message, marks)) == Marks(origin, lane, attempt, replay, handbacks + 1)
    assert after(sent_home(message, marks, "state.suspect")) == Marks(origin, lane, attempt, replay, 0)
    assert after(letter(message, marks, "state", Dead("r", "d"))) == marks


@pytest.mark.parametrize(
    ("headers", "redelivered", "returns"),
    [
        ({}, False, 0),
        ({"x-delivery-count": 99}, False, 0),
        ({"x-delivery-count": 2}, True, 2),
        ({}, True, 0),
        ({"x-delivery-count": "none"}, True, 1000),
    ],
)
def test_returns_are_the_brokers_count(headers: dict[str, Any], redelivered: bool, returns: int) -> None:
    assert taken("aktif.hr", headers, redelivered=redelivered).returns == returns


def test_texts_that_are_none_are_made_texts_for_handlers() -> None:
    message = taken("aktif.hr", {}, routing_key=b"live.\xff")
    message.properties.content_type = b"\xff/json"
    found = delivery(message, Marks.of(message), alone=False)
    assert (found.routing_key, found.content_type) == ("live.\ufffd", "\ufffd/json")
