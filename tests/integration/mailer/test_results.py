"""The five results of a mail, the skips, the repeats, and what each leaves behind."""

from dataclasses import replace
from uuid import uuid4

import pytest

from schemas.events import AccountWithdrawn, MailKind, MailResult
from shared.broker.verdicts import Dead, Done, Retry, Wait
from shared.store.tables import attempts, mails
from tests.integration.mailer.desk import THEN, Desk, delivery_of, mail_requested, request, settled
from tests.support.smtp import Drop, Late


def test_an_accepted_mail_starts_the_clock_and_is_told(desk: Desk) -> None:
    person = desk.person()

    (verdict,) = desk.mailer([request(person)])

    event, told = settled(verdict)
    row = desk.mail_row(person)
    (received,) = desk.relay.mails
    assert (received.sender, received.recipient) == ("no-reply@ispeks.localhost", person.email)
    assert f"Message-ID: <{person.mail_id}@ispeks.localhost>".encode() in received.content
    assert row["accepted_at"] == row["first_accepted_at"] == row["settled_at"] == told.settled_at == event.time
    assert (row["result"], row["attempts"], row["email"]) == ("accepted", 1, person.email)
    assert row["reply"] == told.reply == "250 2.0.0 Ok: queued"
    assert (told.result, told.mail_id, told.account_id) == (MailResult.ACCEPTED, person.mail_id, person.account_id)
    assert desk.inbox()[0]["outcome"] == "applied"
    assert desk.attempt_results(person) == ["accepted"]


def test_the_clock_is_the_databases(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 0.0)
    person = desk.person()

    desk.mailer([request(person)])

    with desk.engine.connect() as connection:
        now = connection.exec_driver_sql("SELECT now()").scalar_one()
    assert abs((now - desk.mail_row(person)["accepted_at"]).total_seconds()) < 60


def test_a_repeat_says_again_what_was_said_and_sends_nothing(desk: Desk) -> None:
    delivery = request(desk.person())

    (first,) = desk.mailer([delivery])
    (second,) = desk.mailer([replace(delivery, attempt=2)])

    assert settled(first)[0] == settled(second)[0]
    assert len(desk.relay.mails) == 1
    assert desk.count(attempts) == 1


def test_the_same_event_twice_in_a_batch_is_sent_once(desk: Desk) -> None:
    delivery = request(desk.person())

    first, second = desk.mailer([delivery, delivery])

    assert first == second
    assert len(desk.relay.mails) == 1


def test_one_id_for_two_events_is_dead(desk: Desk) -> None:
    one, two, three = (request(desk.person(), id="reused") for _ in range(3))

    first, second = desk.mailer([one, two])
    (third,) = desk.mailer([three])

    assert isinstance(first, Done)
    assert isinstance(second, Dead)
    assert isinstance(third, Dead)
    assert (second.reason, third.reason) == ("id_reused", "id_reused")
    assert len(desk.relay.mails) == 1


def test_two_events_for_one_mail_send_one(desk: Desk) -> None:
    person = desk.person()
    one, two = request(person), request(person)

    first, second = desk.mailer([one, two])
    (again,) = desk.mailer([two])

    assert isinstance(first, Done)
    assert not isinstance(second, Done | Dead | Retry)
    assert isinstance(again, Dead)
    assert again.reason == "mail_id_reused"
    assert len(desk.relay.mails) == 1


def test_what_is_no_mail_request_is_dead_and_harms_no_neighbour(desk: Desk) -> None:
    good = request(desk.person())
    deliveries = [
        replace(good, body=b"\xff"),
        replace(request(desk.person()), exchange="aktif.hr"),
        good,
        delivery_of(AccountWithdrawn(ic_number="850101030007"), source="/hr/kelantan", exchange="aktif.hr"),
    ]

    verdicts = desk.mailer(deliveries)

    reasons = [v.reason if isinstance(v, Dead) else None for v in verdicts]
    assert reasons == ["not_utf8", "wrong_exchange", None, "unexpected_type"]
    assert isinstance(verdicts[2], Done)
    assert len(desk.relay.mails) == 1


