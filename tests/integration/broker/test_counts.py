"""What the worker loop counts of pauses, suspects and stops."""

import threading
from collections.abc import Callable, Sequence

from prometheus_client import generate_latest

from shared.broker.verdicts import UNTOUCHED, Dead, Delivery, Done, Retry, Verdict, Wait
from shared.metrics import REGISTRY
from tests.integration.broker.test_suspects import return_unacked
from tests.support.broker import BULK, SUSPECT, Dependency, Hands, Recorder, duty, working
from tests.support.waiting import eventually


def since_now(sample: str, **labels: str) -> Callable[[], float]:
    """How much a sample has grown from here on."""
    before = REGISTRY.get_sample_value(sample, labels) or 0.0
    return lambda: (REGISTRY.get_sample_value(sample, labels) or 0.0) - before


def test_a_pause_counts_itself_its_seconds_and_each_copy_it_handed_back_but_no_verdict(hands: Hands) -> None:
    down = Dependency(is_up=False)
    copies = since_now("aktif_fresh_copies_total", why="pause")
    pauses, seconds = (since_now(f"aktif_{name}_total", dependency="thing") for name in ("pauses", "paused_seconds"))
    done = since_now("aktif_verdicts_total", queue=BULK, verdict="done")

    def need(_: Delivery) -> Verdict:
        down.check()
        return Done()

    recorder = Recorder(need)
    hands.publish("aktif.hr", "bulk.X", [b"%d" % number for number in range(30)])
    with working(duty(batch=10), hands, recorder) as worker:
        eventually("all are handed back", lambda: copies() == 30)
        assert worker.health.is_alive().ok
        assert "waiting for the thing: as the test wants it" in worker.health.is_ready().text
        assert REGISTRY.get_sample_value("aktif_paused", {"dependency": "thing"}) == 1
        assert pauses() == 1
        assert done() == 0
        so_far = seconds()
        eventually("seconds are counted while it lasts", lambda: seconds() > so_far + 0.2)
        down.is_up = True
        eventually("all are worked", lambda: done() == 30)
        assert worker.health.is_ready().text == "ready"
    assert REGISTRY.get_sample_value("aktif_paused", {"dependency": "thing"}) == 0
    assert worker.health.is_ready().text.startswith("stopping")


def test_suspects_are_counted_when_moved_and_when_worked(hands: Hands) -> None:
    moved, worked = since_now("aktif_suspects_moved_total"), since_now("aktif_suspects_worked_total")
    of_suspects = since_now("aktif_verdicts_total", queue=SUSPECT, verdict="done")
    hands.publish("aktif.hr", "bulk.X", [b"0", b"1"])
    return_unacked(hands, BULK, times=2, most=2)

    with working(duty(), hands, Recorder()):
        eventually("both are worked", lambda: of_suspects() == 2)

    assert moved() == 2
    assert worked() == 2


def test_verdicts_retries_and_letters_are_counted_by_queue_reason_and_delay(hands: Hands) -> None:
    said: dict[bytes, Verdict] = {
        b"again": Retry(Wait.S5, "too_early"),
        b"later": Retry(Wait.H1, "transient"),
        b"dead": Dead("bad_field", "of the test"),
    }
    counted = {
        name: since_now("aktif_verdicts_total", queue=BULK, verdict=name)
        for name in ("done", "retry", "dead", "untouched")
    }
    again = since_now("aktif_retries_total", reason="too_early", wait="wait.5s")
    later = since_now("aktif_retries_total", reason="transient", wait="wait.1h")
    letters = since_now("aktif_dead_letters_total", reason="bad_field")
    sizes, seconds = since_now("aktif_batch_deliveries_sum"), since_now("aktif_batch_duration_seconds_count")
    begun = list[bytes]()

    def judge(delivery: Delivery) -> Verdict:
        verdict = said.get(delivery.body, Done()) if delivery.attempt == 1 else Done()
        if delivery.body == b"patient" and delivery.body not in begun:
            verdict = UNTOUCHED
        begun.append(delivery.body)
        return verdict

    recorder = Recorder(judge)
    hands.publish("aktif.hr", "bulk.X", [*said, b"patient"])
    with working(duty(), hands, recorder):
        eventually("what is to be worked is", lambda: counted["done"]() == 2)

    assert {name: count() for name, count in counted.items()} == {"done": 2, "retry": 2, "dead": 1, "untouched": 1}
    assert (again(), later(), letters()) == (1, 1, 1)
    assert sizes() == len(recorder.deliveries)
    assert seconds() == len(recorder.batches)


def test_a_stop_counts_what_it_hands_over(hands: Hands) -> None:
    handed_over = since_now("aktif_fresh_copies_total", why="stop")
    hands.publish_many("aktif.hr", "bulk.X", [b"%d" % number for number in range(60)])

    is_running = threading.Event()

    def stop_at_once(deliveries: Sequence[Delivery]) -> Sequence[Verdict]:
        is_running.wait(10)
        eventually("more is in hand", lambda: len(worker._consumer._buffers[BULK]) >= 40)
        worker.request_stop()
        eventually("the stop is heard, so that no other batch is taken", worker._stopping.is_set)
        return [Done()] * len(deliveries)

    with working(duty(batch=10, prefetch=100), hands, stop_at_once) as worker:
        is_running.set()
        eventually("it stopped", lambda: handed_over() > 0)

    assert handed_over() == hands.count(BULK)


def test_nothing_personal_is_in_a_label(hands: Hands) -> None:
    """Bodies, ids and routing keys of publishers stay out of what is shown."""
    done = since_now("aktif_verdicts_total", queue=BULK, verdict="dead")
    hands.publish("aktif.hr", "bulk.850101030007", [b"850101030007"], message_id="850101030007", type="850101030007")

    with working(duty(), hands, Recorder(lambda _: Dead("bad_field", "850101030007", "850101030007"))):
        eventually("it is dead", lambda: done() == 1)

    assert b"850101030007" not in generate_latest(REGISTRY)
