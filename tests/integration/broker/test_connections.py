"""What the broker takes away, and how the worker goes on by itself."""

import threading
from collections import Counter

import pytest

from shared.broker.consumer import Consumer
from shared.broker.verdicts import Delivery, Done, Verdict
from shared.broker.worker import Worker
from tests.support.broker import BULK, LIVE, WORKED, Hands, Recorder, duty, worked, working
from tests.support.waiting import eventually


def echo(delivery: Delivery) -> Verdict:
    """Done, with the body published to WORKED."""
    return Done([worked(delivery.body)])


@pytest.mark.parametrize("at_once", [True, False])
def test_a_deleted_queue_is_consumed_from_again_when_it_is_back(hands: Hands, at_once: bool) -> None:
    recorder = Recorder()
    with working(duty(), hands, recorder) as worker:
        hands.publish("aktif.hr", "live.X", [b"before"])
        eventually("it consumes", lambda: recorder.bodies == [b"before"])
        with hands.channel() as channel:
            channel.queue_delete(LIVE)
            if not at_once:
                eventually("the worker has noticed", lambda: LIVE not in worker._consumer._channels)
            channel.queue_declare(LIVE, durable=True, arguments={"x-queue-type": "quorum"})
            channel.queue_bind(LIVE, "aktif.hr", "live.*")
        hands.publish("aktif.hr", "live.X", [b"after"])
        seconds = eventually("it consumes again", lambda: recorder.bodies == [b"before", b"after"], within=10)
        hands.publish("aktif.hr", "bulk.X", [b"bulk"])
        eventually("the other queue was not harmed", lambda: b"bulk" in recorder.bodies)
    print(f"consuming again after {seconds:.1f} s")


def _break_channel(worker: Worker) -> None:
    life = worker._consumer._channels[BULK]
    worker._consumer._connection.call(lambda: life.channel.basic_ack(1 << 40))


def test_a_closed_channel_is_opened_again_and_costs_the_connection_nothing(hands: Hands) -> None:
    """The broker closes a channel at an unknown tag. What was in hand comes again; its old tags are dropped."""
    gate = threading.Event()

    def wait(delivery: Delivery) -> Verdict:
        gate.wait(20)
        return echo(delivery)

    bodies = [b"%d" % number for number in range(100)]
    hands.publish_many("aktif.hr", "bulk.X", bodies[:-1])
    recorder = Recorder(wait)
    with working(duty(batch=10), hands, recorder) as worker:
        eventually("work is in hand", lambda: worker._batch and _unacked(worker) == 100)
        connection = worker._consumer._connection.current
        _break_channel(worker)
        eventually("the channel is gone", lambda: BULK not in worker._consumer._channels)
        assert not worker.holds_batch()
        gate.set()
        eventually("all are worked", lambda: hands.counts() == {} and _unacked(worker) == 0)
        assert worker._consumer._connection.current is connection
    assert {message.body for message in hands.drain(WORKED)} == {*bodies[:-1], b"last"}


def _unacked(worker: Worker) -> int:
    return sum(len(life.unacked) for life in worker._consumer._channels.values())


@pytest.mark.parametrize("role", ["consume", "publish"])
def test_a_connection_closed_by_force_loses_nothing(hands: Hands, role: str) -> None:
    """When it is closed, work is in hand, or confirms are outstanding."""
    bodies = [b"%d" % number for number in range(3000)]
    pace = threading.Event()

    def slowly(delivery: Delivery) -> Verdict:
        pace.wait(0.0005)
        return echo(delivery)

    recorder = Recorder(slowly)
    with working(duty(batch=20, prefetch=60), hands, recorder) as worker:
        eventually("the API knows both connections", lambda: len(hands.api.connections()) == 2, within=20)
        hands.publish_many("aktif.hr", "bulk.X", bodies)
        names = hands.connections(role)
        lost = _unacked if role == "consume" else _unconfirmed
        eventually("it is busy", lambda: lost(worker), every=0.0005)
        for name in names:
            hands.api.close_connection(name)
        assert len(set(recorder.bodies)) < 3001, "there is still something to do"
        eventually("all are worked", lambda: hands.counts() == {} and _unacked(worker) == 0, within=60)
        eventually("nothing waits to be confirmed", lambda: worker._publisher._now and not _unconfirmed(worker))
    out = Counter(message.body for message in hands.drain(WORKED))
    assert set(out) == {*bodies, b"last"}
    assert hands.counts() == {}
    if role == "publish":
        assert Counter(recorder.bodies) == Counter([*bodies, b"last"]), "each was acked once, and never returned"
    print(f"{role}: {sum(out.values()) - len(out)} published twice")


def _unconfirmed(worker: Worker) -> int:
    now = worker._publisher._now
    return len(worker._publisher._backlog) + (len(now.unconfirmed) if now else 0)


def test_what_arrives_while_consuming_is_being_stopped_is_kept_and_counts_against_nothing(hands: Hands) -> None:
    """pika would reject it, and each rejection counts as a return."""
    bodies = [b"%d" % number for number in range(3000)]
    hands.publish_many("aktif.hr", "bulk.X", bodies)
    consumer = Consumer([hands.url], "state", {BULK: 2000})
    consumer.start()
    consumer.resume()
    assert consumer.wait(10)
    assert consumer.cancel()
    taken = consumer.take(3001)
    consumer.settle(taken)
    eventually("all is acked", lambda: not consumer._channels[BULK].unacked)
    consumer.stop()
    rest = hands.drain(BULK)
    assert taken
    assert Counter([*(message.body for message in taken), *(message.body for message in rest)]) == Counter(
        [*bodies, b"last"]
    )
    assert {message.headers.get("x-delivery-count", 0) for message in rest} == {0}


def test_a_connection_that_a_callback_breaks_is_replaced(hands: Hands) -> None:
    recorder = Recorder(echo)
    with working(duty(), hands, recorder) as worker:
        hands.publish("aktif.hr", "live.X", [b"before"])
        eventually("it works", lambda: hands.count(WORKED) == 1)
        for connection in (worker._consumer._connection, worker._publisher._connection):
            connection.call(lambda: 1 // 0)  # type: ignore[arg-type]
        hands.publish("aktif.hr", "live.X", [b"after"])
        eventually("it goes on", lambda: hands.count(WORKED) == 2, within=10)


def test_what_is_published_while_the_connection_is_away_goes_out_when_it_is_back(hands: Hands) -> None:
    gate = threading.Event()

    def wait(delivery: Delivery) -> Verdict:
        gate.wait(20)
        return echo(delivery)

    recorder = Recorder(wait)
    with working(duty(), hands, recorder) as worker:
        hands.publish("aktif.hr", "live.X", [b"0"])
        eventually("it is in hand", lambda: recorder.batches)
        eventually("the API knows it", lambda: hands.connections("publish"), within=20)
        for name in hands.connections("publish"):
            hands.api.close_connection(name)
        eventually("it is away", lambda: worker._publisher._now is None)
        gate.set()
        eventually("it goes out", lambda: hands.count(WORKED) == 1, within=10)
        eventually("it is acked", lambda: not _unacked(worker))
    assert hands.counts() == {}
