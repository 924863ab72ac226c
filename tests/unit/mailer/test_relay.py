"""Why a relay cannot be used, in words, and never with what we logged in with."""

import smtplib
import socket
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.mailer.relay import RelayAddress, failure
from services.mailer.replies import Result, Step

RELAY = RelayAddress.parse("smtp://no-reply%40ispeks.example:rahsia@mail.example:2525")
SECRETS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=8, max_size=20)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (TimeoutError("timed out"), "no answer in time"),
        (smtplib.SMTPServerDisconnected("Connection unexpectedly closed"), "Connection unexpectedly closed"),
        (smtplib.SMTPConnectError(-1, b"\x16\x03\x01"), "what answers there speaks no SMTP"),
        (smtplib.SMTPException("No suitable authentication method found."), "No suitable authentication method found."),
        (
            smtplib.SMTPNotSupportedError("SMTP AUTH extension not supported by server."),
            "the relay offers no login; take user and password out of AKTIF_SMTP_URL, or name a port where it does",
        ),
        (UnicodeEncodeError("ascii", "rahsi\xe4", 5, 6, "ordinal not in range"), "the login cannot be said in SMTP"),
        (OSError(), "OSError"),
    ],
)
def test_what_the_network_says_is_put_in_words_with_the_relays_address(error: Exception, words: str) -> None:
    found = failure(RELAY, error)

    assert found.reply == f"smtp://mail.example:2525: {words}"
    assert (found.result, found.step, found.code, found.enhanced) == (Result.MISCONFIGURED, Step.CONNECT, None, None)


@pytest.mark.parametrize(
    ("error", "step"),
    [
        (smtplib.SMTPConnectError(554, b"5.7.1 You are blocked"), Step.CONNECT),
        (smtplib.SMTPHeloError(554, b"5.7.1 You are\n5.7.1 blocked"), Step.CONNECT),
        (smtplib.SMTPResponseException(554, "5.7.1 You are blocked"), Step.CONNECT),
        (smtplib.SMTPAuthenticationError(554, b"5.7.1 You are blocked"), Step.LOGIN),
    ],
)
def test_what_the_relay_says_is_kept_as_it_says_it(error: Exception, step: Step) -> None:
    found = failure(RELAY, error)

    assert (found.reply, found.step) == ("554 5.7.1 You are blocked", step)
    assert (found.code, found.enhanced) == (554, "5.7.1")


@given(user=SECRETS, password=SECRETS)
def test_a_reply_that_repeats_the_login_is_kept_without_it(user: str, password: str) -> None:
    relay = RelayAddress("smtp", "mail.example", 25, user, password)
    said = [user, password, *(b64encode(one.encode()).decode() for one in (user, password, f"\0{user}\0{password}"))]

    found = failure(relay, smtplib.SMTPAuthenticationError(535, f"5.7.8 refused: {' '.join(said)}".encode()))

    assert found.reply == "535 5.7.8 refused: <login> <login> <login> <login> <login>"


def test_a_relay_without_login_has_nothing_to_hide() -> None:
    relay = RelayAddress.parse("smtp://mail.example")

    assert failure(relay, smtplib.SMTPConnectError(554, b"5.7.1 no")).reply == "554 5.7.1 no"
