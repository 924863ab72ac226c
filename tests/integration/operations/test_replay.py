"""Replaying letters: each once and to its home, at a rate, with limits, by one operator or two."""

import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import Engine

from shared.broker.publisher import Message
from shared.operations import audit, carrying, letters, results
from shared.operations.carrying import Publish
from shared.operations.filters import Filter, Status
from shared.operations.replay import Fate, start
from shared.operations.results import NotThere, State
from shared.operations.standing import Result
from tests.support.letters import bad_ones_dead, file_all, letter, registrations_dead
from tests.support.orders import begun, carried, order, planned, progress, what_was_done
from tests.support.registrations import hr_event, ic_number, registration
from tests.support.tap import Tap
from tests.support.waiting import eventually
from tests.support.world import World

WORKED = "SELECT count(*) FROM state_inbox"


def test_letters_go_home_as_they_were_under_their_ids_and_their_next_replay_number(
    our_world: World, publish: Publish
) -> None:
    messages = [*registrations_dead(2), letter(b"\xff", "not_utf8", replay=3, queue="state.live")]
    file_all(our_world.engine, messages)
    tap = Tap(our_world.amqp_url)

    assert carried(our_world.engine, begun(our_world.engine, order()), publish) is State.DONE

    seen = tap.seen()
    tap.close()
    assert [one.body for one in seen] == [one.body for one in messages]
    assert {one.exchange for one in seen} == {"aktif.home"}
    assert [one.routing_key for one in seen] == ["state.bulk", "state.bulk", "state.live"]
    assert [one.properties.message_id for one in seen] == ["reg-0", "reg-1", None]
    assert seen[0].properties.headers == {
        "x-origin": "aktif.hr", "x-lane": "bulk", "x-attempt": 1, "x-replay": 1, "x-handbacks": 0,
    }  # fmt: skip
    assert seen[2].properties.headers["x-replay"] == 4


@pytest.mark.parametrize("changes", [{"id": "編" * 100}, {"type": f"aktif.{'A' * 300}.v1"}], ids=["id", "type"])
def test_a_letter_whose_id_or_type_fits_no_property_goes_home_and_holds_up_no_other(
    our_world: World, publish: Publish, changes: dict[str, str]
) -> None:
    messages = [letter(hr_event("x", registration(0)) | changes), *registrations_dead(2)]
    file_all(our_world.engine, messages)
    tap = Tap(our_world.amqp_url)

    assert carried(our_world.engine, begun(our_world.engine, order()), publish) is State.DONE

    seen = tap.seen()
    tap.close()
    assert [one.body for one in seen] == [one.body for one in messages]


def test_what_became_of_each_is_read_and_linked(our_world: World, publish: Publish) -> None:
    good, bad = file_all(our_world.engine, [*registrations_dead(1), *bad_ones_dead(1)])
    operation = begun(our_world.engine, order())

    assert progress(our_world.engine, operation).queued == 2
    carried(our_world.engine, operation, publish)
    assert progress(our_world.engine, operation).waiting == 2
    our_world.start("state", "archivist")
    eventually("both have a result", lambda: not progress(our_world.engine, operation).waiting)

    with our_world.engine.connect() as connection:
        found = {one.letter_id: one for one in results.results(connection, operation)}
        first, second = letters.one(connection, good), letters.one(connection, bad)
        again = letters.page(connection, Filter(status=Status.OPEN)).lines
    assert first
    assert second
    assert found[good].result is first.replays[0].result is Result.WORKED
    assert found[bad].result is second.replays[0].result is Result.FAILED
    assert found[bad].failed_as == second.replays[0].failed_as == again[0].letter_id
    assert again[0].replay == 1
    assert second.of_same_event == (again[0].letter_id,)


