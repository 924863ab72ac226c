"""Messages that may have killed their worker."""

import itertools
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from shared.broker.verdicts import UNTOUCHED, Delivery, Done, Retry, Verdict, Wait
from shared.broker.worker import Worker
from tests.support.broker import BULK, LIVE, SUSPECT, WORKED, Hands, Recorder, duty, process, working
from tests.support.waiting import eventually


def return_unacked(hands: Hands, queue: str, times: int, most: int) -> None:
    """Take messages of a queue, up to so many, and lose them with the connection, as a dying worker does."""
    for _ in range(times):
        with hands.channel() as channel:
            for _ in range(most):
                channel.basic_get(queue)
        eventually("they are back", lambda: hands.count(queue) >= most)


def test_what_came_back_twice_is_worked_alone_with_nothing_else_in_hand(hands: Hands) -> None:
    hands.publish("aktif.portal", "bulk.X", [b"0", b"1"], type="aktif.X.v1")
    return_unacked(hands, BULK, times=2, most=1)
    hands.publish_many("aktif.hr", "bulk.X", [b"%d" % number for number in range(2, 799)])
    pace = threading.Event()
    elsewhere, worked_before = list[int](), list[int]()
    workers = list[Worker]()

    def look(deliveries: Sequence[Delivery]) -> Sequence[Verdict]:
        if deliveries[0].alone:
            consumer = workers[0]._consumer
            lives = [life for queue, life in consumer._channels.items() if queue != SUSPECT]
            elsewhere.append(sum(len(life.unacked) for life in lives) + sum(map(len, consumer._buffers.values())))
            worked_before.append(len(recorder.bodies))
        pace.wait(0.002 * len(deliveries))
        return recorder(deliveries)

    recorder = Recorder()
    with working(duty(batch=50, prefetch=100), hands, look) as worker:
        workers.append(worker)
        eventually("all are worked", lambda: len(recorder.bodies) == 800)
    assert [batch for batch in recorder.batches if any(d.alone for d in batch)] == [[d] for d in alone(recorder)]
    (suspect,) = alone(recorder)
    assert (suspect.body, suspect.exchange, suspect.attempt) == (b"0", "aktif.portal", 1)
    assert elsewhere == [0]
    assert worked_before[0] < 700, "others were still to be worked"
    assert hands.counts() == {}


def alone(recorder: Recorder) -> list[Delivery]:
    """The deliveries that came alone."""
    return [delivery for delivery in recorder.deliveries if delivery.alone]


@pytest.mark.parametrize("forged", [0, -5, "none"])
def test_a_publisher_cannot_hide_how_often_its_message_came_back(hands: Hands, forged: Any) -> None:
    hands.publish("aktif.hr", "bulk.X", [b"sly"], headers={"x-delivery-count": forged})
    return_unacked(hands, BULK, times=2, most=1)
    recorder = Recorder()
    with working(duty(), hands, recorder):
        eventually("it is worked", lambda: recorder.deliveries)
    assert [(d.body, d.alone) for d in recorder.deliveries] == [(b"sly", True)]
    assert hands.counts() == {}


def test_once_back_is_no_suspicion(hands: Hands) -> None:
    hands.publish("aktif.hr", "bulk.X", [b"0"])
    return_unacked(hands, BULK, times=1, most=1)
    recorder = Recorder()
    with working(duty(), hands, recorder):
        eventually("it is worked", lambda: recorder.deliveries)
    assert [delivery.alone for delivery in recorder.deliveries] == [False]


def test_a_suspect_that_is_tried_again_or_not_begun_stays_with_the_suspects(hands: Hands) -> None:
    hands.publish("aktif.home", SUSPECT, [b"0"], headers={"x-origin": "aktif.portal", "x-attempt": 2})
    verdicts = iter(list[Verdict]([UNTOUCHED, Retry(Wait.S5, "early"), Done()]))
    recorder = Recorder(lambda _: next(verdicts))
    with working(duty(), hands, recorder):
        eventually("it is worked three times", lambda: len(recorder.batches) == 3)
    assert [(d.alone, d.attempt, d.exchange) for d in recorder.deliveries] == [
        (True, 2, "aktif.portal"),
        (True, 2, "aktif.portal"),
        (True, 3, "aktif.portal"),
    ]
    assert hands.counts() == {}


def test_under_load_suspects_and_the_others_take_turns(hands: Hands) -> None:
    hands.publish_many("aktif.hr", "bulk.X", [b"%d" % number for number in range(400)])
    hands.publish("aktif.home", SUSPECT, [b"s%d" % number for number in range(30)])
    pace = threading.Event()

    def slow(delivery: Delivery) -> Verdict:
        pace.wait(0.02 if delivery.alone else 0.002)
        return Done()

    recorder = Recorder(slow)
    with working(duty(batch=10, prefetch=20), hands, recorder):
        eventually("all are worked", lambda: len(recorder.bodies) == 431)
    turns = [batch[0].alone for batch in recorder.batches]
    changes = sum(one != other for one, other in itertools.pairwise(turns))
    assert changes >= 3
    assert hands.counts() == {}


def test_a_message_that_kills_its_worker_takes_nobody_with_it(hands: Hands) -> None:
    """It hides how often it came back, too."""
    innocents = [b"%d" % number for number in range(1000)]
    hands.publish_many("aktif.hr", "bulk.X", innocents[:500])
    hands.publish("aktif.hr", "bulk.X", [b"poison"], headers={"x-delivery-count": 0})
    hands.publish_many("aktif.hr", "bulk.X", innocents[500:])
    everyone = Counter([*innocents, b"last", b"last"])
    crashes = 0
    done = Counter[bytes]()

    def over() -> bool:
        done.update({message.body for message in hands.drain(WORKED)} - set(done))
        return len(done) == len(everyone) and hands.counts() == {"dead": 1}

    while not over():
        assert crashes < 10, "it kills for ever"
        with process(hands, "poison") as worker:
            eventually("it dies, or all is done", lambda: worker.poll() is not None or over(), within=60, every=0.1)
            crashes += worker.poll() == 1
            if worker.poll() is None:
                worker.terminate()
                assert worker.wait(10) == 0
    (letter,) = hands.drain("dead")
    assert letter.body == b"poison"
    death = letter.headers["x-death"][0]
    assert (death["reason"], death["queue"]) == ("delivery_limit", SUSPECT)
    assert set(done) == set(everyone)
    assert crashes <= 9
    assert hands.counts() == {}
    print(f"{crashes} crashes")


def test_moving_to_the_suspects_keeps_the_lane(hands: Hands) -> None:
    hands.publish("aktif.hr", "live.X", [b"0"])
    return_unacked(hands, LIVE, times=2, most=1)
    recorder = Recorder()
    with working(duty(), hands, recorder):
        eventually("it is worked", lambda: recorder.deliveries)
    assert [(d.alone, d.lane) for d in recorder.deliveries] == [(True, "live")]
