from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from schemas.events import AccountActivated, EventData
from services.state.decisions import Decision, Link, Refused, State
from shared.links import Acceptance, Purpose
from tests.support.builders import (
    BROWSER,
    IC,
    OTHER_BROWSER,
    THEN,
    a_link,
    a_running_link,
    an_account,
    digest,
    password_set,
    questions_answered,
    questions_set,
    redeemed,
)
from tests.unit.state.life import Life, mails, minutes, said

Step = Callable[[UUID], EventData]
RECOVERY = Purpose.RECOVERY


def test_the_four_steps_of_a_person_end_in_active() -> None:
    link = a_link()
    life = Life(an_account(links=(link,)), now=THEN + minutes(10))

    assert said(life.happens(redeemed(link.link_id, THEN + minutes(1)))) == "applied redeemed"
    assert life.state.value == "redeemed"
    assert said(life.happens(questions_set(link.link_id), THEN + minutes(2))) == "applied questions_set"
    assert life.state.value == "questions_set"
    ruling = life.happens(password_set(link.link_id, mark="new"), THEN + minutes(3))

    assert said(ruling) == "applied activated"
    assert mails(ruling) == ["activated"]
    assert isinstance(ruling, Decision)
    assert life.account is not None
    assert ruling.causes[0] == AccountActivated(ic_number=IC, activated_at=life.now)
    assert (life.account.state, life.account.activated_at) == (State.ACTIVE, life.now)
    assert (life.account.password_digest, life.account.password_set_at) == (digest("new"), THEN + minutes(3))
    assert life.link.completed_at == THEN + minutes(3)


def test_a_recovery_changes_the_password_and_says_so() -> None:
    link = a_link(RECOVERY)
    life = Life(an_account(State.ACTIVE, links=(link,)), now=THEN + minutes(10))

    assert said(life.happens(redeemed(link.link_id, THEN + minutes(1)))) == "applied redeemed"
    assert said(life.happens(questions_answered(link.link_id), THEN + minutes(2))) == "applied questions_answered"
    ruling = life.happens(password_set(link.link_id, mark="new"), THEN + minutes(3))

    assert said(ruling) == "applied password_changed"
    assert mails(ruling) == ["password_changed"]
    assert life.account is not None
    assert (life.account.state, life.account.password_digest) == (State.ACTIVE, digest("new"))


@pytest.mark.parametrize("step", [redeemed, questions_set, questions_answered, password_set])
def test_a_link_that_nobody_issued_is_dead(step: Step) -> None:
    assert said(Life().happens(step(uuid4()))) == "dead unknown_link"
    assert said(Life(an_account()).happens(step(uuid4()))) == "dead unknown_link"


@pytest.mark.parametrize("step", [redeemed, questions_set, questions_answered, password_set])
@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_withdrawn_account_takes_no_step(step: Step, purpose: Purpose) -> None:
    link = a_link(purpose, superseded_at=THEN)

    assert said(Life(an_account(State.WITHDRAWN, links=(link,))).happens(step(link.link_id))) == "rejected withdrawn"


REDEMPTIONS = {
    "superseded": (State.REGISTERED, a_link(superseded_at=THEN), "rejected superseded"),
    "repeated": (State.QUESTIONS_SET, a_running_link(), "ignored repeated"),
    "elsewhere": (State.REDEEMED, a_running_link(browser=OTHER_BROWSER), "rejected redeemed_elsewhere"),
    "active": (State.ACTIVE, a_link(), "rejected already_active"),
    "completed": (State.ACTIVE, a_running_link(RECOVERY, completed_at=THEN), "rejected already_active"),
    "expired": (
        State.REGISTERED,
        a_link(acceptance=Acceptance(THEN - minutes(30), THEN - minutes(30))),
        "rejected expired",
    ),
    "unsent": (State.REGISTERED, a_link(acceptance=None, issued_at=THEN - minutes(600)), "applied redeemed"),
}


@pytest.mark.parametrize(("state", "link", "answer"), REDEMPTIONS.values(), ids=REDEMPTIONS)
def test_what_a_link_is_worth_when_it_is_redeemed(state: State, link: Link, answer: str) -> None:
    life = Life(an_account(state, links=(link,)))

    assert said(life.happens(redeemed(link.link_id))) == answer
    assert life.account is not None
    if not answer.startswith("applied"):
        assert life.account == an_account(state, account_id=life.account.account_id, links=(link,))


def test_expiry_is_judged_by_the_moment_of_redemption_however_late_it_is_worked() -> None:
    link = a_link()
    life = Life(an_account(links=(link,)), now=THEN + minutes(600))

    assert said(life.happens(redeemed(link.link_id, THEN + minutes(29)))) == "applied redeemed"


