"""The ledger looks up what operators sent, too: replays, and registrations that took the place of a letter."""

import threading
from collections.abc import Iterator

import pytest

from shared.broker.management import Management, vhost_of
from shared.broker.publisher import Message
from shared.clock import now
from shared.operations import discard, letters, register_again
from shared.operations.carrying import Publish, carry_on
from shared.operations.filters import Filter
from shared.operations.ledger import LedgerReport, Verdict, audit
from shared.operations.ledger_runs import keep, mend, newest
from shared.operations.replay import Order, start
from shared.operations.sent import Sent
from tests.support.ledger import EMPTY, Depths
from tests.support.letters import bad_ones_dead, file_all, letter, registrations_dead
from tests.support.registrations import hr_event, registration
from tests.support.tap import Tap
from tests.support.waiting import eventually
from tests.support.world import World

WORKED = "SELECT count(*) FROM state_inbox"
KEPT = "SELECT count(*) FROM operations WHERE results IS NOT NULL"
GOOD_IC = "851220010007"
CORRECTED = {"ic_number": GOOD_IC, "notify": "false"}


def found(world: World, api: Depths = EMPTY) -> LedgerReport:
    """What the ledger says, where nobody need wait for a broker to count anew."""
    return audit(world.engine, api, settle_seconds=0)


def kept(world: World, report: LedgerReport) -> int:
    """Keeps a run; gives its number."""
    with world.engine.begin() as connection:
        return keep(connection, report, "siti", 1.0)


def mended(world: World, publish: Publish) -> int:
    """Publishes what is lost again; gives how many messages that were."""
    report = found(world)

    def all_of(messages: Iterator[Message]) -> int:
        portion = list(messages)
        publish(portion)
        return len(portion)

    return mend(world.engine, kept(world, report), report, "siti", "baris gilir dikosongkan", all_of)


def replayed(world: World, publish: Publish, wanted: Filter | None = None) -> None:
    """Replays the letters that are free."""
    with world.engine.begin() as connection:
        operation = start(connection, "rahim", Order(wanted or Filter(), "the database has room again")).operation_id
    carry_on(world.engine, operation, publish, wait=threading.Event().wait)


def registered_again(world: World, publish: Publish, letter_id: int) -> str:
    """Has a corrected registration take the place of a letter; gives the event's id."""
    with world.engine.begin() as connection:
        of = letters.one(connection, letter_id)
        assert of is not None
        event = register_again.corrected(of, {**register_again.form(of), **CORRECTED}, now())
        seen = of.closing.at if of.closing else None
        register_again.ask(connection, of, event, "rahim", "says HR", seen)
    publish([Message.of(event)])
    with world.engine.begin() as connection:
        register_again.close(connection, of, event, "rahim", "says HR")
    return event.id


def purges(world: World, queue: str) -> None:
    """Loses what a queue holds."""
    api, vhost = Management(world.servers.broker_api_url), vhost_of(world.amqp_url)
    eventually("it holds something", lambda: world.depths()[queue] > 0)
    api.request("DELETE", f"queues/{vhost}/{queue}/contents")
    eventually("it is purged", lambda: world.depths()[queue] == 0)


def test_replays_that_are_lost_are_named_and_mended_and_worked_once_each(our_world: World, publish: Publish) -> None:
    numbers = file_all(our_world.engine, registrations_dead(3))
    replayed(our_world, publish)
    purges(our_world, "state.bulk")

    report = found(our_world)
    assert (report.verdict, report.sent, report.done, report.dead) == (Verdict.LOST, 3, 0, 0)
    assert [(one.id, one.why) for one in report.lost] == [
        (f"letter {number}", "nowhere since replay 1") for number in numbers
    ]
    tap = Tap(our_world.amqp_url)
    assert mended(our_world, publish) == 3

    our_world.start("state", "archivist")
    eventually("they are worked", lambda: our_world.count(WORKED) == 3)
    report = found(our_world)
    assert (report.verdict, report.sent, report.done, report.dead) == (Verdict.CLEAN, 3, 3, 0)
    seen = tap.seen()
    tap.close()
    sent = [(one.properties.message_id, one.properties.headers["x-replay"], one.routing_key) for one in seen]
    assert sent == [(f"reg-{index}", 1, "state.bulk") for index in range(3)]
    assert our_world.count("SELECT count(*) FROM history") == our_world.count("SELECT count(*) FROM accounts") == 3


def test_mending_what_was_not_lost_after_all_has_no_second_effect(our_world: World, publish: Publish) -> None:
    file_all(our_world.engine, registrations_dead(3))
    replayed(our_world, publish)

    assert mended(our_world, publish) == 3  # as if a broker had counted wrongly

    our_world.start("state", "archivist")
    our_world.settle(lambda: our_world.count(WORKED) == 3)
    assert our_world.count("SELECT count(*) FROM history") == 3
    assert our_world.count("SELECT count(*) FROM letters") == 3
    assert found(our_world).clean


def test_while_queues_hold_messages_a_replay_is_not_called_lost(our_world: World, publish: Publish) -> None:
    file_all(our_world.engine, registrations_dead(2))
    replayed(our_world, publish)

    report = found(our_world, Depths({"state.bulk": 2}))

    assert report.verdict is Verdict.UNDECIDED
    assert (len(report.missing), report.lost) == (2, ())


