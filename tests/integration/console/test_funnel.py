"""The board's word on a mail server that refuses us: from a mailer's refusal until its mail waits no more."""

from collections.abc import Callable

import pytest
from sqlalchemy import insert, text

from services.console.funnel import _REFUSED, Refusal, numbers
from shared.broker.verdicts import DependencyDown
from shared.store.tables import attempts, letters
from tests.integration.mailer.conftest import desk as desk
from tests.integration.mailer.conftest import relay as relay
from tests.integration.mailer.desk import Desk, Person, request, results_of

SAID = "550 5.7.1 Sender rejected"


def refusal(desk: Desk) -> Refusal | None:
    """What the board is told."""
    with desk.engine.begin() as connection:
        return numbers(connection).refusal


def refused(desk: Desk) -> Person:
    """Somebody whose mail met a relay that refuses us."""
    person = desk.person()
    desk.relay.answer("mail", SAID)
    with pytest.raises(DependencyDown):
        desk.mailer([request(person)])
    found = refusal(desk)
    assert found is not None
    assert (found.reply, found.code) == (SAID, 550)
    return person


def test_nothing_is_said_before_a_mail_was_tried(desk: Desk) -> None:
    assert refusal(desk) is None


def is_sent(desk: Desk, person: Person) -> None:
    desk.relay.forget_rules()
    assert results_of(desk.mailer([request(person)])) == ["done"]


def is_withdrawn(desk: Desk, person: Person) -> None:
    desk.change_account(person, state="withdrawn")
    assert results_of(desk.mailer([request(person)])) == ["done"]
    assert desk.mail_row(person)["result"] == "skipped"


def has_no_address_any_more(desk: Desk, person: Person) -> None:
    desk.change_account(person, email="")
    assert results_of(desk.mailer([request(person)])) == ["dead"]
    body = request(person).body
    row = {"service": "mailer", "source": "s", "id": "1", "queue": "mailer.bulk", "origin": "aktif.events"}
    row["type"] = "aktif.MailRequested.v1"
    with desk.engine.begin() as connection:
        connection.execute(insert(letters).values(**row, reason="bad_address", fingerprint="f", body=body, headers={}))


def is_followed_by_one_that_goes_out(desk: Desk, _: Person) -> None:
    desk.relay.forget_rules()
    assert results_of(desk.mailer([request(desk.person())])) == ["done"]


@pytest.mark.parametrize(
    "ends", [is_sent, is_withdrawn, has_no_address_any_more, is_followed_by_one_that_goes_out], ids=lambda f: f.__name__
)
def test_a_refusal_is_said_until_its_mail(desk: Desk, ends: Callable[[Desk, Person], None]) -> None:
    person = refused(desk)

    ends(desk, person)

    assert refusal(desk) is None


def test_a_replay_of_a_mail_given_up_that_meets_a_refusal_is_said_too(desk: Desk) -> None:
    person, mailer = desk.person(), desk.another(mail_retry_hours=0)
    desk.relay.answer("rcpt", "451 4.3.2 Busy")
    assert results_of(mailer([request(person, attempt=9)])) == ["dead"]
    desk.relay.answer("mail", SAID)

    with pytest.raises(DependencyDown):
        mailer([request(person, replay=1)])

    assert refusal(desk) is not None


def test_a_million_attempts_are_not_read(desk: Desk) -> None:
    """By its plan, which is the same for a thousand."""
    person = refused(desk)
    row = {"mail_id": person.mail_id, "email": person.email, "result": "accepted", "milliseconds": 1}
    with desk.engine.begin() as connection:
        connection.execute(insert(attempts), [row] * 1000)
        connection.execute(text("ANALYZE attempts"))
        plan = connection.execute(text(f"EXPLAIN {_REFUSED.text}")).scalars().all()

    assert any("Index Scan Backward using pk_attempts" in line for line in plan)
    assert not any("Seq Scan on attempts" in line for line in plan)
