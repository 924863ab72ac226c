"""When to try again, what to skip, and whose fault a refusal is."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.envelope import decode, encode
from schemas.events import Lane, MailKind, MailRequested, MailResult
from services.mailer.mails import Job, Known
from services.mailer.replies import Attempt, Result, Step
from services.mailer.rules import Refusals, delay_after, judge, moment_of, settle, was_given_up_before
from shared.broker.verdicts import Dead, Delivery, Wait

NOW = datetime(2026, 1, 11, 8, tzinfo=UTC)
MAIL, ACCOUNT, LINK = uuid4(), uuid4(), uuid4()
ADDRESS = "pegawai.contoh@example.gov.my"
KNOWN = Known(
    digest=None,
    outgoing=None,
    state="registered",
    name="PEGAWAI CONTOH",
    email=ADDRESS,
    registered_at=NOW,
    activated_at=None,
    password_set_at=None,
    link_account=ACCOUNT,
    purpose="activation",
    latest_mail=MAIL,
    redeemed_at=None,
    superseded_at=None,
    attempts=None,
    unknowns=None,
    result=None,
    reply=None,
    settled_at=None,
)
NOTICE = replace(KNOWN, state="active", link_account=None, purpose=None, latest_mail=None)


def job(
    kind: MailKind = MailKind.ACTIVATION, known: Known = KNOWN, *, attempt: int = 1, link: UUID | None = LINK
) -> Job:
    request = MailRequested(mail_id=MAIL, account_id=ACCOUNT, link_id=link, kind=kind)
    body = encode(request, id=str(uuid4()), source="/aktif/state", time=NOW)
    delivery = Delivery(body, None, "aktif.events", Lane.LIVE, attempt)
    return Job(delivery, decode(body, "aktif.events"), request, known)


def tried(result: Result, step: Step = Step.RCPT) -> Attempt:
    return Attempt(result, step, "450 4.2.0 later", 450, "4.2.0", 12)


@pytest.mark.parametrize(
    ("attempt", "wait"), [(1, Wait.S30), (2, Wait.M2), (3, Wait.M10), (4, Wait.H1), (26, Wait.H1), (27, None)]
)
def test_the_delays_of_a_day(attempt: int, wait: Wait | None) -> None:
    assert delay_after(attempt, 24) is wait


@given(hours=st.integers(0, 240))
def test_the_waits_stay_within_the_hours_and_use_them(hours: int) -> None:
    waited, attempt = 0, 1
    while wait := delay_after(attempt, hours):
        waited += wait.seconds
        attempt += 1

    assert waited <= hours * 3600
    assert hours == 0 or waited > (hours - 1) * 3600
    assert all(delay_after(later, hours) is None for later in range(attempt, attempt + 5))


def test_a_mail_whose_link_is_live_is_sent() -> None:
    assert judge(job()) is None
    assert judge(job(MailKind.RECOVERY, replace(KNOWN, purpose="recovery", state="active"))) is None


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (replace(KNOWN, latest_mail=uuid4()), "newer_mail"),
        (replace(KNOWN, superseded_at=NOW), "superseded"),
        (replace(KNOWN, redeemed_at=NOW), "redeemed"),
        (replace(KNOWN, state="withdrawn"), "withdrawn"),
        (replace(KNOWN, state="active"), "already_active"),
    ],
)
def test_an_obsolete_mail_is_skipped(known: Known, reason: str) -> None:
    assert judge(job(known=known)) == reason


@pytest.mark.parametrize(
    "known",
    [
        replace(KNOWN, link_account=None, purpose=None, latest_mail=None),
        replace(KNOWN, link_account=uuid4()),
        replace(KNOWN, purpose="recovery"),
    ],
)
def test_a_link_that_the_account_has_not_is_dead(known: Known) -> None:
    decision = judge(job(known=known))

    assert isinstance(decision, Dead)
    assert (decision.reason, decision.field) == ("unknown_link", "data.link_id")


@pytest.mark.parametrize("kind", [MailKind.ACTIVATED, MailKind.PASSWORD_CHANGED])
def test_a_notice_needs_an_account_only(kind: MailKind) -> None:
    assert judge(job(kind, NOTICE, link=None)) is None
    assert judge(job(kind, replace(NOTICE, state="withdrawn"), link=None)) == "withdrawn"

    unknown = judge(job(kind, replace(NOTICE, state=None), link=None))
    assert isinstance(unknown, Dead)
    assert unknown.reason == "unknown_account"


def test_a_mail_settled_for_another_event_is_not_sent_again() -> None:
    for result in ("accepted", "failed", "skipped"):
        decision = judge(job(known=replace(KNOWN, result=result)))
        assert isinstance(decision, Dead)
        assert decision.reason == "mail_id_reused"
    assert judge(job(known=replace(KNOWN, result="gave_up"))) is None


@pytest.mark.parametrize(
    ("result", "settled", "retry", "taken"),
    [
        (Result.ACCEPTED, MailResult.ACCEPTED, None, True),
        (Result.PERMANENT, MailResult.FAILED, None, False),
        (Result.TRANSIENT, None, Wait.S30, False),
        (Result.UNKNOWN, None, Wait.S30, True),
    ],
)
def test_what_becomes_of_a_first_try(
    result: Result, settled: MailResult | None, retry: Wait | None, taken: bool
) -> None:
    settlement = settle(job(), tried(result), 24)

    assert (settlement.result, settlement.retry, settlement.taken) == (settled, retry, taken)
    assert settlement.tries == 1


def test_a_relay_that_refuses_us_settles_no_mail() -> None:
    with pytest.raises(ValueError, match="settles no mail"):
        settle(job(), tried(Result.MISCONFIGURED, Step.MAIL), 24)


def test_transient_failures_are_given_up_after_the_hours() -> None:
    assert settle(job(attempt=26), tried(Result.TRANSIENT), 24).result is None
    assert settle(job(attempt=27), tried(Result.TRANSIENT), 24).result is MailResult.GAVE_UP


def test_an_unknown_result_is_tried_three_times_at_most() -> None:
    settlements = [
        settle(job(known=replace(KNOWN, unknowns=before)), tried(Result.UNKNOWN), 24) for before in (None, 1, 2)
    ]

    assert [s.result for s in settlements] == [None, None, MailResult.GAVE_UP]
    assert [s.unknowns for s in settlements] == [1, 2, 3]
    assert all(s.taken for s in settlements)


def test_a_replay_of_what_was_given_up_begins_anew() -> None:
    given_up = replace(KNOWN, result="gave_up", unknowns=3, attempts=5)

    settlement = settle(job(known=given_up), tried(Result.UNKNOWN), 24)

    assert (settlement.result, settlement.unknowns, settlement.tries) == (None, 1, 6)
    assert not was_given_up_before(job(known=given_up, attempt=1))
    assert was_given_up_before(job(known=given_up, attempt=2))


def test_the_mail_names_the_time_it_is_about() -> None:
    later = datetime(2026, 2, 1, tzinfo=UTC)
    known = replace(NOTICE, activated_at=later, password_set_at=later)

    assert moment_of(job()) == NOW
    assert moment_of(job(MailKind.ACTIVATED, known, link=None)) == later
    assert moment_of(job(MailKind.PASSWORD_CHANGED, known, link=None)) == later


def test_three_domains_in_a_row_are_the_relays() -> None:
    refusals = Refusals()
    for address in ("a@one.example", "b@one.example", "c@ONE.example", "d@two.example"):
        refusals.add(address)
        assert not refusals.are_of_the_relay
    refusals.add("e@three.example")
    assert refusals.are_of_the_relay

    refusals.clear()
    refusals.add("f@four.example")
    assert not refusals.are_of_the_relay
