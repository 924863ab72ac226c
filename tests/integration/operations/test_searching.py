"""Finding letters about a person without saying who that is, and no masked number digit by digit."""

import json
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from shared.operations import audit, discard, letters, searching
from shared.operations.filters import NOBODY, Filter
from tests.integration.operations.conftest import put
from tests.integration.operations.test_letters import a_mail_given_up, an_account
from tests.support.letters import file_all, letter, registrations_dead
from tests.support.registrations import hr_event, ic_number, registration

OF_ID = "850707-07-0707/2021"


def numbers(connection: Connection, wanted: Filter) -> list[int]:
    return [line.letter_id for line in letters.page(connection, wanted).lines]


def test_letters_of_an_account_are_found_by_its_id_mails_too(engine: Engine, connection: Connection) -> None:
    account = an_account(connection)
    (own,) = file_all(engine, registrations_dead(1))
    mail, _ = a_mail_given_up(connection, engine, account)
    file_all(engine, registrations_dead(1, first=5))

    found = searching.letters(connection, "siti", ic_number(0))

    assert found == Filter(person=account)
    assert numbers(connection, found) == [mail, own]


def test_who_has_no_account_is_found_by_the_newest_letter(engine: Engine, connection: Connection) -> None:
    older, newer, _ = file_all(
        engine,
        [
            letter(hr_event("a", registration(1))),
            letter(hr_event("b", registration(1))),
            *registrations_dead(1, first=2),
        ],
    )

    found = searching.letters(connection, "siti", ic_number(1))

    assert found == Filter(person=newer)
    assert numbers(connection, found) == [newer, older]


def test_nobody_has_no_letters(engine: Engine, connection: Connection) -> None:
    file_all(engine, [letter(b"{", "not_json")])

    assert searching.letters(connection, "siti", "850707070707") == Filter(person=NOBODY)
    assert numbers(connection, Filter(person=NOBODY)) == []


def test_an_id_that_holds_a_number_is_listed_masked_and_still_found(engine: Engine, connection: Connection) -> None:
    (one,) = file_all(engine, [letter(hr_event(OF_ID, registration(3)))])

    found = searching.letters(connection, "siti", OF_ID)

    assert found == Filter(letters=(one,))
    assert letters.page(connection, found).lines[0].id == "8507********/2021"


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("850", True),
        ("8507", True),
        ("85070", False),
        ("850707", False),
        ("850707-", False),
        ("850707-0", False),
        ("850707-07-070", False),
        ("850707-07-0707", True),
        ("850707-07-0707/", True),
        ("850707-07-0707/2", True),
        (OF_ID, True),
        ("reg-12345", False),
        ("reg-123456", True),
    ],
)
def test_a_number_is_found_whole_and_not_digit_by_digit(
    engine: Engine, connection: Connection, text: str, is_found: bool
) -> None:
    file_all(engine, [letter(hr_event(OF_ID, registration(3))), letter(hr_event("reg-123456", registration(4)))])

    assert len(numbers(connection, Filter(text=text))) == is_found


def test_what_an_operator_gives_as_reason_and_filter_is_kept_masked(
    engine: Engine, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    file_all(engine, [letter(hr_event(OF_ID, registration(3)))])

    discard.discard(connection, Filter(text=OF_ID), "siti", "850707-07-0707 asks, a.b@example.gov.my")

    (entry,) = audit.read(connection)
    assert entry.reason == "8507******** asks, a***@example.gov.my"
    assert entry.details["filter"]["text"] == "8507********/2021"
    logged = capsys.readouterr()
    assert "850707-07-0707" not in json.dumps(row_of_audit(connection)) + logged.out + logged.err


def test_details_of_the_audit_are_masked_and_ids_of_ours_are_not(connection: Connection) -> None:
    ours = "12345678-1234-4234-8234-123456789012"

    audit.write(
        connection, "siti", "register_again", "letter 1", None, source="/hr/850707070707", event_id=ours, count=3
    )

    assert audit.read(connection)[0].details == {"source": "/hr/8507********", "event_id": ours, "count": 3}


def test_a_word_of_a_name_is_no_pattern(connection: Connection) -> None:
    an_account(connection)
    for name, typed in (("PEGAWAI CONTOH", "_EGAWAI CONTOH"), ("PEGAWAI CONTOH", "% CONTOH"), ("50% A_B", "50% A_B")):
        put(connection, "UPDATE accounts SET name = :name", name=name)
        sought = searching.Sought.of(typed)
        found = searching.accounts(connection, "siti", sought, in_part=False, limit=9)
        assert len(found) == (name == typed)


def row_of_audit(connection: Connection) -> list[Any]:
    """All of the audit, as it stands in the table."""
    rows = connection.exec_driver_sql("SELECT who, what, subject, reason, details FROM audit")
    return [list(row) for row in rows]
