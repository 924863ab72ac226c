"""The board: a new operator finds out from it alone what is wrong, and what to do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.cli.servers.ladder import Servers
from tests.support.console import OPERATOR, VIEWER, Console, console_on, registered
from tests.support.smtp import SmtpServer
from tests.support.waiting import eventually

REFUSED = "535 5.7.8 Authentication credentials invalid"


@pytest.fixture(scope="module")
def console(session_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """State and archivist at work, and a mailer whose mail server refuses its login."""
    folder: Path = tmp_path_factory.mktemp("board")
    with SmtpServer() as relay, console_on(session_servers, folder, "state", "archivist") as found:
        relay.answer("auth", REFUSED)
        url = relay.url.replace("smtp://", "smtp://aktif:salah@")
        found.world.start("mailer", AKTIF_SMTP_URL=url)
        yield found


def test_a_mail_server_that_refuses_logins_is_said_with_what_to_do(console: Console) -> None:
    console.publishes([registered(ic_number=f"85050505{number:04}") for number in range(5)])
    visitor = console.visited_by(VIEWER)

    eventually("the board says so", lambda: "its mail server" in visitor.goes_to("/").html, within=120, every=1)

    page = visitor.goes_to("/")
    assert "AKTIF_SMTP_URL" in page.html
    assert "<strong>5</strong>registered" in page.html
    assert "<strong>0</strong>mailed" in page.html


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
