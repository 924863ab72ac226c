from datetime import timedelta

import pytest

from schemas.events import MailRequested, MailResult, MailUndeliverable, Recovery, Resend
from services.state.decisions import Account, Decision, Link, State
from services.state.mailing import smtp_codes
from shared.links import Acceptance, Purpose
from tests.support.builders import (
    HR,
    OPERATOR,
    PORTAL,
    THEN,
    a_link,
    a_running_link,
    an_account,
    mail_settled,
    recovery,
    resend,
)
from tests.unit.state.life import Life, mails, minutes, said

BEFORE_ACTIVE = [State.REGISTERED, State.REDEEMED, State.QUESTIONS_SET]


@pytest.mark.parametrize("state", BEFORE_ACTIVE)
@pytest.mark.parametrize("data", [resend(), recovery()], ids=["resend", "recovery"])
def test_a_resend_mails_the_same_link_again(state: State, data: Resend | Recovery) -> None:
    link = a_link()
    life = Life(an_account(state, links=(link,)), now=THEN + minutes(5))

    ruling = life.happens(data)

    assert said(ruling) == "applied same_link"
    assert mails(ruling) == ["activation"]
    assert life.link.link_id == link.link_id
    assert life.link.mail_id != link.mail_id
    assert life.link.mail_requested_at == life.now
    assert isinstance(ruling, Decision)
    assert ruling.causes[0].model_dump()["mail_id"] == life.link.mail_id


NO_LONGER_MAILED = {
    "expired": a_link(acceptance=Acceptance(THEN - minutes(31), THEN - minutes(31))),
    "at its 24 h": a_link(acceptance=Acceptance(THEN - minutes(24 * 60 - 29), THEN - minutes(1))),
}


@pytest.mark.parametrize("link", NO_LONGER_MAILED.values(), ids=NO_LONGER_MAILED)
def test_a_link_that_cannot_promise_its_minutes_is_superseded_by_a_new_one(link: Link) -> None:
    life = Life(an_account(links=(link,)))

    ruling = life.happens(resend())

    assert said(ruling) == "applied new_link"
    assert life.account is not None
    assert [old.superseded_at for old in life.account.links] == [THEN, None]


def test_a_link_that_no_mail_server_has_taken_does_not_age() -> None:
    life = Life(an_account(links=(a_link(acceptance=None),)), now=THEN + timedelta(days=3))

    assert said(life.happens(resend())) == "applied same_link"


def test_a_resend_leaves_a_running_session_alone() -> None:
    running = a_running_link()
    life = Life(an_account(State.QUESTIONS_SET, links=(running,)))

    assert said(life.happens(resend())) == "applied new_link"

    assert life.account is not None
    assert life.account.links[0] == running
    assert life.account.state is State.QUESTIONS_SET


def test_a_second_resend_within_the_cool_down_is_throttled() -> None:
    life = Life(an_account(links=(a_link(),)))
    life.happens(resend())

    life.now = THEN + timedelta(seconds=59)
    assert said(life.happens(resend())) == "ignored throttled"
    life.now = THEN + timedelta(seconds=60)
    assert said(life.happens(resend())) == "applied same_link"


def test_ten_resends_a_day_are_granted_and_the_eleventh_when_the_first_is_a_day_old() -> None:
    life = Life(an_account())
    for count in range(10):
        life.now = THEN + minutes(10 * count)
        assert said(life.happens(resend())).startswith("applied")

    life.now = THEN + timedelta(hours=23)
    assert said(life.happens(resend())) == "ignored throttled"
    life.now = THEN + timedelta(hours=24)
    assert said(life.happens(resend())).startswith("applied")
    assert life.account is not None
    assert len(life.account.resent_at) == 10


def test_operators_are_never_throttled_and_use_up_nobodys_resends() -> None:
    life = Life(an_account(resent_at=(THEN,)))

    assert said(life.happens(resend(), source=OPERATOR)) == "applied new_link"
    assert life.account is not None
    assert life.account.resent_at == (THEN,)


