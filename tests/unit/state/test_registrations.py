from datetime import timedelta

import pytest

from schemas.events import EventData
from services.state.decisions import Account, State
from shared.links import Purpose
from tests.support.builders import (
    HR,
    IC,
    THEN,
    a_link,
    a_running_link,
    an_account,
    registration,
    withdrawal,
)
from tests.unit.state.life import Life, mails, minutes, said

LATER = THEN + minutes(1)
EARLIER = THEN - minutes(1)


def test_a_new_person_is_registered_and_mailed_a_link() -> None:
    life = Life()

    ruling = life.happens(registration())

    assert said(ruling) == "applied registered"
    assert mails(ruling) == ["activation"]
    assert life.account is not None
    assert (life.account.state, life.account.hr_source, life.account.hr_time) == (State.REGISTERED, HR, THEN)
    assert life.link.is_live
    assert life.link.mail_id is not None


def test_without_notify_no_mail_goes_out_until_it_is_asked_for() -> None:
    life = Life()

    ruling = life.happens(registration(notify=False))

    assert said(ruling) == "applied registered"
    assert mails(ruling) == []
    assert life.account is not None
    assert life.account.links == ()


def test_the_same_details_change_nothing_but_the_order_by_hrs_clock() -> None:
    life = Life(an_account(links=(a_link(),)))

    ruling = life.happens(registration(), LATER, source="/hr/johor")

    assert said(ruling) == "ignored unchanged"
    assert life.account is not None
    assert (life.account.hr_time, life.account.hr_source) == (LATER, "/hr/johor")
    assert said(life.happens(registration(name="ORANG LAIN"), LATER - minutes(0.5))) == "ignored stale"


def test_the_same_details_with_notify_mail_a_person_who_was_never_mailed() -> None:
    life = Life(an_account())

    ruling = life.happens(registration(), LATER)

    assert said(ruling) == "applied notified"
    assert mails(ruling) == ["activation"]


def test_a_correction_keeps_the_link_that_is_on_its_way() -> None:
    link = a_link()
    life = Life(an_account(links=(link,)))

    ruling = life.happens(registration(name="PEGAWAI CONTOH BIN CONTOH"), LATER)

    assert said(ruling) == "applied corrected"
    assert mails(ruling) == []
    assert life.account is not None
    assert life.account.name == "PEGAWAI CONTOH BIN CONTOH"
    assert life.account.links == (link,)


@pytest.mark.parametrize("state", [State.REGISTERED, State.REDEEMED, State.QUESTIONS_SET])
def test_a_changed_address_starts_over(state: State) -> None:
    life = Life(an_account(state, links=(a_link(), a_running_link())), now=LATER)

    ruling = life.happens(registration(email="pegawai.baru@example.gov.my"))

    assert said(ruling) == "applied address_changed"
    assert mails(ruling) == ["activation"]
    assert life.account is not None
    assert (life.account.state, life.account.questions) == (State.REGISTERED, ())
    assert [link.superseded_at for link in life.account.links] == [LATER, LATER, None]


def test_a_changed_address_without_notify_leaves_no_link_and_a_later_notify_mails() -> None:
    life = Life(an_account(links=(a_link(),)))
    new = registration(email="pegawai.baru@example.gov.my", notify=False)

    assert mails(life.happens(new, LATER)) == []

    assert said(life.happens(new, LATER)) == "ignored unchanged"
    assert said(life.happens(new.model_copy(update={"notify": True}), LATER)) == "applied notified"


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("data", [registration(name="ORANG LAIN"), withdrawal()], ids=["registration", "withdrawal"])
def test_what_is_older_by_hrs_clock_is_stale_in_every_state(state: State, data: EventData) -> None:
    account = an_account(state)
    life = Life(account)

    assert said(life.happens(data, EARLIER)) == "ignored stale"
    assert life.account == account


@pytest.mark.parametrize("data", [registration(name="ORANG LAIN"), withdrawal()], ids=["registration", "withdrawal"])
def test_an_active_account_is_changed_by_neither(data: EventData) -> None:
    account = an_account(State.ACTIVE)
    life = Life(account)

    assert said(life.happens(data, LATER)) == "rejected already_active"
    assert life.account == account


@pytest.mark.parametrize("data", [registration(), withdrawal()], ids=["registration", "withdrawal"])
@pytest.mark.parametrize("account", [None, an_account()], ids=["unknown", "registered"])
def test_a_clock_more_than_five_minutes_ahead_is_refused(data: EventData, account: Account | None) -> None:
    life = Life(account)

    assert said(life.happens(data, THEN + minutes(5) + timedelta(microseconds=1))) == "dead time_in_future"
    assert life.account == account
    assert said(life.happens(data, THEN + minutes(5))) != "dead time_in_future"


def test_of_equal_times_the_later_arrival_wins() -> None:
    life = Life(an_account(links=(a_link(),)))

    assert said(life.happens(registration(name="ORANG LAIN"), THEN)) == "applied corrected"


@pytest.mark.parametrize("state", [State.REGISTERED, State.REDEEMED, State.QUESTIONS_SET])
def test_a_withdrawal_before_activation_takes_link_session_and_questions(state: State) -> None:
    life = Life(an_account(state, links=(a_link(), a_running_link())), now=LATER)

    assert said(life.happens(withdrawal())) == "applied withdrawn"
    assert life.account is not None
    assert (life.account.state, life.account.questions) == (State.WITHDRAWN, ())
    assert all(link.superseded_at == LATER for link in life.account.links)


def test_a_withdrawal_may_arrive_before_the_registration_that_it_takes_back() -> None:
    life = Life()

    assert said(life.happens(withdrawal(), LATER)) == "applied withdrawn_before_registration"
    assert life.account is not None
    assert (life.account.ic_number, life.account.name) == (IC, None)
    assert said(life.happens(registration(), THEN)) == "ignored stale"
    assert life.account.state is State.WITHDRAWN


def test_a_repeated_withdrawal_advances_the_order() -> None:
    life = Life(an_account(State.WITHDRAWN))

    assert said(life.happens(withdrawal(), LATER)) == "ignored repeated"
    assert said(life.happens(registration(), THEN)) == "ignored stale"


def test_a_withdrawn_person_can_be_registered_again_and_gets_a_new_link() -> None:
    life = Life(an_account(State.WITHDRAWN, links=(a_link(superseded_at=THEN),)))

    ruling = life.happens(registration(email="pegawai.baru@example.gov.my"), LATER)

    assert said(ruling) == "applied reinstated"
    assert mails(ruling) == ["activation"]
    assert life.account is not None
    assert (life.account.state, life.account.email) == (State.REGISTERED, "pegawai.baru@example.gov.my")
    assert life.account.live(Purpose.ACTIVATION) is life.link
