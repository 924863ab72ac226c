"""The board: a new operator finds out from it alone what is wrong, and what to do."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from importlib.metadata import version
from pathlib import Path

import pytest

from services.cli.servers.ladder import Servers
from tests.support.console import OPERATOR, VIEWER, Console, console_on, registered
from tests.support.smtp import SmtpServer
from tests.support.waiting import eventually
from tests.support.web import Visitor

REFUSED = "535 5.7.8 Authentication credentials invalid"


@pytest.fixture(scope="module")
def relay() -> Iterator[SmtpServer]:
    """A mail server that refuses logins."""
    with SmtpServer(login="aktif:betul") as server:
        server.answer("auth", REFUSED)
        yield server


@pytest.fixture(scope="module")
def console(relay: SmtpServer, session_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """State, archivist and portal at work, and a mailer whose mail server refuses its login."""
    folder: Path = tmp_path_factory.mktemp("board")
    with console_on(session_servers, folder, "state", "archivist", "portal") as found:
        found.world.start("mailer", AKTIF_SMTP_URL=relay.url.replace("smtp://", "smtp://aktif:salah@"))
        yield found


def shows(visitor: Visitor, *words: str) -> bool:
    """Whether the board says all of this now."""
    html = unescape(visitor.goes_to("/").html)
    return all(word in html for word in words)


def said_by(console: Console, *arguments: str) -> str:
    """What a command prints, on the same servers."""
    settings = {
        "AKTIF_AMQP_URL": console.world.amqp_url,
        "AKTIF_BROKER_API_URL": console.world.servers.broker_api_url,
        "AKTIF_DATABASE_URL": console.world.database_url,
    }
    command = [sys.executable, "-m", "services.cli", *arguments]
    return subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, check=True).stdout


def test_a_mail_server_that_refuses_logins_is_said_with_its_words_and_what_to_do_until_it_is_mended(
    console: Console, relay: SmtpServer
) -> None:
    console.publishes([registered(ic_number=f"85050505{number:04}") for number in range(5)])
    visitor = console.visited_by(VIEWER)

    eventually(
        "the board quotes it",
        lambda: shows(visitor, f"The mail server refuses our login: “{REFUSED}”"),
        within=60,
        every=0.5,
    )
    assert shows(visitor, "Correct user and password in AKTIF_SMTP_URL and restart the mailer")
    assert shows(visitor, "<strong>5</strong>registered", "<strong>0</strong>mailed")
    assert REFUSED in visitor.goes_to("/mails?result=trying&code=535").html
    ((account,),) = console.asks("SELECT account_id FROM mails WHERE reply = :reply", reply=REFUSED)
    ((ic_number,),) = console.asks("SELECT ic_number FROM accounts WHERE account_id = :id", id=account)
    page = visitor.goes_to(f"/accounts/{account}").html
    assert REFUSED in page
    assert "The mail server does not let the mailer in" in page
    assert REFUSED in said_by(console, "account", ic_number)
    paused = f"waits for its mail server: “{REFUSED}”"
    eventually("the mailer is said to wait", lambda: shows(visitor, paused, "see mailer below"), within=120)
    assert not shows(visitor, "start <code>aktif mailer</code>")

    relay.forget_rules()
    relay.answer("auth", "235 2.7.0 Authentication successful")

    eventually("it is no longer said", lambda: not shows(visitor, "The mail server refuses"), within=60, every=0.5)
    eventually("all are mailed", lambda: shows(visitor, "<strong>5</strong>mailed"), within=60, every=0.5)
    assert set(console.asks("SELECT attempts, result FROM mails")) == {(1, "accepted")}
    eventually("the mailer is at work", lambda: not shows(visitor, "waits for its mail"), within=60, every=0.5)
    said_by(console, "ledger")  # exits 0 only where every event is found exactly once


def test_every_service_is_there_with_host_and_version(console: Console) -> None:
    one = f'</th><td class="n">1</td>\n<td>at work</td>\n<td>{version("aktif")}'
    rows = [f'scope="row">{service}{one}' for service in ("state", "mailer", "archivist", "portal", "console")]
    visitor = console.visited_by(VIEWER)

    eventually("all are there", lambda: shows(visitor, *rows), within=60, every=0.5)

    assert shows(visitor, f"<td>{socket.gethostname()}</td>")


def test_a_queue_without_worker_is_said_with_what_to_start(console: Console) -> None:
    console.world.stop("state")
    visitor = console.visited_by(OPERATOR)

    eventually(
        "the board says so", lambda: "state.live: no consumer" in visitor.goes_to("/").html, within=60, every=0.5
    )

    assert "Start <code>aktif state</code>" in visitor.goes_to("/").html


def test_every_queue_is_there_with_its_numbers(console: Console) -> None:
    page = console.visited_by(VIEWER).goes_to("/")

    for queue in ("state.live", "mailer.bulk", "mailer.suspect", "wait.1h", "dead"):
        assert f'scope="row">{queue}' in page.html, queue
    eventually("there are samples", lambda: "<polyline" in console.visited_by(VIEWER).goes_to("/").html, every=2)


def test_a_broker_whose_management_api_is_silent_breaks_no_board(console: Console) -> None:
    console.world.stop("console")
    console.opens(AKTIF_BROKER_API_URL="http://guest:guest@127.0.0.1:9")

    page = console.visited_by(VIEWER).goes_to("/")

    assert "Queues cannot be seen" in page.html
    assert "AKTIF_BROKER_API_URL" in page.html
    assert "registered" in page.html
