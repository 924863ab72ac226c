"""What a relay says as it refuses us is written at the mail that met it, and costs that mail nothing."""

import ssl
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from schemas.events import MailResult
from services.mailer.relay import RelayDown
from services.mailer.worker import Mailer
from shared.broker.verdicts import Delivery, DependencyDown
from shared.store.tables import attempts
from tests.integration.mailer.desk import Desk, Person, request, results_of, settled
from tests.integration.mailer.test_relay import CERTIFICATE, REFUSED, free_port, one_at_a_time
from tests.support.smtp import SmtpServer

LOGIN = "aktif:rahsia"


@pytest.fixture
def strict() -> Iterator[SmtpServer]:
    """A relay that wants a login."""
    with SmtpServer(login=LOGIN) as server:
        yield server


def mailer_with(desk: Desk, login: str, port: int, scheme: str = "smtp") -> Mailer:
    """A mailer that logs in so, at this port."""
    return desk.another(smtp_url=SecretStr(f"{scheme}://{login}@127.0.0.1:{port}"))


def refused(mailer: Mailer, *deliveries: Delivery) -> DependencyDown:
    """Have the mailer meet the relay, which refuses it."""
    with pytest.raises(DependencyDown) as down:
        mailer(deliveries)
    assert down.value.what == "mail relay"
    assert not down.value.begun
    return down.value


def fails(down: DependencyDown) -> None:
    """Probe, in vain."""
    with pytest.raises(RelayDown):
        down.probe()


def told(desk: Desk, person: Person) -> list[tuple[str, int | None, str]]:
    """Result, code and reply of each attempt of a person's mail, in order."""
    found = select(attempts.c.result, attempts.c.smtp_code, attempts.c.reply).order_by(attempts.c.attempt_id)
    with desk.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(found.where(attempts.c.mail_id == person.mail_id))]


def test_a_relay_that_is_not_there_is_told_at_the_mail_in_words(desk: Desk) -> None:
    port, person = free_port(), desk.person()

    down = refused(mailer_with(desk, LOGIN, port), request(person))

    words = f"smtp://127.0.0.1:{port}: Connection refused"
    assert down.why == words
    assert told(desk, person) == [("misconfigured", None, words)]


@pytest.mark.parametrize(
    ("step", "reply"),
    [
        ("connect", "554 5.7.1 You are blocked"),
        ("auth", "535 5.7.8 Authentication credentials invalid"),
        ("auth", "454 4.7.0 Temporary authentication failure"),
        ("mail", "550 5.7.1 Sender rejected"),
    ],
)
def test_what_the_relay_said_is_told_and_counts_no_try(desk: Desk, strict: SmtpServer, step: str, reply: str) -> None:
    strict.answer(step, reply)
    person = desk.person()

    refused(mailer_with(desk, LOGIN, strict.port), request(person))

    row = desk.mail_row(person)
    assert (row["attempts"], row["result"], row["reply"], row["email"]) == (0, None, reply, person.email)
    assert told(desk, person) == [("misconfigured", int(reply[:3]), reply)]
    assert desk.inbox() == []


def test_a_relay_whose_certificate_nobody_vouches_for_is_told_with_what_to_do(desk: Desk) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    person = desk.person()

    with SmtpServer(tls=context, login=LOGIN) as relay:
        refused(mailer_with(desk, LOGIN, relay.port, "smtp+starttls"), request(person))

    ((result, code, reply),) = told(desk, person)
    assert (result, code) == ("misconfigured", None)
    assert "no authority that this machine trusts has signed the server's certificate; set SSL_CERT_FILE" in reply


@pytest.mark.parametrize("wrong", ["aktif:salah-sama-sekali", "no-reply%40ispeks.example:salah-sama-sekali"])
def test_a_relay_that_repeats_the_login_has_it_not_written(desk: Desk, strict: SmtpServer, wrong: str) -> None:
    user, _, password = wrong.replace("%40", "@").partition(":")
    encoded = [b64encode(part.encode()).decode() for part in (f"\0{user}\0{password}", user, password)]
    strict.answer("auth", f"535-5.7.8 {user} with ({password}) is wrong:\r\n535 5.7.8 AUTH PLAIN {' '.join(encoded)}")
    person = desk.person()

    down = refused(mailer_with(desk, wrong, strict.port), request(person))

    words = "535 5.7.8 <login> with (<login>) is wrong: AUTH PLAIN <login> <login> <login>"
    assert told(desk, person) == [("misconfigured", 535, words)]
    assert down.why == words


