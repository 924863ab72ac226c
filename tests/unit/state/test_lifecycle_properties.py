"""What holds of every story, not only of those we thought of."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.envelope import Event
from schemas.events import AccountActivated, EventData, MailRequested, TokenRedeemed
from services.state.decisions import Account, Decision, State, TooEarly
from services.state.lifecycle import COLUMNS, CONSUMED, TRANSITIONS
from shared.links import Purpose
from tests.support.builders import (
    BROWSER,
    OPERATOR,
    OTHER_BROWSER,
    THEN,
    a_link,
    an_account,
    event,
    password_set,
    questions_answered,
    questions_set,
    recovery,
    redeemed,
    registration,
    resend,
    withdrawal,
)
from tests.unit.state.life import Life, minutes

AFTERWARDS = THEN + timedelta(hours=3)


def work_off(life: Life, events: Sequence[Event]) -> list[EventData]:
    """Work events in order, one that is too early again after the others; returns what they caused."""
    caused: list[EventData] = []
    queue = deque((event, 1) for event in events)
    while queue:
        event, attempt = queue.popleft()
        ruling = life.sees(event, attempt)
        if isinstance(ruling, TooEarly):
            queue.append((event, attempt + 1))
        elif isinstance(ruling, Decision):
            caused += ruling.causes
    return caused


def essence(account: Account | None) -> Any:
    """An account as it matters once its session is over, when the moment of redemption no longer does."""
    assert account is not None
    links = tuple(replace(link, redeemed_at=THEN) for link in account.links)
    return replace(account, links=links, questions=account.questions or ())


def kinds(caused: Sequence[EventData]) -> list[str]:
    return sorted(data.kind if isinstance(data, MailRequested) else type(data).__name__ for data in caused)


@st.composite
def one_activation(draw: st.DrawFn) -> tuple[Account, list[Event]]:
    """A session as a browser lives it: redemptions, then questions, then passwords; each perhaps more than once."""
    link = a_link()
    seconds = sorted(draw(st.lists(st.integers(0, 1500), min_size=3, max_size=7, unique=True)))
    first_password = draw(st.integers(2, len(seconds) - 1))
    first_questions = draw(st.integers(1, first_password - 1))
    events = []
    for place, at in enumerate(THEN + timedelta(seconds=second) for second in seconds):
        if place < first_questions:
            events.append(event(redeemed(link.link_id, at), at))
        elif place < first_password:
            events.append(event(questions_set(link.link_id, mark=f"q{place}"), at))
        else:
            events.append(event(password_set(link.link_id, mark=f"p{place}"), at))
    return an_account(links=(link,)), events


@st.composite
def one_recovery(draw: st.DrawFn) -> tuple[Account, list[Event]]:
    link = a_link(Purpose.RECOVERY)
    first, second, *third = sorted(draw(st.lists(st.integers(0, 1500), min_size=3, max_size=5, unique=True)))
    at = [THEN + timedelta(seconds=second) for second in (first, second, *third)]
    events = [
        event(redeemed(link.link_id, at[0]), at[0]),
        event(questions_answered(link.link_id), at[1]),
        *(event(password_set(link.link_id, mark=f"p{place}"), moment) for place, moment in enumerate(at[2:])),
    ]
    return an_account(State.ACTIVE, links=(link,)), events


@given(st.one_of(one_activation(), one_recovery()), st.data())
def test_any_order_of_one_sessions_events_ends_in_the_same_place(
    story: tuple[Account, list[Event]], data: st.DataObject
) -> None:
    account, events = story
    in_order, shuffled = Life(account, AFTERWARDS), Life(account, AFTERWARDS)

    caused_in_order = work_off(in_order, events)
    caused_shuffled = work_off(shuffled, data.draw(st.permutations(events)))

    assert essence(shuffled.account) == essence(in_order.account)
    assert in_order.account is not None
    assert in_order.account.state is State.ACTIVE
    assert kinds(caused_shuffled) == kinds(caused_in_order)


HR_EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["registration", "correction", "other address", "withdrawal"]),
        st.integers(0, 10_000),
        st.booleans(),
    ),
    min_size=1,
    max_size=7,
    unique_by=lambda drawn: drawn[1],
)


def hr_event(kind: str, second: int, notify: bool) -> Event:
    at = THEN + timedelta(seconds=second)
    source = f"/hr/s{second % 3}"
    if kind == "withdrawal":
        return event(withdrawal(), at, source=source)
    changes: dict[str, Any] = {"notify": notify}
    if kind == "correction":
        changes["name"] = f"PEGAWAI NOMBOR {second}"
    elif kind == "other address":
        changes["email"] = f"pegawai{second}@example.gov.my"
    return event(registration(**changes), at, source=source)


def as_hr_sees_it(account: Account | None) -> Any:
    """Withdrawn, only that counts: a withdrawal that overtook its registration left no details."""
    assert account is not None
    order = account.state, account.hr_time, account.hr_source
    if account.state is State.WITHDRAWN:
        return order
    return *order, account.name, account.email, account.registered_at


@given(HR_EVENTS, st.data())
def test_registrations_end_as_ordered_by_hrs_clock_whatever_the_arrival(
    drawn: list[tuple[str, int, bool]], data: st.DataObject
) -> None:
    by_time = sorted((hr_event(*one) for one in drawn), key=lambda event: event.time)
    in_order, shuffled = Life(now=AFTERWARDS), Life(now=AFTERWARDS)

    work_off(in_order, by_time)
    work_off(shuffled, data.draw(st.permutations(by_time)))

    assert as_hr_sees_it(shuffled.account) == as_hr_sees_it(in_order.account)


@given(
    st.lists(
        st.tuples(st.sampled_from([BROWSER, OTHER_BROWSER, "c" * 64]), st.integers(0, 20)), min_size=2, max_size=4
    ),
    st.data(),
)
def test_of_competing_sessions_exactly_one_wins_whatever_the_arrival(
    attempts: list[tuple[str, int]], data: st.DataObject
) -> None:
    link = a_link()
    life = Life(an_account(links=(link,)), AFTERWARDS)
    events = []
    for place, (browser, minute) in enumerate(attempts):
        at = THEN + minutes(minute)
        events += [
            event(redeemed(link.link_id, at, browser), at),
            event(questions_set(link.link_id, browser), at + minutes(1)),
            event(password_set(link.link_id, browser, mark=f"p{place}"), at + minutes(2)),
        ]
    arrived = data.draw(st.permutations(events))

    caused = work_off(life, arrived)

    winner = next(one.data.session_digest for one in arrived if isinstance(one.data, TokenRedeemed))
    assert life.account is not None
    assert life.account.state is State.ACTIVE
    assert life.link.session_digest == winner
    assert sum(isinstance(data, AccountActivated) for data in caused) == 1
    won = {password_set(link.link_id, mark=f"p{n}").password_digest for n, (b, _) in enumerate(attempts) if b == winner}
    assert life.account.password_digest in won


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), min_size=1, max_size=12))
def test_sessions_of_two_links_leave_at_most_one_running_and_one_live(drawn: list[tuple[int, int]]) -> None:
    older = a_link(redeemed_at=THEN, session_digest=BROWSER)
    life = Life(an_account(State.REDEEMED, links=(older, a_link())), THEN + minutes(2))
    assert life.account is not None
    links = [link.link_id for link in life.account.links]

    for which, what in drawn:
        link_id, browser = links[which], (BROWSER, OTHER_BROWSER)[which]
        life.happens(
            [
                redeemed(link_id, life.now, browser),
                questions_set(link_id, browser),
                password_set(link_id, browser),
                resend(),
                registration(email=f"p{which}@example.gov.my"),
                recovery(),
            ][what],
            source=OPERATOR if what == 3 else None,
        )
        life.now += minutes(1)

        for purpose in Purpose:
            of_purpose = [link for link in life.account.links if link.purpose is purpose]
            assert sum(link.is_live for link in of_purpose) <= 1
            assert sum(link.is_running for link in of_purpose) <= 1


STEPS = st.sampled_from(
    ["registration", "correction", "withdrawal", "resend", "recovery", "redeemed", "questions_set", "password_set"]
)


def step(kind: str, account: Account | None, at: datetime) -> Event | None:
    makers: dict[str, Any] = {
        "registration": registration,
        "correction": lambda: registration(name="ORANG LAIN", notify=False),
        "withdrawal": withdrawal,
        "resend": resend,
        "recovery": recovery,
    }
    if kind in makers:
        return event(makers[kind](), at)
    if account is None or not account.links:
        return None
    link_id = account.links[-1].link_id
    data = {
        "redeemed": redeemed(link_id, at),
        "questions_set": questions_set(link_id),
        "password_set": password_set(link_id),
    }[kind]
    return event(data, at)


@given(st.lists(STEPS, min_size=1, max_size=12))
def test_the_same_thing_said_twice_changes_the_account_once(drawn: list[str]) -> None:
    """Not the inbox's work (the same event twice): two events that say the same, one right after the other."""
    life = Life()
    for kind in drawn:
        life.now += minutes(1)
        happened = step(kind, life.account, life.now)
        if happened is None:
            continue
        life.sees(happened)
        once = life.account

        again = life.sees(happened)

        assert life.account == once
        assert not isinstance(again, Decision) or not any(isinstance(data, MailRequested) for data in again.causes)


def test_the_table_has_a_rule_for_every_event_in_every_state() -> None:
    assert set(COLUMNS) == {None, *State}
    assert all(len(rules) == len(COLUMNS) for rules in TRANSITIONS.values())
    assert {model for model, purpose in TRANSITIONS if purpose is Purpose.ACTIVATION} == {
        model for model, purpose in TRANSITIONS if purpose is Purpose.RECOVERY
    }
    assert len(CONSUMED) == len({model for model, _ in TRANSITIONS})
