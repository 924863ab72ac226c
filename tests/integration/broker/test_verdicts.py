"""What each verdict does to its message, and what a publisher's headers cannot do."""

import struct
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pika
import pytest

from schemas.envelope import Outgoing
from schemas.events import Lane
from shared.broker.publisher import Publisher
from shared.broker.verdicts import UNTOUCHED, Dead, Delivery, Done, Retry, Verdict, Wait
from tests.support.broker import BULK, LIVE, WORKED, Hands, Recorder, duty, worked, working
from tests.support.waiting import eventually

COUNTED = {"x-delivery-count": 0}
"""What the broker adds to a delivery; RabbitMQ 4 only from the second on."""
HOSTILE = {
    "x-attempt": 4,
    "x-origin": "aktif.portal",
    "x-lane": "live",
    "x-replay": 7,
    "x-handbacks": 9,
    "x-delivery-count": 99,
    "x-death": [{"queue": "state.suspect", "reason": "delivery_limit", "count": 3}],
    "x-reason": "invented",
    "CC": ["elsewhere"],
    "BCC": ["elsewhere"],
}


class Raw(pika.BasicProperties):  # type: ignore[misc]
    """Properties with a header table that pika would not encode."""

    def __init__(self, table: bytes) -> None:
        super().__init__()
        self._table = table

    def encode(self) -> list[bytes]:
        """A persistent message with these headers."""
        return [struct.pack(">HI", self.FLAG_HEADERS | self.FLAG_DELIVERY_MODE, len(self._table)), self._table, b"\x02"]


def nested(depth: int) -> bytes:
    """A header table in a header table, and so on."""
    table = b""
    for _ in range(depth):
        table = struct.pack(">B1scI", 1, b"x", b"F", len(table)) + table
    return table


def test_what_an_event_causes_is_published_before_it_is_acked(hands: Hands) -> None:
    recorder = Recorder(lambda delivery: Done([worked(delivery.body)]))
    with working(duty(), hands, recorder):
        hands.publish("aktif.hr", "bulk.X", [b"1", b"2", b"3"])
        eventually("all three are worked", lambda: hands.count(WORKED) == 3)
    assert hands.counts() == {}
    out = hands.drain(WORKED)
    assert [message.body for message in out] == [b"1", b"2", b"3"]
    assert {message.routing_key for message in out} == {"test.Worked"}
    first = out[0].properties
    assert (first.message_id, first.type, first.delivery_mode) == ("1", "aktif.Worked.v1", 2)
    assert first.content_type == "application/cloudevents+json"