def test_many_mails_that_meet_one_refusal_tell_it_once(desk: Desk) -> None:
    desk.relay.answer("mail", "451 4.3.0 Server error")

    refused(desk.mailer, *(request(person) for person in desk.people(100)))

    assert desk.count(attempts) == 1
    assert desk.relay.said("MAIL") <= 2 * desk.mailer._transport.size


def test_each_address_that_is_refused_is_told_its_own(desk: Desk) -> None:
    one_at_a_time(desk)
    people = [desk.person(f"pegawai@jabatan{n}.example") for n in range(3)]
    desk.relay.answer("rcpt", REFUSED)

    refused(desk.mailer, *map(request, people))

    assert [told(desk, person) for person in people] == [[("misconfigured", 554, REFUSED)]] * 3


def test_new_words_of_a_pause_are_told_once_and_the_mail_goes_out_afterwards(desk: Desk) -> None:
    port, person = free_port(), desk.person()
    delivery, mailer = request(person), mailer_with(desk, "aktif:salah", port)
    down = refused(mailer, delivery)
    for _ in range(3):
        fails(down)
    assert len(told(desk, person)) == 1

    with SmtpServer(port=port, login=LOGIN) as back:
        for _ in range(3):
            fails(down)
        assert told(desk, person)[1:] == [("misconfigured", 535, "535 5.7.8 Error: refused")]
        assert desk.mail_row(person)["attempts"] == 0

        back.answer("auth", "235 2.7.0 Authentication successful")
        down.probe()
        assert settled(mailer([delivery])[0])[1].result is MailResult.ACCEPTED

    assert desk.attempt_results(person) == ["misconfigured", "misconfigured", "accepted"]
    assert desk.mail_row(person)["attempts"] == 1


def test_numbers_of_a_session_are_no_new_words(desk: Desk) -> None:
    desk.relay.answer("mail", "421 4.3.2 Busy, session a1b2")
    person = desk.person()
    down = refused(desk.mailer, request(person))
    desk.relay.answer("mail", "421 4.3.2 Busy, session c3d4")

    fails(down)

    assert len(told(desk, person)) == 1


def test_a_relay_that_says_something_else_each_time_fills_no_table(desk: Desk) -> None:
    desk.relay.answer("mail", "421 4.3.2 Busy")
    person = desk.person()
    down = refused(desk.mailer, request(person))
    for times in range(70):
        desk.relay.answer("mail", f"421 4.3.2 Busy {'x' * times}y")
        fails(down)

    assert len(told(desk, person)) == 51


def test_a_pause_for_the_relay_needs_no_database_and_tells_when_that_is_back(desk: Desk) -> None:
    desk.relay.answer("mail", "550 5.7.1 Sender rejected")
    person = desk.person()
    delivery = request(person)
    with ExitStack() as outage:
        mailer = desk.mailer
        mailer([])
        outage.enter_context(desk.standby())

        down = refused(mailer, delivery)
        fails(down)

        assert desk.count(attempts) == 0
    fails(down)
    fails(down)

    assert told(desk, person) == [("misconfigured", 550, "550 5.7.1 Sender rejected")]
    desk.relay.forget_rules()
    down.probe()
    assert results_of(mailer([delivery])) == ["done"]


def test_what_another_mailer_has_settled_meanwhile_stays_settled(desk: Desk) -> None:
    port, person = free_port(), desk.person()
    delivery = request(person)
    down = refused(mailer_with(desk, LOGIN, port), delivery)
    assert results_of(desk.another()([delivery])) == ["done"]

    with SmtpServer(port=port) as other:
        other.answer("mail", "550 5.7.1 Sender rejected")
        fails(down)

    row = desk.mail_row(person)
    assert (row["result"], row["attempts"], row["reply"]) == ("accepted", 1, "250 2.0.0 Ok: queued")
    assert desk.attempt_results(person) == ["misconfigured", "accepted"]


def test_a_replay_of_a_mail_given_up_that_meets_a_refusal_still_says_why_it_was_given_up(desk: Desk) -> None:
    mailer, person = desk.another(mail_retry_hours=0), desk.person()
    desk.relay.answer("rcpt", "451 4.3.2 Busy")
    assert results_of(mailer([request(person, attempt=9)])) == ["dead"]
    desk.relay.answer("mail", "550 5.7.1 Sender rejected")

    refused(mailer, request(person, replay=1))

    row = desk.mail_row(person)
    assert (row["result"], row["attempts"], row["reply"]) == ("gave_up", 1, "451 4.3.2 Busy")
    assert desk.attempt_results(person) == ["transient", "misconfigured"]
