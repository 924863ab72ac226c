"""Discarding, registering again, the people, and the audit of all that."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import ProgrammingError

from schemas.envelope import decode
from schemas.events import Exchange, Registration
from schemas.examples import EXAMPLES
from shared.broker.publisher import Message
from shared.credentials import password_matches
from shared.operations import audit, discard, letters, people, register_again
from shared.operations.filters import Filter, Status
from shared.operations.letters import Letter
from shared.operations.people import Refused, Role
from shared.operations.replay import Fate, Order, plan, start
from shared.wording import dashed
from tests.support.letters import bad_ones_dead, file_all, letter, registrations_dead
from tests.support.registrations import hr_event, ic_number, publish, registration
from tests.support.waiting import eventually
from tests.support.world import World

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PASSWORD = "Kereta-Merah-1985"


def found(connection: Connection, letter_id: int) -> Letter:
    one = letters.one(connection, letter_id)
    assert one is not None
    return one


def unworked(our_world: World) -> int:
    return our_world.depths()["state.live"]


def open_ones(connection: Connection) -> int:
    return letters.count(connection, Filter(status=Status.OPEN))


def test_letters_are_discarded_by_filter_with_a_reason_and_opened_again(engine: Engine, connection: Connection) -> None:
    file_all(engine, [*bad_ones_dead(3), *registrations_dead(2)])

    assert discard.discard(connection, Filter(reason="bad_ic_number"), "siti", "a test of HR") == 3
    assert discard.discard(connection, Filter(reason="bad_ic_number"), "siti", "again") == 0
    assert open_ones(connection) == 2
    closing = found(connection, 1).closing
    assert closing is not None
    assert (closing.kind, closing.who, closing.reason) == (Status.DISCARDED, "siti", "a test of HR")

    assert discard.undo(connection, [1, 2, 4], "siti", "no test") == 2
    assert open_ones(connection) == 4
    entries = audit.read(connection)
    assert [(entry.what, entry.details["letters"]) for entry in entries] == [
        ("undo_discard", [1, 2]),
        ("discard", [1, 2, 3]),
    ]


def test_what_is_discarded_is_not_replayed(engine: Engine, connection: Connection) -> None:
    file_all(engine, registrations_dead(2))
    discard.discard(connection, Filter(letters=(1,)), "siti", "x")

    with engine.begin() as transaction:
        assert plan(transaction, Order(Filter(), "x")).number(Fate.DISCARDED) == 1
        assert start(transaction, "rahim", Order(Filter(), "x")).letters == 1


def test_what_was_replayed_is_not_discarded_with_the_open_ones(engine: Engine, connection: Connection) -> None:
    file_all(engine, registrations_dead(2))
    with engine.begin() as transaction:
        start(transaction, "rahim", Order(Filter(letters=(1,)), "x"))

    assert discard.discard(connection, Filter(reason="database_error"), "siti", "x") == 1


def test_a_correction_is_hrs_event_from_the_letters_source_and_names_its_cause(
    engine: Engine, connection: Connection
) -> None:
    (letter_id,) = file_all(engine, bad_ones_dead(1))
    one = found(connection, letter_id)

    event = register_again.corrected(one, register_again.form(one) | {"ic_number": dashed(ic_number(5))}, NOW)

    raw = json.loads(event.body)
    assert (event.exchange, event.routing_key) == ("aktif.hr", "live.ActivationRequested")
    assert (raw["source"], raw["causationid"], raw["id"]) == ("/hr/contoh", "bad-0", event.id)
    read = decode(event.body, Exchange.HR).data
    assert isinstance(read, Registration)
    assert (read.ic_number, read.name) == (ic_number(5), "PEGAWAI CONTOH 0")


def test_the_same_correction_is_one_event_and_another_is_another(engine: Engine, connection: Connection) -> None:
    one = found(connection, file_all(engine, bad_ones_dead(1))[0])
    later = datetime(2027, 1, 1, tzinfo=UTC)

    def event_id(number: int, at: datetime = NOW) -> str:
        return register_again.corrected(one, register_again.form(one) | {"ic_number": ic_number(number)}, at).id

    assert event_id(5) == event_id(5, later) != event_id(6)


def test_a_form_is_checked_by_the_events_own_schema_field_by_field(engine: Engine, connection: Connection) -> None:
    one = found(connection, file_all(engine, bad_ones_dead(1))[0])
    wrong = register_again.form(one) | {"email": "rahsia", "registered_at": "yesterday", "source": "/portal"}

    with pytest.raises(register_again.Refused) as refused:
        register_again.corrected(one, wrong, NOW)

    assert sorted(fault.field for fault in refused.value.faults) == ["email", "ic_number", "registered_at", "source"]
    assert all(fault.reason and fault.detail for fault in refused.value.faults)
    assert "rahsia" not in str(refused.value)


@pytest.mark.parametrize(
    "dead",
    [
        letter(EXAMPLES["PasswordSet"].body, "unknown_link", origin=Exchange.PORTAL),
        letter(EXAMPLES["MailRequested"].body, "gave_up", queue="mailer.live", origin=Exchange.EVENTS),
        letter({**hr_event("w", {}), "type": "aktif.AccountWithdrawn.v1"}, "bad_field"),
    ],
    ids=["of the portal", "a mail", "a withdrawal"],
)
def test_what_is_no_registration_cannot_be_registered_again(engine: Engine, connection: Connection, dead: Any) -> None:
    one = found(connection, file_all(engine, [dead])[0])

    assert not one.can_register
    with pytest.raises(register_again.Refused):
        register_again.corrected(one, register_again.form(one), NOW)


def test_a_letter_of_which_nothing_can_be_read_is_registered_with_everything_given(
    engine: Engine, connection: Connection
) -> None:
    one = found(connection, file_all(engine, [letter(b"not json", "not_json")])[0])
    given = {name: str(value) for name, value in registration(5).items()}

    with pytest.raises(register_again.Refused, match="source"):
        register_again.corrected(one, given, NOW)

    assert register_again.corrected(one, given | {"source": "/hr/kelantan"}, NOW).id


def test_registering_again_closes_the_letter_and_says_what_the_event_did(our_world: World) -> None:
    our_world.start("state")
    (letter_id,) = file_all(our_world.engine, bad_ones_dead(1))
    with our_world.engine.begin() as connection:
        one = found(connection, letter_id)
        event = register_again.corrected(one, register_again.form(one) | {"ic_number": ic_number(5)}, NOW)
        register_again.ask(connection, one, event, "siti", "digits swapped")

    for _ in range(2):
        publish(our_world.amqp_url, [Message.of(event)])
    with our_world.engine.begin() as connection:
        register_again.close(connection, one, event, "siti", "digits swapped")
    eventually("both are worked", lambda: our_world.count("SELECT count(*) FROM accounts") and not unworked(our_world))

    with our_world.engine.connect() as connection:
        closing = found(connection, letter_id).closing
        (entry,) = audit.read(connection)
    assert closing is not None
    assert (closing.kind, closing.outcome, closing.outcome_reason) == (Status.REGISTERED, "applied", "registered")
    assert (entry.what, entry.details["changed"]) == ("register_again", ["ic_number"])
    assert ic_number(5) not in json.dumps(dict(entry.details))
    eventually("once", lambda: our_world.count("SELECT count(*) FROM history WHERE outcome = 'applied'") == 1)


def test_a_letter_stays_open_until_what_takes_its_place_is_published(engine: Engine, connection: Connection) -> None:
    one = found(connection, file_all(engine, bad_ones_dead(1))[0])
    event = register_again.corrected(one, register_again.form(one) | {"ic_number": ic_number(5)}, NOW)

    register_again.ask(connection, one, event, "siti", "digits swapped")
    register_again.ask(connection, one, event, "siti", "the broker was away")

    assert found(connection, one.line.letter_id).line.status is Status.OPEN
    assert [entry.details["event_id"] for entry in audit.read(connection)] == [event.id] * 2
    register_again.close(connection, one, event, "siti", "digits swapped")
    register_again.ask(connection, one, event, "siti", "pressed once more")


def test_what_a_colleague_closed_meanwhile_is_not_registered_again(engine: Engine, connection: Connection) -> None:
    one = found(connection, file_all(engine, bad_ones_dead(1))[0])
    event = register_again.corrected(one, register_again.form(one) | {"ic_number": ic_number(5)}, NOW)
    discard.discard(connection, Filter(letters=(one.line.letter_id,)), "rahim", "this person leaves")

    with pytest.raises(register_again.Overtaken, match="rahim discarded it meanwhile"):
        register_again.ask(connection, one, event, "siti", "digits swapped")

    closing = found(connection, one.line.letter_id).closing
    assert closing is not None
    assert (closing.who, closing.kind) == ("rahim", Status.DISCARDED)
    assert [entry.what for entry in audit.read(connection)] == ["discard"]
    register_again.ask(connection, one, event, "siti", "with rahim's consent", seen=closing.at)


def test_what_was_filed_after_it_was_counted_is_not_discarded(engine: Engine, connection: Connection) -> None:
    first, second = file_all(engine, bad_ones_dead(2))
    counted = discard.plan(connection, Filter(reason="bad_ic_number"))
    discard.discard(connection, Filter(letters=(first,)), "rahim", "one of them")
    (later,) = file_all(engine, bad_ones_dead(1, first=2))

    done = discard.discard(connection, Filter(reason="bad_ic_number").before(counted.at), "siti", "both")

    assert (counted.letters, done) == (2, 1)
    assert found(connection, second).closing is not None
    assert found(connection, later).line.status is Status.OPEN


def test_what_would_be_discarded_is_counted_as_it_is_discarded(engine: Engine, connection: Connection) -> None:
    replayed, closed, _ = file_all(engine, registrations_dead(3))
    with engine.begin() as transaction:
        start(transaction, "rahim", Order(Filter(letters=(replayed,)), "x"))
    discard.discard(connection, Filter(letters=(closed,)), "siti", "x")

    for wanted in (Filter(letters=(replayed, closed)), Filter(status=Status.DISCARDED), Filter()):
        counted = discard.plan(connection, wanted).letters
        assert counted == discard.discard(connection, wanted, "siti", "x") == (0 if wanted.status else 1)


def test_people_are_added_recognised_and_removed(connection: Connection) -> None:
    people.add(connection, "siti.aminah", Role.VIEWER, PASSWORD, "root")

    person = people.find(connection, "siti.aminah")
    assert person is not None
    assert person == people.everybody(connection)[0]
    assert (person.role, person.added_by) == (Role.VIEWER, "root")
    assert password_matches(people.digest_of(connection, "siti.aminah"), PASSWORD)
    assert not password_matches(people.digest_of(connection, "siti.aminah"), PASSWORD + "x")
    assert people.digest_of(connection, "nobody") is None

    assert people.remove(connection, "siti.aminah", "root")
    assert not people.remove(connection, "siti.aminah", "root")
    assert people.find(connection, "siti.aminah") is None
    assert [entry.what for entry in audit.read(connection)] == ["operator_remove", "operator_add"]


def test_a_password_is_kept_as_argon2id_and_nowhere_else(connection: Connection) -> None:
    people.add(connection, "siti", Role.OPERATOR, PASSWORD, "root")

    digest = connection.execute(text("SELECT password_digest FROM operators")).scalar_one()
    audited = connection.execute(text("SELECT string_agg(audit::text, '') FROM audit")).scalar_one()
    assert digest.startswith("$argon2id$")
    assert PASSWORD not in audited
    assert digest not in audited


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("Siti", PASSWORD),
        ("a b", PASSWORD),
        ("", PASSWORD),
        ("x" * 41, PASSWORD),
        ("siti", "short"),
        ("taken", PASSWORD),
    ],
)
def test_a_name_or_password_that_will_not_do_is_refused(connection: Connection, name: str, password: str) -> None:
    people.add(connection, "taken", Role.VIEWER, PASSWORD, "root")

    with pytest.raises(Refused):
        people.add(connection, name, Role.VIEWER, password, "root")

    assert [person.name for person in people.everybody(connection)] == ["taken"]


@pytest.mark.parametrize("statement", ["UPDATE audit SET who = 'x'", "DELETE FROM audit", "TRUNCATE audit"])
def test_the_audit_refuses_changes_even_of_its_owner(connection: Connection, statement: str) -> None:
    audit.write(connection, "siti", "look", "letter 1")

    with pytest.raises(ProgrammingError) as refused:
        connection.execute(text(statement))

    assert isinstance(refused.value.orig, InsufficientPrivilege)
    assert len(audit.read(connection)) == 1


def test_an_effect_that_is_taken_back_leaves_no_audit_and_no_effect_is_without_one(engine: Engine) -> None:
    file_all(engine, registrations_dead(1))
    with engine.connect() as connection:
        discard.discard(connection, Filter(letters=(1,)), "siti", "x")
        start(connection, "siti", Order(Filter(), "x"))
        connection.rollback()
        assert audit.read(connection) == []
        assert open_ones(connection) == 1


def test_the_audit_is_read_by_person_act_and_subject_page_by_page(connection: Connection) -> None:
    for number in range(5):
        audit.write(
            connection, "siti" if number % 2 else "rahim", "look", f"letter {number}", f"why {number}", n=number
        )

    assert [entry.subject for entry in audit.read(connection, who="siti")] == ["letter 3", "letter 1"]
    assert [entry.details["n"] for entry in audit.read(connection, subject="letter 2")] == [2]
    first = audit.read(connection, limit=2)
    assert [entry.subject for entry in audit.read(connection, before=first[-1].audit_id, limit=2)] == [
        "letter 2",
        "letter 1",
    ]
