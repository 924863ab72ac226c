"""SIGTERM, SIGKILL and a handler that hangs."""

import contextlib
import signal
import threading
import time
from collections import Counter
from dataclasses import replace

import pytest

from shared.broker.verdicts import Delivery, Done, Verdict
from tests.support.broker import BULK, FAST, LIVE, WORKED, Hands, Recorder, duty, process, working
from tests.support.waiting import eventually

BODIES = [b"%d" % number for number in range(400)]


def publish_all(hands: Hands) -> Counter[bytes]:
    """400 messages and the last one, half of them live."""
    hands.publish_many("aktif.hr", "live.X", BODIES[:200])
    hands.publish_many("aktif.hr", "bulk.X", BODIES[200:])
    return Counter([*BODIES, b"last", b"last"])


def test_sigterm_finishes_the_batch_and_hands_over_the_rest_as_fresh_copies(hands: Hands) -> None:
    everyone = publish_all(hands)
    with process(hands, "slow", "1") as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "50\n"
        in_hand = sum(everyone.values()) - sum(hands.counts().values())
        assert in_hand > 50, "it has prefetched more than its batch"
        begun = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(10) == 0
        print(f"left after {time.monotonic() - begun:.1f} s with {in_hand} in hand")
    done = [message.body for message in hands.drain(WORKED)]
    rest = [*hands.drain(LIVE), *hands.drain(BULK)]
    assert done
    assert len(done) <= 100
    assert Counter([*done, *(message.body for message in rest)]) == everyone, "each is once: done, or still there"
    copies = [message for message in rest if message.exchange == "aktif.home"]
    assert len(copies) >= in_hand - 100
    assert {message.headers["x-attempt"] for message in copies} == {1}
    assert {message.headers["x-origin"] for message in copies} == {"aktif.hr"}
    assert {message.headers.get("x-delivery-count", 0) for message in rest} == {0}
    assert hands.counts() == {}


def test_sigkill_with_work_in_hand_loses_nothing(hands: Hands) -> None:
    everyone = publish_all(hands)
    for _ in range(3):
        with process(hands, "slow", "0.5") as worker:
            assert worker.stdout is not None
            assert worker.stdout.readline(), "there was work left for it"
            eventually("some are done", lambda: hands.count(WORKED) > 0, every=0.01)
            assert sum(hands.counts().values()) < sum(everyone.values()), "work is in hand"
            worker.kill()
            assert worker.wait(10) == -signal.SIGKILL
    done = set[bytes]()

    def all_done() -> bool:
        done.update(message.body for message in hands.drain(WORKED))
        return done == set(everyone) and hands.counts() == {}

    with process(hands, "slow", "0"):
        eventually("all are worked", all_done, within=60)


def test_a_handler_that_hangs_does_not_hold_up_a_stop(hands: Hands) -> None:
    hands.publish("aktif.hr", "live.X", [b"0"])
    with process(hands, "slow", "600") as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        begun = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(10) == 0
        print(f"left after {time.monotonic() - begun:.1f} s")
    eventually("what it held is back", lambda: hands.count(LIVE) == 1)


def test_a_stop_while_the_broker_does_not_answer_is_no_longer(hands: Hands) -> None:
    nowhere = replace(hands, url="amqp://aktif:aktif@127.0.0.1:1/nowhere")
    with process(nowhere, "slow", "0") as worker, contextlib.suppress(Exception):
        with pytest.raises(Exception, match="timed out"):
            worker.wait(1.5)
        begun = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(10) == 0
        assert time.monotonic() - begun < 10


def test_a_stop_during_a_pause_hands_everything_over(hands: Hands) -> None:
    from tests.support.broker import Dependency

    down = Dependency(is_up=False)

    def need(_: Delivery) -> Verdict:
        down.check()
        return Done()

    hands.publish("aktif.hr", "bulk.X", BODIES[:20])
    with working(duty(batch=10, timing=replace(FAST, hold=60)), hands, Recorder(need)):
        eventually("it probes", lambda: down.probes > 2)
    rest = hands.drain(BULK)
    assert Counter(message.body for message in rest) == Counter(BODIES[:20])
    assert {(message.exchange, message.headers["x-attempt"]) for message in rest} == {("aktif.home", 1)}
    assert hands.counts() == {}


def test_a_stop_asked_for_twice_or_before_the_start_is_one_stop(hands: Hands) -> None:
    with working(duty(), hands, Recorder()) as worker:
        worker.request_stop()
        worker.request_stop()
    assert not any(thread.name.startswith("aktif-state") and thread.is_alive() for thread in threading.enumerate())
