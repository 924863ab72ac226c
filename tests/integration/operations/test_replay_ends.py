"""How replays end before their end, and go on: cancelled, stopped, limited, slowed, resumed."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from shared.broker.publisher import Message
from shared.operations import audit, carrying, results
from shared.operations.carrying import Cancelled, NotResumable, Publish
from shared.operations.filters import Filter
from shared.operations.replay import Fate, start
from shared.operations.results import State
from tests.support.letters import bad_ones_dead, file_all, registrations_dead
from tests.support.orders import begun, carried, order, planned, progress, what_was_done
from tests.support.world import World


def test_a_cancelled_replay_frees_what_it_did_not_send_and_can_be_resumed(our_world: World, publish: Publish) -> None:
    file_all(our_world.engine, registrations_dead(500))
    operation = begun(our_world.engine, order())
    assert carrying.turn(our_world.engine, operation, publish).published == carrying.PORTION

    with our_world.engine.begin() as connection:
        assert carrying.cancel(connection, operation, "siti") is Cancelled.NOW
        assert carrying.cancel(connection, operation, "siti") is Cancelled.BEFORE

    assert carried(our_world.engine, operation, publish) is State.CANCELLED
    left = 500 - carrying.PORTION
    assert planned(our_world.engine, order()).number(Fate.FREE) == left
    with our_world.engine.begin() as connection:
        assert carrying.resume(connection, operation, "rahim") == left
    assert carried(our_world.engine, operation, publish) is State.DONE
    assert progress(our_world.engine, operation).letters == 500
    assert what_was_done(our_world.engine) == ["replay", "replay_cancel", "replay_resume", "replay_done"]
    with our_world.engine.begin() as connection, pytest.raises(NotResumable):
        carrying.resume(connection, operation, "rahim")


def test_a_cancel_waits_for_no_turn_and_the_next_one_ends_the_replay(our_world: World, publish: Publish) -> None:
    file_all(our_world.engine, registrations_dead(500))
    operation, sending, sent = begun(our_world.engine, order()), threading.Event(), threading.Event()

    def stands_still(messages: Sequence[Message]) -> None:
        sending.set()
        assert sent.wait(30)
        publish(messages)

    with ThreadPoolExecutor(1) as pool:
        carrying_on = pool.submit(carried, our_world.engine, operation, stands_still)
        assert sending.wait(30)
        began = time.monotonic()
        for who in ("siti", "rahim"):
            with our_world.engine.begin() as connection:
                assert carrying.cancel(connection, operation, who) is Cancelled.SOON
        assert time.monotonic() - began < 2
        assert progress(our_world.engine, operation).cancelled_by == "siti"
        sent.set()
        assert carrying_on.result(30) is State.CANCELLED

    found = progress(our_world.engine, operation)
    assert (found.published, found.queued, found.left, found.planned) == (200, 0, 300, 500)
    assert planned(our_world.engine, order()).number(Fate.FREE) == 300
    with our_world.engine.connect() as connection:
        ended = audit.read(connection)[0]
    assert (ended.what, ended.who, ended.details["freed"]) == ("replay_cancel", "siti", 300)


def test_a_cancelled_replay_whose_process_died_in_its_turn_is_ended_by_who_carries_on(
    our_world: World, publish: Publish
) -> None:
    file_all(our_world.engine, registrations_dead(3))
    operation = begun(our_world.engine, order())

    def dies_when_cancelled(_: Sequence[Message]) -> None:
        with our_world.engine.begin() as connection:
            assert carrying.cancel(connection, operation, "siti") is Cancelled.SOON
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carrying.turn(our_world.engine, operation, dies_when_cancelled)

    assert carried(our_world.engine, operation, publish) is State.CANCELLED
    assert planned(our_world.engine, order()).number(Fate.FREE) == 3


def test_a_replay_takes_nothing_that_was_filed_after_its_plan(engine: Engine) -> None:
    file_all(engine, registrations_dead(2))
    shown = planned(engine, order())
    file_all(engine, registrations_dead(30, first=2))

    operation = begun(engine, order().before(shown.at))

    assert (shown.to_send, progress(engine, operation).letters) == (2, 2)
    earlier = planned(engine, order(Filter(until=shown.at)))
    assert earlier.matching == 2, "a filter's own end stays"


def test_a_resumed_replay_takes_what_is_left_of_its_plan_and_no_letter_that_came_since(
    our_world: World, publish: Publish
) -> None:
    file_all(our_world.engine, registrations_dead(5))
    shown = planned(our_world.engine, order())
    operation = begun(our_world.engine, order(rate=4).before(shown.at))
    carrying.turn(our_world.engine, operation, publish)
    with our_world.engine.begin() as connection:
        carrying.cancel(connection, operation, "siti")
    file_all(our_world.engine, registrations_dead(40, first=5))

    cancelled = progress(our_world.engine, operation)
    with our_world.engine.begin() as connection:
        assert carrying.resume(connection, operation, "siti") == 4

    assert (cancelled.published, cancelled.left) == (1, 4)
    assert (progress(our_world.engine, operation).letters, progress(our_world.engine, operation).planned) == (5, 5)


def test_one_form_begins_one_replay_however_often_and_at_once_it_is_sent(engine: Engine) -> None:
    file_all(engine, registrations_dead(40))
    key, both = uuid4(), threading.Barrier(2)

    def press(who: str) -> tuple[int, int]:
        both.wait(10)
        with engine.begin() as connection:
            found = start(connection, who, order(most=10), key)
        return found.operation_id, found.letters

    with ThreadPoolExecutor(2) as pool:
        pressed = set(pool.map(press, ("rahim", "rahim")))

    ((operation, letters_taken),) = pressed
    assert letters_taken == progress(engine, operation).letters == 10
    assert planned(engine, order()).number(Fate.FREE) == 30
    assert what_was_done(engine) == ["replay"]


def test_it_stops_when_so_many_failed_again_and_sends_few_at_first(our_world: World, publish: Publish) -> None:
    file_all(our_world.engine, bad_ones_dead(300))
    our_world.start("state", "archivist")
    operation = begun(our_world.engine, order(stop_after=5))

    assert carried(our_world.engine, operation, publish) is State.STOPPED

    found = progress(our_world.engine, operation)
    assert 5 <= found.failed <= found.published < 15
    assert found.queued == 0
    assert what_was_done(our_world.engine) == ["replay", "replay_stop"]


def test_it_sends_more_the_more_have_worked_where_it_may_stop(our_world: World, publish: Publish) -> None:
    file_all(our_world.engine, registrations_dead(300))
    our_world.start("state", "archivist")
    operation, sent = begun(our_world.engine, order(stop_after=5)), list[int]()

    def counted(messages: Sequence[Message]) -> None:
        sent.append(len(messages))
        publish(messages)

    assert carried(our_world.engine, operation, counted) is State.DONE
    assert sent[0] == 5
    assert max(sent) > 20


def test_a_limit_takes_the_oldest_and_leaves_the_rest(our_world: World, publish: Publish) -> None:
    oldest, *_ = file_all(our_world.engine, registrations_dead(5))
    operation = begun(our_world.engine, order(most=2))

    assert carried(our_world.engine, operation, publish) is State.DONE

    with our_world.engine.connect() as connection:
        assert [one.letter_id for one in results.results(connection, operation)] == [oldest, oldest + 1]
    assert planned(our_world.engine, order()).number(Fate.FREE) == 3


def test_a_rate_is_kept_by_all_who_carry_on(our_world: World, publish: Publish) -> None:
    file_all(our_world.engine, registrations_dead(60))
    operation, began = begun(our_world.engine, order(rate=40)), time.monotonic()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: carried(our_world.engine, operation, publish), range(2)))

    assert time.monotonic() - began >= (60 - 10) / 40, "but for the first portion, which has not to wait"