def test_nothing_is_acked_while_what_it_causes_has_nowhere_to_go(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the look before each try, what stands before the stuck message would go out once a second."""
    outgoing = [worked(b"before"), Outgoing("not.there", "k", "id", "aktif.X.v1", b"stuck")]
    recorder = Recorder(lambda _: Done(outgoing))
    tries = list[pika.SelectConnection]()
    connected = Publisher.connected

    def count(publisher: Publisher, connection: pika.SelectConnection) -> None:
        tries.append(connection)
        connected(publisher, connection)

    monkeypatch.setattr(Publisher, "connected", count)
    with working(duty(), hands, recorder) as worker:
        hands.publish("aktif.hr", "live.X", [b"1"])
        eventually("the handler was asked", lambda: recorder.bodies == [b"1"])
        eventually("it is tried again and again", lambda: len(tries) > 3)
        assert hands.count(WORKED) <= 1
        assert len(worker._consumer._channels[LIVE].unacked) == 1
        with hands.channel() as channel:
            channel.exchange_declare("not.there", "fanout", durable=True)
            channel.queue_declare("there", durable=True)
            channel.queue_bind("there", "not.there")
        eventually("it went out", lambda: hands.count("there") == 1)
        eventually("it is acked", lambda: not worker._consumer._channels[LIVE].unacked)
    assert hands.counts() == {}
    assert recorder.bodies == [b"1"]
    assert len(hands.drain(WORKED)) <= 2


def test_a_message_that_no_queue_takes_is_said_again_until_one_does(hands: Hands) -> None:
    with hands.channel() as channel:
        channel.exchange_declare("no.queue", "fanout", durable=True)
    outgoing = [Outgoing("no.queue", "k", f"{n}", "aktif.X.v1", b"%d" % n) for n in range(3)]
    with working(duty(), hands, Recorder(lambda _: Done(outgoing))) as worker:
        hands.publish("aktif.hr", "live.X", [b"1"])
        eventually("they wait to be said again", lambda: len(worker._publisher._backlog) == 3)
        with hands.channel() as channel:
            channel.queue_declare("late", durable=True)
            channel.queue_bind("late", "no.queue")
        eventually("they went out", lambda: hands.count("late") == 3)
    assert Counter(message.body for message in hands.drain("late")) == Counter([b"0", b"1", b"2"])
    assert hands.counts() == {}


def test_a_retry_comes_home_by_itself_as_the_next_attempt(hands: Hands) -> None:
    recorder = Recorder(lambda delivery: Retry(Wait.S5, "early") if delivery.attempt < 3 else Done())
    with working(duty(), hands, recorder):
        hands.publish("aktif.portal", "bulk.X", [b"again"], type="aktif.X.v1", content_type="application/json")
        eventually("it is worked three times", lambda: len(recorder.batches) == 3)
    attempts = recorder.deliveries
    assert [delivery.attempt for delivery in attempts] == [1, 2, 3]
    assert [delivery.via for delivery in attempts] == ["aktif.portal", "aktif.home", "aktif.home"]
    assert {(d.exchange, d.lane, d.body, d.content_type) for d in attempts} == {
        ("aktif.portal", Lane.BULK, b"again", "application/json")
    }
    assert hands.counts() == {}


def test_a_waiting_retry_keeps_its_names_and_carries_only_our_headers(hands: Hands) -> None:
    recorder = Recorder(lambda _: Retry(Wait.H1, "early"))
    with working(duty(), hands, recorder):
        hands.publish("aktif.hr", "live.X", [b"again"], type="aktif.X.v1", expiration="60000", headers=HOSTILE)
        eventually("it waits", lambda: hands.count("wait.1h") == 1)
    (waiting,) = hands.drain("wait.1h")
    assert (waiting.routing_key, waiting.body) == (LIVE, b"again")
    properties = waiting.properties
    assert (properties.message_id, properties.type, properties.delivery_mode) == ("again", "aktif.X.v1", 2)
    assert properties.content_type is None
    assert properties.expiration is None
    headers = {"x-origin": "aktif.hr", "x-lane": "live", "x-attempt": 2, "x-replay": 0, "x-handbacks": 0}
    assert {**COUNTED, **waiting.headers} == {**COUNTED, **headers}


def test_a_dead_letter_says_why_and_where_and_keeps_nothing_of_the_publishers_headers(hands: Hands) -> None:
    recorder = Recorder(lambda d: Dead("bad_field", "not\ud800 good" * 100, "data.email", [worked(d.body)]))
    with working(duty(), hands, recorder):
        hands.publish("aktif.hr", "bulk.X", [b"bad"], type="aktif.X.v1", headers=HOSTILE, reply_to="me")
        eventually("it is a letter", lambda: hands.count("dead") == 1)
        eventually("what it causes is said", lambda: hands.count(WORKED) == 1)
    (letter,) = hands.drain("dead")
    assert (letter.exchange, letter.routing_key, letter.body) == ("aktif.letters", BULK, b"bad")
    assert (letter.properties.message_id, letter.properties.type) == ("bad", "aktif.X.v1")
    assert letter.properties.reply_to is None
    detail = letter.headers["x-detail"]
    assert detail.startswith("not? good")
    assert len(detail) == 500
    died_at = datetime.fromisoformat(letter.headers["x-died-at"])
    assert timedelta() <= datetime.now(UTC) - died_at < timedelta(minutes=1)
    others = {key: value for key, value in letter.headers.items() if key not in {"x-detail", "x-died-at"}}
    assert {**COUNTED, **others} == COUNTED | {
        "x-origin": "aktif.hr",
        "x-lane": "bulk",
        "x-attempt": 1,
        "x-replay": 0,
        "x-handbacks": 0,
        "x-service": "state",
        "x-queue": BULK,
        "x-reason": "bad_field",
        "x-field": "data.email",
    }
    assert hands.counts() == {}


def test_headers_of_a_publisher_mean_nothing(hands: Hands) -> None:
    recorder = Recorder()
    with working(duty(), hands, recorder):
        hands.publish("aktif.hr", "bulk.X", [b"hostile"], headers=HOSTILE)
        eventually("it is worked", lambda: recorder.deliveries)
    assert {(d.exchange, d.lane, d.attempt, d.replay, d.alone) for d in recorder.deliveries} == {
        ("aktif.hr", Lane.BULK, 1, 0, False)
    }
    assert hands.counts() == {}


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(struct.pack(">B1scQ", 1, b"x", b"T", 1 << 62), id="a time that no calendar has"),
        pytest.param(nested(2000), id="tables in tables"),
    ],
)
def test_headers_that_cannot_be_decoded_do_not_end_the_connection(hands: Hands, table: bytes) -> None:
    """pika 1.4.4 ends it, again at every redelivery; then a worker would do nothing else any more."""
    recorder = Recorder()
    with working(duty(), hands, recorder) as worker:
        eventually("it consumes", lambda: BULK in worker._consumer._channels)
        generation = worker._consumer._channels[BULK].generation
        with hands.channel() as channel:
            channel.confirm_delivery()
            channel.basic_publish("aktif.hr", "bulk.X", b"odd", Raw(table), mandatory=True)
        hands.publish("aktif.hr", "bulk.X", [b"plain"])
        eventually("both are worked", lambda: recorder.bodies == [b"odd", b"plain"])
        assert worker._consumer._channels[BULK].generation == generation
    assert hands.counts() == {}


@pytest.mark.parametrize(
    "properties",
    [
        pytest.param({"message_id": b"\xff\xfe"}, id="an id that is no text"),
        pytest.param({"content_type": b"\xff\xfe", "type": b"\xff"}, id="a content type that is no text"),
        pytest.param({"headers": {"\xff": b"\xff", "y": b"\x00"}}, id="headers that are no text"),
    ],
)
def test_properties_that_cannot_be_read_cost_nobody_anything(hands: Hands, properties: dict[str, object]) -> None:
    recorder = Recorder()
    with working(duty(), hands, recorder):
        hands.publish("aktif.hr", "bulk.X", [b"odd"], **properties)
        hands.publish("aktif.hr", "bulk.X", [b"plain"])
        eventually("both are worked", lambda: set(recorder.bodies) == {b"odd", b"plain"})
    assert recorder.bodies.count(b"odd") == recorder.bodies.count(b"plain") == 1
    assert all(isinstance(d.content_type, str | None) for d in recorder.deliveries)
    assert hands.counts() == {}


def test_what_was_not_begun_stays_first_in_line(hands: Hands) -> None:
    begun = Counter[bytes]()

    def two_at_a_time(deliveries: Sequence[Delivery]) -> Sequence[Verdict]:
        begun.update(delivery.body for delivery in deliveries[:2])
        order.append([delivery.body for delivery in deliveries])
        return [Done() if place < 2 else UNTOUCHED for place in range(len(deliveries))]

    order = list[list[bytes]]()
    bodies = [b"%d" % number for number in range(7)]
    hands.publish("aktif.hr", "bulk.X", bodies)
    with working(duty(batch=4), hands, two_at_a_time):
        eventually("all are worked", lambda: len(begun) == 7)
    assert order[:2] == [bodies[:4], bodies[2:6]]
    assert set(begun.values()) == {1}
    assert hands.counts() == {}


def test_live_is_served_before_bulk(hands: Hands) -> None:
    gate = threading.Event()

    def wait_once(_: Delivery) -> Verdict:
        gate.wait(10)
        return Done()

    recorder = Recorder(wait_once)
    with working(duty(batch=5), hands, recorder) as worker:
        hands.publish("aktif.hr", "bulk.X", [b"bulk"] * 20)
        eventually("the first batch is worked", lambda: recorder.batches)
        hands.publish("aktif.hr", "live.X", [b"live"] * 3)
        eventually("live ones have arrived", lambda: len(worker._consumer._buffers[LIVE]) == 3)
        gate.set()
        eventually("all are worked", lambda: len(recorder.bodies) == 23)
    first = len(recorder.batches[0])
    assert recorder.bodies[first : first + 5] == [b"live"] * 3 + [b"bulk"] * 2


def test_one_ack_never_covers_what_is_not_settled(hands: Hands) -> None:
    """The second message is never begun; when the worker's connection is cut, exactly that one is still there."""
    recorder = Recorder(lambda delivery: UNTOUCHED if delivery.body == b"1" else Done())
    hands.publish("aktif.hr", "bulk.X", [b"%d" % number for number in range(5)])
    with working(replace(duty(), suspects=None), hands, recorder) as worker:
        eventually("the rest is worked", lambda: {b"0", b"1", b"2", b"3", b"4"} <= set(recorder.bodies))
        life = worker._consumer._channels[BULK]
        eventually("the others are settled", lambda: len(life.settled) == 3)
        assert next(iter(life.unacked)) == 2
    assert sorted(message.body for message in hands.drain(BULK)) == [b"1", b"2", b"3", b"4"]


def test_a_bug_costs_only_the_message_that_meets_it(hands: Hands) -> None:
    def stumble(deliveries: Sequence[Delivery]) -> Sequence[Verdict]:
        asked.append(len(deliveries))
        if any(delivery.body == b"3" for delivery in deliveries):
            raise ZeroDivisionError
        done.update(delivery.body for delivery in deliveries)
        return [Done()] * len(deliveries)

    asked, done = list[int](), Counter[bytes]()
    bodies = [b"%d" % number for number in range(7)]
    hands.publish("aktif.hr", "bulk.X", bodies)
    with working(duty(), hands, stumble):
        eventually("the others are done", lambda: set(done) == {*bodies} - {b"3"})
        eventually("it is tried once more, and then waits long", lambda: hands.count("wait.30s") == 1)
    (guilty,) = hands.drain("wait.30s")
    assert (guilty.body, guilty.headers["x-attempt"]) == (b"3", 3)
    assert set(done.values()) == {1}


def test_a_handler_that_answers_too_little_has_a_bug(hands: Hands) -> None:
    hands.publish("aktif.hr", "bulk.X", [b"0", b"1"])
    with working(duty(), hands, lambda deliveries: [Done()] if len(deliveries) > 1 else []):
        eventually("both wait for their next try", lambda: hands.count("wait.30s") == 2)
    assert hands.counts() == {"wait.30s": 2}