def test_a_repeated_redemption_keeps_the_earlier_moment() -> None:
    link = a_running_link()
    life = Life(an_account(State.REDEEMED, links=(link,)))

    life.happens(redeemed(link.link_id, THEN - minutes(1)))

    assert life.link.redeemed_at == THEN - minutes(1)


def test_a_redemption_more_than_five_minutes_ahead_is_dead() -> None:
    link = a_link()
    life = Life(an_account(links=(link,)))

    assert said(life.happens(redeemed(link.link_id, THEN + minutes(5.1)))) == "dead time_in_future"


def test_redeeming_a_newer_link_ends_the_older_session_and_forgets_its_questions() -> None:
    older, newer = a_running_link(), a_link()
    life = Life(an_account(State.QUESTIONS_SET, links=(older, newer)))

    assert said(life.happens(redeemed(newer.link_id, browser=OTHER_BROWSER))) == "applied redeemed"

    assert life.account is not None
    assert (life.account.state, life.account.questions) == (State.REDEEMED, ())
    assert life.account.links[0].superseded_at == THEN
    assert said(life.happens(password_set(older.link_id))) == "rejected superseded"


@pytest.mark.parametrize("attempt", [1, 2, 3])
@pytest.mark.parametrize("step", [questions_set, password_set])
def test_a_step_before_its_redemption_waits(step: Step, attempt: int) -> None:
    link = a_link()
    life = Life(an_account(links=(link,)))

    assert said(life.happens(step(link.link_id), attempt=attempt)) == "too early"


EARLY = {
    "questions before the redemption": (State.REGISTERED, a_link(), questions_set),
    "password before the redemption": (State.REGISTERED, a_link(), password_set),
    "password before the questions": (State.REDEEMED, a_running_link(), password_set),
    "answers before the redemption": (State.ACTIVE, a_link(RECOVERY), questions_answered),
    "new password before the answers": (State.ACTIVE, a_running_link(RECOVERY), password_set),
}


@pytest.mark.parametrize(("state", "link", "step"), EARLY.values(), ids=EARLY)
def test_a_step_whose_earlier_step_never_comes_is_out_of_order(state: State, link: Link, step: Step) -> None:
    account = an_account(state, links=(link,))
    life = Life(account)

    assert said(life.happens(step(link.link_id), attempt=3)) == "too early"
    assert said(life.happens(step(link.link_id), attempt=4)) == "rejected out_of_order"
    assert life.account == account


STEPS = {
    "questions": (State.REDEEMED, Purpose.ACTIVATION, questions_set),
    "password": (State.QUESTIONS_SET, Purpose.ACTIVATION, password_set),
    "answers": (State.ACTIVE, RECOVERY, questions_answered),
    "new password": (State.ACTIVE, RECOVERY, password_set),
}


@pytest.mark.parametrize(("state", "purpose", "step"), STEPS.values(), ids=STEPS)
def test_every_step_belongs_to_the_browser_that_redeemed_the_link(state: State, purpose: Purpose, step: Step) -> None:
    link = a_running_link(purpose, OTHER_BROWSER, questions_at=THEN if step is password_set else None)
    account = an_account(state, links=(link,))

    assert said(Life(account).happens(step(link.link_id))) == "rejected redeemed_elsewhere"


@pytest.mark.parametrize(("state", "purpose", "step"), STEPS.values(), ids=STEPS)
def test_every_step_is_judged_by_its_own_time(state: State, purpose: Purpose, step: Step) -> None:
    link = a_running_link(purpose, questions_at=THEN if step is password_set else None)
    account = an_account(state, links=(link,))

    in_time = Life(account, now=THEN + minutes(600)).happens(step(link.link_id), THEN + minutes(30))
    too_late = Life(account, now=THEN + minutes(600)).happens(step(link.link_id), THEN + minutes(30.01))

    assert said(in_time).startswith("applied")
    assert said(too_late) == "rejected session_expired"


def test_questions_replace_older_ones_until_a_password_is_set() -> None:
    link = a_running_link(questions_at=THEN + minutes(2))
    life = Life(an_account(State.QUESTIONS_SET, links=(link,)))

    assert said(life.happens(questions_set(link.link_id, mark="older"), THEN + minutes(1))) == "ignored stale"
    assert said(life.happens(questions_set(link.link_id, mark="newer"), THEN + minutes(3))) == "applied questions_set"
    assert life.account is not None
    assert life.account.questions is not None
    assert life.account.questions[0].digest == digest("newer")


def test_of_an_active_account_only_questions_from_before_its_password_are_taken() -> None:
    link = a_running_link(questions_at=THEN + minutes(1), completed_at=THEN + minutes(3))
    life = Life(an_account(State.ACTIVE, links=(link,)))

    assert said(life.happens(questions_set(link.link_id), THEN + minutes(2))) == "applied questions_set"
    assert life.account is not None
    assert life.account.state is State.ACTIVE
    assert said(life.happens(questions_set(link.link_id), THEN + minutes(3))) == "rejected already_active"


