"""What a relay's reply means, and how it is kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from schemas.fields import SmtpReply
from services.mailer.replies import Attempt, Reply, Result, Step, classify, presentable

ADDRESS = "pegawai.contoh@example.gov.my"
RECIPIENT_STEPS = (Step.RCPT, Step.DATA, Step.CONTENT)


@given(code=st.integers(200, 599), step=st.sampled_from([Step.CONNECT, Step.LOGIN, Step.MAIL]))
def test_what_is_refused_before_a_recipient_is_named_is_the_relays(code: int, step: Step) -> None:
    assert classify(step, code) is Result.MISCONFIGURED


@given(code=st.integers(400, 499), step=st.sampled_from(RECIPIENT_STEPS))
def test_4xx_is_transient(code: int, step: Step) -> None:
    assert classify(step, code) is Result.TRANSIENT


@given(
    code=st.integers(500, 599).filter(lambda c: c not in {530, 534, 535, 538}), step=st.sampled_from(RECIPIENT_STEPS)
)
def test_5xx_is_permanent(code: int, step: Step) -> None:
    assert classify(step, code) is Result.PERMANENT


@pytest.mark.parametrize("code", [530, 534, 535, 538])
@pytest.mark.parametrize("step", RECIPIENT_STEPS)
def test_a_wish_for_login_or_encryption_is_about_our_settings_wherever_it_is_said(step: Step, code: int) -> None:
    assert classify(step, code) is Result.MISCONFIGURED


@given(code=st.integers(0, 999), step=st.sampled_from(Step))
def test_accepted_is_only_a_2xx_after_the_content(code: int, step: Step) -> None:
    assert (classify(step, code) is Result.ACCEPTED) == (step is Step.CONTENT and 200 <= code <= 299)


@given(code=st.integers(0, 999))
def test_unknown_is_only_nonsense_after_the_content(code: int) -> None:
    unknown = classify(Step.CONTENT, code) is Result.UNKNOWN

    assert unknown == (code < 200 or 300 <= code < 400 or code >= 600)
    assert all(classify(step, code) is not Result.UNKNOWN for step in Step if step is not Step.CONTENT)


@pytest.mark.parametrize(
    ("text", "enhanced"),
    [
        ("5.1.1 No such user", "5.1.1"),
        ("5.7.26", "5.7.26"),
        ("No such user 5.1.1", None),
        ("5.1.1.2 x", None),
        ("", None),
    ],
)
def test_the_enhanced_code_stands_first(text: str, enhanced: str | None) -> None:
    assert Reply(550, text).enhanced == enhanced


@pytest.mark.parametrize(
    ("result", "step", "enhanced", "suspicious"),
    [
        (Result.PERMANENT, Step.RCPT, "5.7.1", True),
        (Result.PERMANENT, Step.RCPT, "5.1.1", False),
        (Result.PERMANENT, Step.CONTENT, "5.7.1", False),
        (Result.PERMANENT, Step.RCPT, None, False),
        (Result.TRANSIENT, Step.RCPT, "4.7.1", False),
    ],
)
def test_only_5_7_x_at_rcpt_is_suspicious(result: Result, step: Step, enhanced: str | None, suspicious: bool) -> None:
    assert Attempt(result, step, "…", 550, enhanced).is_suspicious is suspicious


def test_the_address_is_masked_however_it_is_written() -> None:
    reply = Reply(550, "5.1.1 <Pegawai.Contoh@EXAMPLE.gov.my>: pegawai.contoh@example.gov.my unknown")

    assert reply.without(ADDRESS) == "550 5.1.1 <address>: <address> unknown"


@given(text=st.text(max_size=2000))
def test_whatever_a_relay_says_can_be_kept_and_published(text: str) -> None:
    kept = presentable(text, ADDRESS)

    assert TypeAdapter(SmtpReply).validate_python(kept) == kept
    assert "\0" not in kept


def test_words_that_hold_digits_are_no_news_but_the_codes_are() -> None:
    def tried(code: int | None, enhanced: str | None, reply: str) -> Attempt:
        return Attempt(Result.MISCONFIGURED, Step.MAIL, reply, code, enhanced)

    busy = tried(421, "4.3.2", "421 4.3.2 Busy, session a1b2 at 08:00")

    assert busy.gist == tried(421, "4.3.2", "421 4.3.2 Busy, session 77 at 08:05").gist
    assert busy.gist != tried(421, "4.3.0", "421 4.3.0 Busy, session a1b2 at 08:00").gist
    assert busy.gist != tried(451, "4.3.2", "451 4.3.2 Busy, session a1b2 at 08:00").gist
    assert busy.gist != tried(421, "4.3.2", "421 4.3.2 Shutting down").gist
    assert tried(None, None, "smtp://a1:25: no answer in time").gist == (None, "no answer in time")
