"""The batch shell on a real database: neighbours, repeats, reused ids, and what is written and published."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
import structlog

from schemas.events import Exchange, Lane, MailResult, MailSettled
from shared.broker.verdicts import Delivery, Done, Retry, Wait
from tests.integration.state.desk import Desk, body_of, published
from tests.support.builders import (
    HR,
    IC,
    OPERATOR,
    PORTAL,
    THEN,
    delivery,
    password_set,
    questions_answered,
    questions_set,
    recovery,
    redeemed,
    registration,
    resend,
    withdrawal,
)
from tests.unit.state.life import minutes

OTHER_IC = "900202035008"


ODD_NAMES = ["NULL", "null", '"', "\\", '\\"', "{A,B}", "A,B", "D'ARC", "阿", "%s :name $1", "\\x41"]


def newest_link(desk: Desk) -> UUID:
    link_id: UUID = desk.rows("SELECT link_id FROM links ORDER BY issued_at DESC LIMIT 1")[0][0]
    return link_id


def mail_accepted(desk: Desk, link_id: UUID) -> None:
    """As the mailer leaves it: the newest mail of a link, accepted a minute ago."""
    desk.rows(
        "INSERT INTO mails (mail_id, account_id, link_id, kind, lane, requested_at, first_accepted_at, accepted_at) "
        "SELECT mail_id, account_id, link_id, purpose, 'live', mail_requested_at, now() - interval '1 minute', "
        "now() - interval '1 minute' FROM links WHERE link_id = :link",
        link=link_id,
    )


def test_a_registration_is_kept_and_its_mail_asked_for_in_its_lane(desk: Desk) -> None:
    (verdict,) = desk.handler([delivery(registration(), id="first", lane=Lane.BULK)])

    assert isinstance(verdict, Done)
    (mail,) = verdict.outgoing
    assert (mail.exchange, mail.routing_key) == ("aktif.events", "bulk.MailRequested")
    account_id, link_id, mail_id = desk.rows(
        "SELECT account_id, link_id, mail_id FROM accounts JOIN links USING (account_id)"
    )[0]
    assert body_of(mail)["data"] == {
        "mail_id": str(mail_id),
        "account_id": str(account_id),
        "link_id": str(link_id),
        "kind": "activation",
    }
    assert desk.inbox() == [("/hr/kelantan", "first", "applied", "registered")]
    assert desk.rows("SELECT from_state, to_state, event_time FROM history") == [(None, "registered", THEN)]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_whatever_a_person_is_called_is_kept_as_it_is(desk: Desk, name: str) -> None:
    source = "/hr/kelantan"

    assert desk.works(delivery(registration(name=name), id=name, source=source)) == ["done"]
    assert desk.works(delivery(registration(OTHER_IC), id="other"), delivery(registration(name=name), id=name)) == [
        "done",
        "done",
    ]

    assert desk.rows("SELECT name FROM accounts WHERE ic_number = :ic", ic=IC) == [(name,)]
    assert (source, name, "applied", "registered") in desk.inbox()
    assert len(desk.timeline()) == 2


def test_the_journey_of_a_person_in_one_batch_a_step(desk: Desk) -> None:
    desk.works(delivery(registration()))
    link = newest_link(desk)
    mail_accepted(desk, link)
    now = desk.rows("SELECT now()")[0][0]

    assert desk.works(delivery(redeemed(link, now), now)) == ["done"]
    assert desk.works(delivery(questions_set(link), now + minutes(1))) == ["done"]
    verdicts = desk.handler([delivery(password_set(link), now + minutes(2))])

    events = published(verdicts)
    assert [event.routing_key for event in events] == ["kelantan.AccountActivated", "live.MailRequested"]
    assert desk.rows("SELECT ic_number FROM credentials") == [(IC,)]
    assert desk.rows("SELECT count(*) FROM questions") == [(3,)]
    assert desk.timeline() == [
        "ActivationRequested.registration: applied registered",
        "TokenRedeemed: applied redeemed",
        "QuestionsSet: applied questions_set",
        "PasswordSet: applied activated",
    ]


def test_the_journey_of_a_person_in_one_batch(desk: Desk) -> None:
    desk.works(delivery(registration()))
    link = newest_link(desk)
    now = desk.rows("SELECT now()")[0][0]

    verdicts = desk.works(
        delivery(redeemed(link, now), now),
        delivery(questions_set(link), now + minutes(1)),
        delivery(password_set(link), now + minutes(2)),
    )

    assert verdicts == ["done"] * 3
    assert desk.states() == {IC: "active"}


def test_bad_messages_harm_no_neighbour(desk: Desk) -> None:
    good, other_good = delivery(registration()), delivery(registration(OTHER_IC))
    not_json = replace(good, body=b"{")
    wrong_exchange = replace(delivery(password_set(uuid4())), exchange=Exchange.HR.value)
    bad_ic = replace(good, body=good.body.replace(IC.encode(), b"859999030007"))

    verdicts = desk.works(
        not_json,
        good,
        wrong_exchange,
        delivery(redeemed(uuid4())),
        bad_ic,
        delivery(registration("700303037007"), THEN + minutes(60 * 24 * 365 * 50)),
        other_good,
    )

    assert verdicts == [
        "dead not_json",
        "done",
        "dead wrong_exchange",
        "dead unknown_link",
        "dead bad_ic_number",
        "dead time_in_future",
        "done",
    ]
    assert desk.states() == {IC: "registered", OTHER_IC: "registered"}


def test_hr_is_told_of_its_own_bad_events_and_nobody_of_the_portals(desk: Desk) -> None:
    good = delivery(registration(), id="mine")
    bad = replace(good, body=good.body.replace(IC.encode(), b"859999030007"))
    worse = replace(good, body=good.body.replace(b"pegawai.contoh@", b"pegawai contoh"))

    verdicts = desk.handler([bad, worse, delivery(redeemed(uuid4()))])

    first, second = published(verdicts)
    assert (first.exchange, first.routing_key) == ("aktif.feed", "kelantan.EventRejected")
    assert body_of(first)["data"]["rejected_id"] == "mine"
    assert (body_of(first)["data"]["reason"], body_of(first)["data"]["field"]) == ("bad_ic_number", "data.ic_number")
    assert body_of(second)["data"]["field"] == "data.email"
    assert first.id != second.id
    assert [event.id for event in published(desk.handler([bad, worse]))] == [first.id, second.id]


def test_a_rejection_is_told_to_hr_but_not_to_the_portal(desk: Desk) -> None:
    desk.works(delivery(registration()), delivery(withdrawal(), THEN + minutes(1)))

    by_hr, *others = desk.handler([delivery(resend(), source=source) for source in (HR, OPERATOR, PORTAL)])

    (told,) = published(by_hr)
    assert (told.routing_key, body_of(told)["data"]["reason"]) == ("kelantan.EventRejected", "withdrawn")
    assert published(others) == []


def test_what_is_too_early_waits_and_leaves_no_row(desk: Desk) -> None:
    desk.works(delivery(registration()))
    link = newest_link(desk)

    (verdict,) = desk.handler([delivery(questions_set(link))])

    assert verdict == Retry(Wait.S5, "too_early")
    assert len(desk.inbox()) == 1
    assert desk.works(delivery(questions_set(link), attempt=4)) == ["done"]
    assert desk.timeline()[-1] == "QuestionsSet: rejected out_of_order"


def test_an_event_without_an_account_leaves_its_row_and_no_history(desk: Desk) -> None:
    assert desk.works(delivery(resend(), id="nobody", source="/portal")) == ["done"]

    assert desk.inbox() == [("/portal", "nobody", "ignored", "unknown_account")]
    assert desk.timeline() == []


def test_links_sessions_and_questions_are_written_in_an_order_that_the_indexes_allow(desk: Desk) -> None:
    """In one batch a session ends and the next begins: each index allows one row of an account at any moment."""
    desk.works(delivery(registration()))
    first = newest_link(desk)
    now = desk.rows("SELECT now()")[0][0]
    desk.works(delivery(redeemed(first, now), now), delivery(resend(), now, source=OPERATOR))
    second = newest_link(desk)

    desk.works(delivery(questions_set(first), now + minutes(1)))
    assert desk.rows("SELECT count(*) FROM questions") == [(3,)]

    with structlog.testing.capture_logs() as logs:
        verdicts = desk.works(
            delivery(questions_set(first, mark="new"), now + minutes(2)),
            delivery(redeemed(second, now, "b" * 64), now),
            delivery(resend(), now, source=OPERATOR),
        )

    assert verdicts == ["done"] * 3
    assert logs == []
    assert desk.rows("SELECT count(*) FROM links WHERE superseded_at IS NOT NULL") == [(1,)]
    assert desk.rows("SELECT count(*) FROM questions") == [(0,)]
    assert desk.states() == {IC: "redeemed"}


def test_one_recovery_ends_and_the_next_begins_in_one_batch(desk: Desk) -> None:
    test_the_journey_of_a_person_in_one_batch(desk)
    now = desk.rows("SELECT now()")[0][0]
    desk.works(delivery(recovery()))
    first = newest_link(desk)
    desk.works(delivery(redeemed(first, now), now))
    desk.rows("UPDATE accounts SET resent_at = '{}'")
    desk.works(delivery(recovery()))
    second = newest_link(desk)
    assert first != second
    # As the worst plan might have it: the one that ends is met last.
    desk.rows("UPDATE links SET issued_at = issued_at + interval '1 hour' WHERE link_id = :first", first=first)

    with structlog.testing.capture_logs() as logs:
        verdicts = desk.works(
            delivery(questions_answered(first), now + minutes(1)),
            delivery(password_set(first, mark="new"), now + minutes(2)),
            delivery(redeemed(second, now, "b" * 64), now),
        )

    assert verdicts == ["done"] * 3
    assert logs == []
    assert desk.timeline()[-3:] == [
        "QuestionsAnswered: applied questions_answered",
        "PasswordSet: applied password_changed",
        "TokenRedeemed: applied redeemed",
    ]


def test_acceptance_is_read_where_the_mailer_wrote_it(desk: Desk) -> None:
    desk.works(delivery(registration()))
    link = newest_link(desk)
    mail_accepted(desk, link)
    desk.rows("UPDATE mails SET accepted_at = now() - interval '31 minutes', first_accepted_at = accepted_at")
    desk.rows("UPDATE mails SET first_accepted_at = now() - interval '31 minutes'")
    now = desk.rows("SELECT now()")[0][0]

    assert desk.works(delivery(redeemed(link, now), now), delivery(resend(), now)) == ["done", "done"]

    assert desk.timeline()[1:] == [
        "TokenRedeemed: rejected expired",
        "ActivationRequested.resend: applied new_link",
    ]


def test_hr_learns_of_the_latest_mails_failure(desk: Desk) -> None:
    desk.works(delivery(registration()))
    account_id, link_id, mail_id = desk.rows("SELECT account_id, link_id, mail_id FROM links")[0]
    settled = MailSettled(
        mail_id=mail_id,
        account_id=account_id,
        link_id=link_id,
        result=MailResult.FAILED,
        settled_at=THEN,
        reply="550 5.1.1 no such user",
    )

    verdicts = desk.handler([delivery(settled)])

    (told,) = published(verdicts)
    assert told.routing_key == "kelantan.MailUndeliverable"
    assert body_of(told)["data"]["smtp_code"] == 550
    assert desk.rows("SELECT detail->>'result' FROM history WHERE event = 'MailSettled'") == [("failed",)]


def test_a_resend_in_the_batch_of_the_registration_counts(desk: Desk) -> None:
    desk.works(delivery(registration()), delivery(resend()), delivery(resend()))

    assert desk.timeline()[1:] == [
        "ActivationRequested.resend: applied same_link",
        "ActivationRequested.resend: ignored throttled",
    ]
    assert desk.rows("SELECT cardinality(resent_at) FROM accounts") == [(1,)]
    assert desk.works(delivery(resend())) == ["done"]
    assert desk.timeline()[-1] == "ActivationRequested.resend: ignored throttled"


def test_more_than_a_batch_is_worked_in_several(desk: Desk) -> None:
    deliveries: list[Delivery] = [delivery(registration(f"850101{number:06d}")) for number in range(501)]

    assert desk.works(*deliveries) == ["done"] * 501
    assert desk.rows("SELECT count(*), count(DISTINCT at) FROM state_inbox") == [(501, 2)]