def test_a_replay_that_failed_again_or_whose_letter_was_discarded_since_has_its_fate(
    our_world: World, publish: Publish
) -> None:
    bad, given_up = *file_all(our_world.engine, bad_ones_dead(1)), *file_all(our_world.engine, registrations_dead(1))
    our_world.start("archivist")
    replayed(our_world, publish, Filter(letters=(given_up,)))
    purges(our_world, "state.bulk")
    our_world.start("state")
    replayed(our_world, publish, Filter(letters=(bad,)))
    eventually("it died again", lambda: our_world.count("SELECT count(*) FROM letters WHERE replay = 1") == 1)

    assert [one.id for one in found(our_world).lost] == [f"letter {given_up}"]
    with our_world.engine.begin() as connection:
        discard.discard(connection, Filter(letters=(given_up,)), "siti", "a test of HR")

    report = found(our_world)
    assert (report.verdict, report.sent, report.done, report.dead) == (Verdict.CLEAN, 2, 0, 2)


def test_a_replayed_mail_that_is_tried_again_waits_unless_no_queue_holds_it(our_world: World, publish: Publish) -> None:
    mail = "6f0c2f60-0d6f-4f5b-9a53-0a2a5d9c4a11"
    event = hr_event("m-1", {"mail_id": mail, "kind": "activation"}) | {"type": "aktif.MailRequested.v1"}
    file_all(our_world.engine, [letter(event, "gave_up", queue="mailer.bulk", origin="aktif.events")])
    replayed(our_world, publish)
    with our_world.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO mails (mail_id, account_id, kind, lane, requested_at, attempts) "
            f"VALUES ('{mail}', '{mail}', 'activation', 'bulk', now(), 30)"
        )

    waiting = found(our_world, Depths({"wait.1h": 1}))

    assert (waiting.verdict, waiting.waiting.retried_mails) == (Verdict.CLEAN, 1)
    assert len(found(our_world).lost) == 1


def test_a_corrected_registration_that_is_lost_is_named_and_mended(our_world: World, publish: Publish) -> None:
    (number,) = file_all(our_world.engine, bad_ones_dead(1))
    event = registered_again(our_world, publish, number)
    purges(our_world, "state.live")

    report = found(our_world)
    assert report.verdict is Verdict.LOST
    assert [(one.id, one.why) for one in report.lost] == [(f"letter {number}", "nowhere since it was registered again")]
    assert mended(our_world, publish) == 1

    our_world.start("state", "archivist")
    eventually("it is worked", lambda: our_world.count(f"{WORKED} WHERE id = '{event}'") == 1)
    assert our_world.count(f"SELECT count(*) FROM accounts WHERE ic_number = '{GOOD_IC}'") == 1
    report = found(our_world)
    assert (report.verdict, report.sent, report.done) == (Verdict.CLEAN, 1, 1)


def test_a_corrected_registration_that_died_is_a_letter_and_not_lost(our_world: World, publish: Publish) -> None:
    (number,) = file_all(our_world.engine, bad_ones_dead(1))
    event = registered_again(our_world, publish, number)
    purges(our_world, "state.live")
    file_all(our_world.engine, [letter(hr_event(event, registration(1)))])

    assert found(our_world).clean
    assert found(our_world).dead == 1


def test_what_is_kept_names_the_letter_and_nothing_of_hrs(our_world: World, publish: Publish) -> None:
    event = hr_event("850101030007", registration(1, notify=False)) | {"type": "850101030007"}
    (number,) = file_all(our_world.engine, [letter(event)])
    replayed(our_world, publish)
    kept(our_world, found(our_world))

    with our_world.engine.connect() as connection:
        (run,) = newest(connection, limit=5)
        held = connection.exec_driver_sql("SELECT string_agg(CAST(l AS text), '') FROM ledgers l").scalar_one()
    assert (run.sent, run.lost, [one.letter for one in run.nowhere]) == (1, 1, [number])
    assert "850101030007" not in held


def test_an_operation_whose_results_are_final_is_kept_with_a_run_and_counted_as_before(
    our_world: World, publish: Publish
) -> None:
    file_all(our_world.engine, registrations_dead(3))
    replayed(our_world, publish)
    kept(our_world, found(our_world))
    assert our_world.count(KEPT) == 0

    our_world.start("state", "archivist")
    eventually("they are worked", lambda: our_world.count(WORKED) == 3)
    before = found(our_world)
    kept(our_world, before)

    assert our_world.count(KEPT) == 1
    after = found(our_world)
    assert (after.sent, after.done, after.dead) == (before.sent, before.done, before.dead) == (3, 3, 0)


@pytest.mark.parametrize("replay", [1, None], ids=["replay", "registration"])
def test_what_is_sent_between_two_looks_is_not_lost(our_world: World, publish: Publish, replay: int | None) -> None:
    numbers = file_all(our_world.engine, bad_ones_dead(2))

    def sends(number: int) -> None:
        if replay:
            replayed(our_world, publish, Filter(letters=(number,)))
        else:
            registered_again(our_world, publish, number)

    sends(numbers[0])

    class Busy(Depths):
        """A broker beside which something is sent before the second look."""

        asked = 0

        def queues(self):  # type: ignore[no-untyped-def]
            """Empty, again and again."""
            self.asked += 1
            if self.asked == 3:
                sends(numbers[1])
            return super().queues()

    report = found(our_world, Busy({"state.bulk": 0}))

    assert [one.letter_id for one in report.missing if isinstance(one, Sent)] == list(numbers)
    assert [(one.letter_id, one.replay) for one in report.lost if isinstance(one, Sent)] == [(numbers[0], replay)]
