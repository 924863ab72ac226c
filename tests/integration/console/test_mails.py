"""Mails by what became of them, and mailing again all that failed for one cause."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.cli.servers.ladder import Servers
from tests.support.console import OPERATOR, VIEWER, Console, console_on, registered, sends
from tests.support.smtp import SmtpServer
from tests.support.waiting import eventually

PEOPLE = [f"8504040404{number:02}" for number in range(6)]


@pytest.fixture(scope="module")
def relay() -> Iterator[SmtpServer]:
    """A mail server that refuses one domain for good."""
    with SmtpServer() as server:
        yield server


@pytest.fixture(scope="module")
def console(relay: SmtpServer, session_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """All of Aktif, six people, half of them with an address that is refused."""
    folder: Path = tmp_path_factory.mktemp("mails")
    with console_on(session_servers, folder, "state", "archivist") as found:
        for number in PEOPLE[:3]:
            relay.answer("rcpt", "550 5.1.1 No such user", to=f"p{number}@salah.example.my")
        found.world.start("mailer", AKTIF_SMTP_URL=relay.url)
        domains = ["salah.example.my"] * 3 + ["betul.example.my"] * 3
        found.publishes([registered(ic_number=ic, email=f"p{ic}@{of}") for ic, of in zip(PEOPLE, domains, strict=True)])
        eventually(
            "all are settled", lambda: found.asks("SELECT count(*) FROM mails WHERE result IS NOT NULL") == [(6,)]
        )
        yield found


def test_mails_are_grouped_by_result_reply_and_domain(console: Console) -> None:
    visitor = console.visited_by(VIEWER)

    page, failed = visitor.goes_to("/mails"), visitor.goes_to("/mails?result=failed&code=550&domain=SALAH.example.my")

    assert page.html.count("data-line") == 2
    assert failed.html.count("data-line") == 1
    assert "550 5.1.1 No such user" in failed.html
    assert "p***@salah.example.my" in failed.html
    assert not [number for number in PEOPLE if number in page.html + failed.html]


def test_all_that_failed_for_one_cause_are_mailed_again_once(console: Console, relay: SmtpServer) -> None:
    relay.forget_rules()
    visitor = console.visited_by(OPERATOR)
    asked = visitor.goes_to("/mails/resend?result=failed&code=550&domain=salah.example.my")

    refused = sends(visitor, asked, "/mails/resend", why="")
    first = sends(visitor, asked, "/mails/resend", why="domain dibaiki")
    again = sends(visitor, asked, "/mails/resend", why="tekan dua kali")

    assert asked.heading == "Mail 3 people again?"
    assert refused.status == 422
    assert "3 mails asked for" in first.html
    assert again.status == 200
    accepted = "SELECT count(*) FROM mails WHERE result = 'accepted'"
    eventually("all have theirs", lambda: console.asks(accepted) == [(6,)])
    resent = "SELECT count(*) FROM history WHERE event LIKE '%resend' AND outcome = 'applied'"
    assert console.asks(resent) == [(3,)]
    assert visitor.goes_to("/mails/resend?result=failed").heading == "Mail 0 people again?"
    ((subject, details),) = console.asks("SELECT subject, details FROM audit WHERE reason = 'domain dibaiki'")
    assert subject == "3 mails"
    assert details["cause"] == {"result": "failed", "code": "550", "domain": "salah.example.my"}
