"""A dependency that is down costs no message anything."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

from shared.broker.verdicts import Delivery, Done, Verdict
from tests.support.broker import BULK, FAST, LIVE, SUSPECT, Dependency, Hands, Recorder, duty, working
from tests.support.waiting import eventually

PATIENT = replace(FAST, hold=30)
BRIEF = replace(FAST, hold=0.1, probes=(0.02, 0.05))


def needing(dependency: Dependency) -> Recorder:
    """A handler that needs something."""

    def need(_: Delivery) -> Verdict:
        dependency.check()
        return Done()

    return Recorder(need)


def test_what_is_in_hand_is_held_and_asked_again_when_the_dependency_is_back_in_time(hands: Hands) -> None:
    down = Dependency(is_up=False)
    recorder = needing(down)
    bodies = [b"%d" % number for number in range(20)]
    hands.publish("aktif.hr", "bulk.X", bodies)
    with working(duty(batch=10, timing=PATIENT), hands, recorder) as worker:
        eventually("it probes", lambda: down.probes >= 3)
        assert len(recorder.batches) == 1
        assert worker._consumer._wanted
        assert hands.count("wait.5s") == 0
        down.is_up = True
        eventually("all are worked", lambda: not worker._consumer._channels[BULK].unacked)
    assert set(recorder.bodies) == set(bodies)
    assert {(d.attempt, d.alone) for d in recorder.deliveries} == {(1, False)}
    assert hands.counts() == {}


def test_what_cannot_be_held_longer_waits_as_fresh_copies_and_nothing_is_consumed(hands: Hands) -> None:
    down = Dependency(is_up=False)
    recorder = needing(down)
    bodies = [b"%d" % number for number in range(30)]
    hands.publish("aktif.hr", "bulk.X", bodies[:20], type="aktif.X.v1")
    hands.publish("aktif.portal", "live.X", bodies[20:], type="aktif.X.v1")
    hands.publish("aktif.home", BULK, [b"third"], headers={"x-origin": "aktif.portal", "x-attempt": 3, "x-replay": 2})
    with hands.channel() as channel:
        channel.queue_unbind(BULK, "aktif.home", BULK)
        channel.queue_unbind(LIVE, "aktif.home", LIVE)
        channel.queue_declare("home", durable=True)
        channel.queue_bind("home", "aktif.home", BULK)
        channel.queue_bind("home", "aktif.home", LIVE)
    with working(duty(batch=10), hands, recorder) as worker:
        eventually("all waited and came home", lambda: hands.count("home") == 31)
        eventually("it goes on probing", lambda probes=down.probes: down.probes > probes + 3)  # type: ignore[misc]
        assert not worker._consumer._wanted
        assert all(not life.unacked for life in worker._consumer._channels.values())
        hands.publish("aktif.hr", "bulk.X", [b"later"])
        asked = len(recorder.batches)
        eventually("it goes on probing", lambda probes=down.probes: down.probes > probes + 3)  # type: ignore[misc]
        assert len(recorder.batches) == asked
        assert hands.counts() == {BULK: 1}
        down.is_up = True
        eventually("it consumes again", lambda: b"later" in recorder.bodies)
    home = {message.body: message for message in hands.drain("home")}
    assert set(home) == {*bodies, b"third"}
    assert {m.headers["x-handbacks"] for m in home.values()} == {1}
    assert {m.headers["x-attempt"] for body, m in home.items() if body != b"third"} == {1}
    third = home[b"third"].headers
    assert (third["x-attempt"], third["x-replay"], third["x-origin"]) == (3, 2, "aktif.portal")
    assert {home[body].headers["x-origin"] for body in bodies[20:]} == {"aktif.portal"}
    assert all("x-delivery-count" not in message.headers for message in home.values())
    assert {message.properties.type for body, message in home.items() if body != b"third"} == {"aktif.X.v1"}


def test_a_batch_that_is_begun_is_kept_and_worked_before_anything_else(hands: Hands) -> None:
    down = Dependency(is_up=False)

    def begin(deliveries: Sequence[Delivery]) -> Sequence[Verdict]:
        verdicts = recorder(deliveries)
        if not down.is_up:
            failure = down.failure()
            failure.begun = True
            raise failure
        return verdicts

    recorder = Recorder()
    bodies = [b"%d" % number for number in range(30)]
    hands.publish("aktif.hr", "bulk.X", bodies)
    with working(duty(batch=10, timing=BRIEF), hands, begin) as worker:
        eventually("it pauses", lambda: recorder.batches and not worker._consumer._wanted)
        begun = recorder.bodies[: len(recorder.batches[0])]
        eventually("the others have come home", lambda: hands.count(BULK) == 30 - len(begun))
        eventually("it goes on probing", lambda probes=down.probes: down.probes > probes + 3)  # type: ignore[misc]
        assert len(worker._consumer._channels[BULK].unacked) == len(begun)
        asked = len(recorder.batches)
        down.is_up = True
        eventually("all are worked", lambda: set(recorder.bodies) == set(bodies) and not hands.counts())
    assert [delivery.body for delivery in recorder.batches[asked]] == begun
    kept = [delivery for delivery in recorder.deliveries if delivery.body in begun]
    assert {delivery.headers.get("x-delivery-count", 0) for delivery in kept} == {0}
    assert {delivery.via for delivery in kept} == {"aktif.hr"}
    assert hands.counts() == {}


def test_any_number_of_pauses_kills_nothing_and_counts_against_nothing(hands: Hands) -> None:
    """Returned instead of copied, messages would be dead at the 20th pause.

    Every second batch meets the dependency down, so that acks of the one before are on their way when consuming stops.
    """
    down = Dependency(recovers_after=2)
    asked = itertools.count()
    pauses = list[int]()

    def every_second_time(deliveries: Sequence[Delivery]) -> Sequence[Verdict]:
        if next(asked) % 2 and len(pauses) < 25:
            pauses.append(len(deliveries))
            down.is_up = False
            raise down.failure()
        return recorder(deliveries)

    recorder = Recorder()
    bodies = [b"%d" % number for number in range(1500)]
    hands.publish_many("aktif.hr", "bulk.X", bodies)
    with working(duty(batch=20, prefetch=100, timing=replace(BRIEF, hold=0)), hands, every_second_time):
        eventually("all are worked", lambda: len(set(recorder.bodies)) == 1501 and hands.counts() == {}, within=60)
    assert len(pauses) == 25
    assert {delivery.attempt for delivery in recorder.deliveries} == {1}
    # Once: RabbitMQ itself returns what is on its way to a consumer just cancelled [4.0.5, its issue 3729].
    assert {delivery.headers.get("x-delivery-count", 0) for delivery in recorder.deliveries} <= {0, 1}
    assert len(recorder.bodies) == 1501
    assert hands.count("dead") == 0


def test_what_was_handed_back_three_times_goes_to_the_suspects(hands: Hands) -> None:
    """One message breaks the dependency for all; its neighbours are worked, and it dies of that alone."""
    down = Dependency()

    def break_it(delivery: Delivery) -> Verdict:
        down.is_up = delivery.body != b"breaker" or delivery.alone
        if delivery.body == b"breaker":
            raise down.failure()
        return Done()

    recorder = Recorder(break_it)
    hands.publish("aktif.hr", "bulk.X", [b"breaker"])
    with working(duty(batch=1, timing=BRIEF), hands, recorder):
        for handbacks in range(1, 4):
            eventually("it waits", lambda: hands.count("wait.5s") == 1, every=0.005)
            down.is_up = True
            eventually("it is asked again", lambda n=handbacks: len(recorder.batches) > n)  # type: ignore[misc]
        eventually("it is with the suspects", lambda: hands.count(SUSPECT) == 1)
        down.is_up = True
        eventually("it is dead", lambda: hands.count("dead") == 1)
    (letter,) = hands.drain("dead")
    assert (letter.body, letter.headers["x-reason"]) == (b"breaker", "breaks_dependency")
    assert letter.headers["x-attempt"] == 1
    assert [d.alone for d in recorder.deliveries] == [False] * 4 + [True] * 2
    assert hands.counts() == {}


def test_a_suspect_waits_out_a_dependency_that_is_down_and_is_no_breaker(hands: Hands) -> None:
    down = Dependency(is_up=False)
    recorder = needing(down)
    hands.publish("aktif.home", SUSPECT, [b"innocent"])
    with working(duty(timing=BRIEF), hands, recorder):
        eventually("it waits", lambda: hands.count("wait.5s") == 1)
        eventually("it is back", lambda: hands.count(SUSPECT) == 1)
        hands.publish("aktif.hr", "live.X", [b"other"])
        down.is_up = True
        eventually("both are worked", lambda: set(recorder.bodies) == {b"innocent", b"other"} and not hands.counts())
    assert {d.body for d in recorder.deliveries if d.alone} == {b"innocent"}


def test_a_suspect_that_fails_once_while_the_dependency_flickers_is_no_breaker(hands: Hands) -> None:
    flicker = iter([True])

    def once(delivery: Delivery) -> Verdict:
        if delivery.alone and next(flicker, False):
            raise Dependency().failure()
        return Done()

    recorder = Recorder(once)
    hands.publish("aktif.home", SUSPECT, [b"innocent"])
    with working(duty(), hands, recorder):
        eventually("it is worked", lambda: len(recorder.batches) == 2 and hands.counts() == {})


def test_a_worker_without_suspects_keeps_what_it_has_for_as_long_as_it_takes(hands: Hands) -> None:
    down = Dependency(is_up=False)
    recorder = needing(down)
    hands.publish("aktif.letters", "state.live", [b"0", b"1"])
    archivist = replace(duty(timing=BRIEF), service="archivist", queues=("dead",), suspects=None)
    with working(archivist, hands, recorder) as worker:
        eventually("it probes beyond its time", lambda: down.probes > 20)
        assert len(worker._consumer._channels["dead"].unacked) == 2
        down.is_up = True
        eventually("both are filed", lambda: not worker._consumer._channels["dead"].unacked)
    assert {delivery.headers.get("x-delivery-count", 0) for delivery in recorder.deliveries} == {0}
    assert hands.counts() == {}