@pytest.mark.parametrize(
    ("link", "account", "reason"),
    [
        ({"mail_id": uuid4()}, {}, "newer_mail"),
        ({"superseded_at": THEN}, {}, "superseded"),
        ({"redeemed_at": THEN, "session_digest": "a" * 64}, {}, "redeemed"),
        ({}, {"state": "withdrawn"}, "withdrawn"),
        ({}, {"state": "active", "password_digest": "x", "activated_at": THEN}, "already_active"),
    ],
)
def test_an_obsolete_mail_is_settled_without_smtp(
    desk: Desk, link: dict[str, object], account: dict[str, object], reason: str
) -> None:
    person = desk.person()
    if link:
        desk.change_link(person, **link)
    if account:
        desk.change_account(person, **account)

    (verdict,) = desk.mailer([request(person)])

    told = settled(verdict)[1]
    assert (told.result, told.reply) == (MailResult.SKIPPED, reason)
    row = desk.mail_row(person)
    assert (row["result"], row["reply"], row["accepted_at"], row["attempts"]) == ("skipped", reason, None, 0)
    assert [(r["outcome"], r["reason"]) for r in desk.inbox()] == [("ignored", reason)]
    assert desk.relay.connections == 0


def test_an_unknown_link_or_account_is_dead_and_leaves_nothing(desk: Desk) -> None:
    person = desk.person()
    verdicts = desk.mailer(
        [
            delivery_of(mail_requested(person, link_id=uuid4())),
            delivery_of(mail_requested(person, MailKind.ACTIVATED, mail_id=uuid4(), account_id=uuid4())),
        ]
    )

    assert [v.reason for v in verdicts if isinstance(v, Dead)] == ["unknown_link", "unknown_account"]
    assert desk.inbox() == []
    assert desk.count(mails) == 0


def test_a_notice_is_sent_to_the_address_of_the_moment(desk: Desk) -> None:
    person = desk.person(state="active", password_digest="x", activated_at=THEN, password_set_at=THEN)
    desk.change_account(person, email="pegawai.baharu@example.gov.my")

    (verdict,) = desk.mailer([delivery_of(mail_requested(person, MailKind.PASSWORD_CHANGED))])

    assert settled(verdict)[1].result is MailResult.ACCEPTED
    assert desk.relay.mails[0].recipient == "pegawai.baharu@example.gov.my"
    assert b"Subject: Kata Laluan iSPEKS Telah Ditukar" in desk.relay.mails[0].content


@pytest.mark.parametrize("address", ["pegawai@example.gov.my>\r\nRCPT TO:<lain@example.com", "", "pegawai", "a@b@c.my"])
def test_an_address_that_is_none_never_reaches_the_wire(desk: Desk, address: str) -> None:
    person = desk.person()
    desk.change_account(person, email=address)

    (verdict,) = desk.mailer([request(person)])

    assert isinstance(verdict, Dead)
    assert verdict.reason == "bad_address"
    assert desk.relay.connections == 0


@pytest.mark.parametrize(("attempt", "wait"), [(1, Wait.S30), (2, Wait.M2), (3, Wait.M10), (4, Wait.H1)])
@pytest.mark.parametrize("step", ["rcpt", "data", "content"])
def test_4xx_is_tried_again_later(desk: Desk, step: str, attempt: int, wait: Wait) -> None:
    person = desk.person()
    desk.relay.answer(step, f"450 4.2.0 <{person.email}>: Greylisted")

    (verdict,) = desk.mailer([request(person, attempt=attempt)])

    assert verdict == Retry(wait, "transient")
    row = desk.mail_row(person)
    assert (row["result"], row["accepted_at"], row["attempts"]) == (None, None, 1)
    assert row["reply"] == "450 4.2.0 <address>: Greylisted"
    assert desk.inbox() == []


