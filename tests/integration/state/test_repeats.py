"""The same event again: in one batch, in the next, under another lane; and other events under its id."""

from dataclasses import replace

from schemas.events import Lane
from shared.broker.verdicts import Dead
from tests.integration.state.desk import Desk, body_of, published
from tests.support.builders import THEN, delivery, registration
from tests.unit.state.life import minutes


def test_a_repeat_decides_nothing_and_publishes_the_same(desk: Desk) -> None:
    first = delivery(registration(), id="once", lane=Lane.BULK)

    (before,) = desk.handler([first])
    (after,) = desk.handler([replace(first, lane=Lane.LIVE, attempt=3)])

    assert [event.id for event in published(after)] == [event.id for event in published(before)]
    assert [body_of(event) for event in published(after)] == [body_of(event) for event in published(before)]
    assert len(desk.timeline()) == 1


def test_a_repeat_within_one_batch_gets_the_answer_of_the_first(desk: Desk) -> None:
    first = delivery(registration(), id="once")

    one, two = desk.handler([first, first])

    assert one == two
    assert len(published(one)) == 1
    assert len(desk.timeline()) == 1


def test_another_event_under_the_same_id_is_dead_in_one_batch_and_in_the_next(desk: Desk) -> None:
    first = delivery(registration(), id="once")
    other = delivery(registration(name="ORANG LAIN"), id="once")

    assert desk.works(first, other) == ["done", "dead id_reused"]
    assert desk.works(other, first) == ["dead id_reused", "done"]
    assert desk.rows("SELECT name FROM accounts") == [("PEGAWAI CONTOH",)]


def test_a_mended_event_under_the_id_of_a_dead_one_is_worked(desk: Desk) -> None:
    far = THEN + minutes(60 * 24 * 365 * 50)
    bad, mended = delivery(registration(), far, id="mine"), delivery(registration(name="ORANG LAIN"), id="mine")

    assert desk.works(bad, mended) == ["dead time_in_future", "done"]
    assert desk.rows("SELECT name FROM accounts") == [("ORANG LAIN",)]


def test_a_replay_has_ids_of_its_own(desk: Desk) -> None:
    far = delivery(registration(), THEN + minutes(60 * 24 * 365 * 50), id="mine")

    first, second = desk.handler([far])[0], desk.handler([replace(far, replay=1)])[0]

    assert isinstance(first, Dead)
    assert isinstance(second, Dead)
    assert first.outgoing[0].id != second.outgoing[0].id