def test_what_failed_again_is_replayed_as_the_next_number(our_world: World, publish: Publish) -> None:
    file_all(our_world.engine, bad_ones_dead(1))
    our_world.start("state", "archivist")

    for number in (1, 2):
        carried(our_world.engine, begun(our_world.engine, order()), publish)
        newest = f"SELECT count(*) FROM letters WHERE replay = {number}"
        eventually(f"it died as replay {number}", partial(our_world.count, newest))

    assert our_world.count("SELECT count(*) FROM letters") == 3
    assert planned(our_world.engine, order()).number(Fate.REPLAYED) == 2


def test_two_operators_at_once_replay_each_letter_once(our_world: World, publish: Publish) -> None:
    file_all(our_world.engine, registrations_dead(2000))
    tap, both = Tap(our_world.amqp_url), threading.Barrier(2)

    def press(who: str) -> int:
        both.wait(10)
        operation = begun(our_world.engine, order(), who)
        carried(our_world.engine, operation, publish)
        return operation

    with ThreadPoolExecutor(2) as pool:
        operations = list(pool.map(press, ("rahim", "siti")))

    assert sum(progress(our_world.engine, operation).letters for operation in operations) == 2000
    sent = [one.properties.message_id for one in tap.seen()]
    tap.close()
    assert len(sent) == len(set(sent)) == 2000


def test_two_processes_that_carry_one_operation_on_share_it(our_world: World, publish: Publish) -> None:
    file_all(our_world.engine, registrations_dead(1500))
    operation, tap = begun(our_world.engine, order()), Tap(our_world.amqp_url)

    with ThreadPoolExecutor(2) as pool:
        assert set(pool.map(lambda _: carried(our_world.engine, operation, publish), range(2))) == {State.DONE}

    sent = [one.properties.message_id for one in tap.seen()]
    tap.close()
    assert len(sent) == len(set(sent)) == 1500
    assert what_was_done(our_world.engine) == ["replay", "replay_done"]


def test_what_a_dead_process_sent_and_did_not_mark_is_sent_again_and_has_one_effect(
    our_world: World, publish: Publish
) -> None:
    file_all(our_world.engine, registrations_dead(3))
    our_world.start("state", "archivist")
    operation = begun(our_world.engine, order())

    def dies_after(messages: Sequence[Message]) -> None:
        publish(messages)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carrying.turn(our_world.engine, operation, dies_after)
    eventually("they are worked", lambda: our_world.count(WORKED) == 3)
    assert progress(our_world.engine, operation).queued == 3
    with our_world.engine.begin() as connection:
        assert carrying.resume(connection, operation, "siti") == 3
    assert carried(our_world.engine, operation, publish) is State.DONE

    our_world.settle(lambda: True)
    assert our_world.count("SELECT count(*) FROM history") == our_world.count(WORKED) == 3
    assert our_world.count("SELECT count(*) FROM letters") == 3
    assert progress(our_world.engine, operation).worked == 3
    assert what_was_done(our_world.engine) == ["replay", "replay_resume", "replay_done"]


def test_nothing_is_marked_that_the_broker_did_not_confirm(engine: Engine) -> None:
    file_all(engine, registrations_dead(2))
    operation = begun(engine, order())

    def refused(_: Sequence[Message]) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        carrying.turn(engine, operation, refused)

    assert (progress(engine, operation).queued, progress(engine, operation).published) == (2, 0)


def test_no_replay_has_a_number_that_none_has(engine: Engine) -> None:
    with engine.begin() as connection:
        for ask in (
            results.progress,
            lambda c, n: carrying.cancel(c, n, "x"),
            lambda c, n: carrying.resume(c, n, "x"),
        ):
            with pytest.raises(NotThere):
                ask(connection, 17)


def test_obsolete_ones_are_left_out_unless_asked_for(engine: Engine) -> None:
    first, second = file_all(engine, registrations_dead(2))
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO state_inbox (source, id, type, digest, outcome, lane, event_time) "
            "VALUES ('/hr/contoh', 'reg-0', 'x', '', 'applied', 'bulk', now())"
        )

    found = planned(engine, order())
    assert (found.number(Fate.OBSOLETE), found.number(Fate.FREE), found.to_send) == (1, 1, 1)
    assert planned(engine, order(with_obsolete=True)).to_send == 2
    with engine.connect() as connection:
        operation = begun(engine, order())
        assert [one.letter_id for one in results.results(connection, operation)] == [second]
        assert first != second