def test_of_one_sessions_passwords_the_earliest_wins_without_another_mail() -> None:
    link = a_running_link(questions_at=THEN, completed_at=THEN + minutes(3))
    account = an_account(State.ACTIVE, links=(link,), password_set_at=THEN + minutes(3))
    life = Life(account)

    assert said(life.happens(password_set(link.link_id), THEN + minutes(3))) == "ignored repeated"
    assert said(life.happens(password_set(link.link_id), THEN + minutes(4))) == "rejected already_active"
    assert said(life.happens(password_set(link.link_id, OTHER_BROWSER), THEN)) == "rejected already_active"
    assert life.account == account
    ruling = life.happens(password_set(link.link_id, mark="earlier"), THEN + minutes(2))

    assert said(ruling) == "applied earlier_password"
    assert mails(ruling) == []
    assert life.account is not None
    assert life.account.password_digest == digest("earlier")
    assert life.account.activated_at == account.activated_at


def test_an_earlier_password_of_the_activation_never_undoes_a_recovery() -> None:
    link = a_running_link(questions_at=THEN, completed_at=THEN + minutes(3))
    recovered = an_account(State.ACTIVE, links=(link,), password_set_at=THEN + minutes(90))
    life = Life(recovered)

    assert said(life.happens(password_set(link.link_id), THEN + minutes(2))) == "ignored stale"
    assert life.account is not None
    assert life.account.password_digest == recovered.password_digest


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_replayed_password_never_takes_the_place_of_one_that_the_person_set_since(purpose: Purpose) -> None:
    link = a_running_link(purpose, questions_at=THEN, completed_at=THEN + minutes(3))
    account = an_account(State.ACTIVE, links=(link,), password_set_at=THEN + minutes(3))
    life = Life(account)

    assert said(life.happens(password_set(link.link_id, mark="earlier"), THEN + minutes(2), replay=1)) == (
        "ignored stale"
    )
    assert life.account == account


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_replayed_password_is_set_where_its_session_has_set_no_other(purpose: Purpose) -> None:
    link = a_running_link(purpose, questions_at=THEN + minutes(1))
    state = State.QUESTIONS_SET if purpose is Purpose.ACTIVATION else State.ACTIVE
    life = Life(an_account(state, links=(link,)), now=THEN + minutes(600))

    assert said(life.happens(password_set(link.link_id, mark="mine"), THEN + minutes(2), replay=1)).startswith(
        "applied"
    )
    assert life.account is not None
    assert life.account.password_digest == digest("mine")


def test_repeated_answers_change_nothing() -> None:
    link = a_running_link(RECOVERY, questions_at=THEN)
    life = Life(an_account(State.ACTIVE, links=(link,)))

    assert said(life.happens(questions_answered(link.link_id))) == "ignored repeated"


def test_questions_are_set_through_activation_links_and_answered_through_recovery_links() -> None:
    activation, recovering = a_running_link(), a_running_link(RECOVERY)

    early = Life(an_account(State.REDEEMED, links=(activation,)))
    active = Life(an_account(State.ACTIVE, links=(recovering,)))

    assert said(early.happens(questions_answered(activation.link_id))) == "rejected wrong_purpose"
    assert said(active.happens(questions_set(recovering.link_id))) == "rejected wrong_purpose"


def test_a_browser_that_is_not_the_sessions_cannot_activate() -> None:
    link = a_running_link(browser=BROWSER, questions_at=THEN)
    life = Life(an_account(State.QUESTIONS_SET, links=(link,)))

    assert said(life.happens(password_set(link.link_id, OTHER_BROWSER))) == "rejected redeemed_elsewhere"
    assert said(life.happens(password_set(link.link_id, BROWSER))) == "applied activated"


def test_a_question_outside_the_catalogue_is_refused() -> None:
    link = a_running_link()
    life = Life(an_account(State.REDEEMED, links=(link,)), now=THEN + minutes(10))
    known = questions_set(link.link_id)
    unknown = known.model_copy(
        update={"answers": (*known.answers[:2], known.answers[2].model_copy(update={"question": "shoe_size"}))}
    )

    ruling = life.happens(unknown, THEN + minutes(2))

    assert isinstance(ruling, Refused)
    assert (ruling.reason, ruling.field) == ("bad_field", "data.answers")


def test_activation_leaves_no_link_that_looks_usable() -> None:
    running, live = a_running_link(questions_at=THEN + minutes(1)), a_link()
    life = Life(an_account(State.QUESTIONS_SET, links=(running, live)), now=THEN + minutes(10))

    life.happens(password_set(running.link_id), THEN + minutes(2))

    assert life.state is State.ACTIVE
    assert life.account is not None
    assert life.account.live(Purpose.ACTIVATION) is None