def test_after_the_hours_a_transient_failure_is_given_up_told_and_dead(desk: Desk) -> None:
    person = desk.person()
    desk.relay.answer("rcpt", "450 4.2.0 later", times=1)
    delivery = request(person, attempt=27)

    (verdict,) = desk.mailer([delivery])
    (again,) = desk.mailer([delivery])

    assert isinstance(verdict, Dead)
    assert (verdict.reason, verdict.detail) == ("gave_up", "450 4.2.0 later")
    assert settled(verdict)[1].result is MailResult.GAVE_UP
    assert again == verdict, "a redelivery before the letter is confirmed says the same and sends nothing"
    assert desk.attempt_results(person) == ["transient"]
    assert desk.mail_row(person)["result"] == "gave_up"
    assert desk.inbox() == []


def test_a_replay_of_what_was_given_up_is_tried_again(desk: Desk) -> None:
    person = desk.person()
    desk.relay.answer("rcpt", "450 4.2.0 later", times=1)
    delivery = request(person, attempt=27)
    (dead,) = desk.mailer([delivery])

    (verdict,) = desk.mailer([replace(delivery, attempt=1, replay=1)])

    assert settled(verdict)[1].result is MailResult.ACCEPTED
    assert settled(verdict)[0].id != settled(dead)[0].id
    assert desk.mail_row(person)["result"] == "accepted"


@pytest.mark.parametrize("step", ["rcpt", "data", "content"])
def test_5xx_is_this_addresss_end_and_no_dead_letter(desk: Desk, step: str) -> None:
    bad, good = desk.person("tiada@example.gov.my"), desk.person()
    desk.relay.answer(step, "550 5.1.1 No such user", to="tiada")

    verdicts = desk.mailer([request(bad), request(good)])

    assert [settled(v)[1].result for v in verdicts] == [MailResult.FAILED, MailResult.ACCEPTED]
    assert settled(verdicts[0])[1].reply == "550 5.1.1 No such user"
    assert {(r["outcome"], r["reason"]) for r in desk.inbox()} == {("rejected", "permanent"), ("applied", None)}
    assert desk.mail_row(bad)["accepted_at"] is None
    assert [m.recipient for m in desk.relay.mails] == [good.email]


@pytest.mark.parametrize("ending", [Drop(), Late(2.0, "250 2.0.0 Ok")])
def test_no_reply_after_the_content_is_unknown_three_times_at_most(desk: Desk, ending: Drop | Late) -> None:
    person = desk.person()
    desk.relay.answer("content", ending)
    mailer = desk.another(smtp_timeout=0.3)
    delivery = request(person)

    (first,) = mailer([delivery])
    row = desk.mail_row(person)
    assert first == Retry(Wait.S30, "unknown")
    assert row["accepted_at"] is not None, "it may be in the mailbox, so its clock runs"
    assert (row["result"], row["unknowns"]) == (None, 1)

    (second,) = mailer([replace(delivery, attempt=2)])
    (third,) = mailer([replace(delivery, attempt=3)])

    assert second == Retry(Wait.S30, "unknown")
    assert isinstance(third, Dead)
    assert third.reason == "gave_up"
    assert settled(third)[1].result is MailResult.GAVE_UP
    later = desk.mail_row(person)
    assert (later["unknowns"], later["result"]) == (3, "gave_up")
    assert later["first_accepted_at"] == row["first_accepted_at"] < later["accepted_at"]
    assert desk.attempt_results(person) == ["unknown"] * 3


def test_a_mail_of_unknown_result_keeps_its_message_id(desk: Desk) -> None:
    delivery = request(desk.person())
    seen: list[bytes] = []
    desk.relay.on_mail = lambda mail: seen.append(mail.content)
    desk.relay.answer("content", Drop(), times=1)

    desk.mailer([delivery])
    desk.mailer([replace(delivery, attempt=2)])

    assert len(seen) == 2
    assert seen[0] == seen[1]