def test_what_may_be_forged_is_sent_only_when_insisted_on(engine: Engine) -> None:
    forged = letter({**hr_event("x", {}), "type": "aktif.PasswordSet.v1"}, "wrong_exchange")
    file_all(engine, [forged])

    assert planned(engine, order()).to_send == 0
    assert planned(engine, order()).number(Fate.UNSAFE) == 1
    assert planned(engine, order(with_unsafe=True)).to_send == 1


def test_what_may_be_forged_and_is_obsolete_too_is_not_sent_with_other_obsolete_ones(engine: Engine) -> None:
    forged = letter({**hr_event("x", {}), "type": "aktif.PasswordSet.v1"}, "wrong_exchange")
    file_all(engine, [forged])
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO state_inbox (source, id, type, digest, outcome, lane, event_time) "
            "VALUES ('/hr/contoh', 'x', 'x', '', 'applied', 'bulk', now())"
        )

    assert planned(engine, order(with_obsolete=True)).to_send == 0
    assert planned(engine, order(with_obsolete=True)).number(Fate.UNSAFE) == 1


def test_a_letter_that_was_filed_after_the_transaction_began_and_is_taken_by_it_is_taken(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("SELECT now()")
        file_all(engine, registrations_dead(1))
        taken = start(connection, "rahim", order()).letters

    with engine.connect() as connection:
        (line,) = letters.page(connection, Filter()).lines
    assert (taken, line.status) == (1, Status.REPLAYED)


def test_a_letter_from_nowhere_is_never_sent(engine: Engine) -> None:
    file_all(engine, [letter(hr_event("x", registration(1)), queue="other.live")])

    assert planned(engine, order(with_unsafe=True, with_obsolete=True)).number(Fate.HOMELESS) == 1
    assert planned(engine, order(with_unsafe=True, with_obsolete=True)).to_send == 0


def test_a_letter_that_is_filed_again_after_its_replay_is_open_again_and_goes_out_under_a_new_number(
    our_world: World, publish: Publish
) -> None:
    file_all(our_world.engine, registrations_dead(1))
    carried(our_world.engine, begun(our_world.engine, order()), publish)
    with our_world.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE letters SET filed_at = clock_timestamp(), times = 2")

    assert planned(our_world.engine, order()).number(Fate.FREE) == 1
    carried(our_world.engine, begun(our_world.engine, order()), publish)

    assert our_world.count("SELECT max(replay) FROM replays") == 2


def test_a_filter_means_the_same_when_an_operation_is_resumed(our_world: World, publish: Publish) -> None:
    file_all(our_world.engine, [*registrations_dead(3), *bad_ones_dead(3)])
    wanted = Filter(reason="database_error", ic_number=ic_number(1), queue="state", type="ActivationRequested")
    operation = begun(our_world.engine, order(wanted))
    with our_world.engine.begin() as connection:
        carrying.cancel(connection, operation, "rahim")
        assert carrying.resume(connection, operation, "rahim") == 1

    carried(our_world.engine, operation, publish)

    assert progress(our_world.engine, operation).letters == 1


def test_the_audit_keeps_no_ic_number(engine: Engine) -> None:
    file_all(engine, registrations_dead(1))
    begun(engine, order(Filter(ic_number=ic_number(0))))

    with engine.connect() as connection:
        entry = audit.read(connection)[0]
    assert entry.details["choice"]["letters"]["ic_number"] == "8501********"
    assert ic_number(0) not in json.dumps(dict(entry.details))
    assert (entry.who, entry.what, entry.reason) == ("rahim", "replay", "the database has room again")