@pytest.mark.parametrize("source", [HR, PORTAL])
@pytest.mark.parametrize(
    ("account", "answer"),
    [
        (None, "ignored unknown_account"),
        (an_account(State.WITHDRAWN), "rejected withdrawn"),
        (an_account(State.ACTIVE), "rejected already_active"),
    ],
)
def test_a_resend_that_is_not_granted(source: str, account: Account | None, answer: str) -> None:
    assert said(Life(account).happens(resend(), source=source)) == answer


def test_recovery_of_an_active_account_has_a_link_of_its_own_purpose() -> None:
    life = Life(an_account(State.ACTIVE, links=(a_running_link(completed_at=THEN),)))

    ruling = life.happens(recovery())

    assert mails(ruling) == ["recovery"]
    assert life.link.purpose is Purpose.RECOVERY
    assert said(life.happens(recovery())) == "ignored throttled"
    life.now += minutes(2)
    assert said(life.happens(recovery())) == "applied same_link"


@pytest.mark.parametrize(
    ("account", "answer"),
    [(None, "ignored unknown_account"), (an_account(State.WITHDRAWN), "rejected withdrawn")],
)
def test_a_recovery_that_is_not_granted(account: Account | None, answer: str) -> None:
    assert said(Life(account).happens(recovery())) == answer


def test_hr_is_told_that_the_latest_mail_of_a_live_link_cannot_be_delivered() -> None:
    link = a_link()
    account = an_account(links=(link,))

    ruling = Life(account).happens(mail_settled(account, link))

    assert said(ruling) == "applied failed"
    assert isinstance(ruling, Decision)
    assert ruling.causes == (
        MailUndeliverable(
            ic_number=account.ic_number,
            email=str(account.email),
            result=MailResult.FAILED,
            smtp_code=550,
            enhanced_code="5.1.1",
            reply="550 5.1.1 no such user here",
            failed_at=THEN,
        ),
    )
    assert ruling.detail == {"mail_id": str(link.mail_id), "result": "failed", "reply": "550 5.1.1 no such user here"}


OLD_NEWS = {
    "redeemed": a_running_link(),
    "superseded": a_link(superseded_at=THEN),
    "mailed again": a_link(mail_id=None),
}


@pytest.mark.parametrize("link", OLD_NEWS.values(), ids=OLD_NEWS)
def test_of_any_other_mail_hr_is_not_told(link: Link) -> None:
    account = an_account(links=(link,))

    ruling = Life(account).happens(mail_settled(account, account.links[0], mail_id=account.account_id))

    assert said(ruling) == "ignored not_current"
    assert isinstance(ruling, Decision)
    assert ruling.causes == ()


def test_a_mail_that_was_accepted_is_noted() -> None:
    link = a_link()
    account = an_account(links=(link,))

    assert said(Life(account).happens(mail_settled(account, link, MailResult.ACCEPTED))) == "applied accepted"
    assert said(Life(account).happens(mail_settled(account, link, MailResult.SKIPPED))) == "ignored skipped"


def test_a_mail_of_no_known_account_is_ignored() -> None:
    assert said(Life().happens(mail_settled(an_account(), a_link()))) == "ignored unknown_account"


def test_state_does_not_work_what_it_publishes() -> None:
    account, link = an_account(), a_link()
    mail = MailRequested(
        mail_id=account.account_id, account_id=account.account_id, link_id=link.link_id, kind="activation"
    )

    assert said(Life(account).happens(mail)) == "dead unexpected_type"


@pytest.mark.parametrize(
    ("reply", "codes"),
    [
        ("550 5.1.1 no such user", (550, "5.1.1")),
        ("550-5.1.1 no such user", (550, "5.1.1")),
        ("452 4.2.2", (452, "4.2.2")),
        ("550 no such user", (550, None)),
        ("550 10.0.0.1 refused", (550, None)),
        ("550 5.1.1.9 odd", (550, None)),
        ("gone", (None, None)),
        ("", (None, None)),
        (None, (None, None)),
    ],
)
def test_the_codes_at_the_head_of_a_reply(reply: str | None, codes: tuple[int | None, str | None]) -> None:
    assert smtp_codes(reply) == codes
