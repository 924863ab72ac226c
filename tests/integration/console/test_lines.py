"""The command line that stands on a page does what the page does: it is understood, and it asks for what it lacks."""

import io
import re
import shlex
import sys
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from services.cli.__main__ import app, run
from tests.support.console import OPERATOR, Console, registered, replays, sends
from tests.support.waiting import eventually
from tests.support.web import Page
from tests.support.world import KEYS

LINE = re.compile(r"On the command line: <code>(.*?)</code>")


@pytest.fixture
def typing(console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """A terminal with the settings of this console, to be filled with what somebody types."""
    typed = io.StringIO()
    typed.isatty = lambda: True  # type: ignore[method-assign]
    world = console.world
    urls = {"AKTIF_AMQP_URL": world.amqp_url, "AKTIF_DATABASE_URL": world.database_url}
    for name, value in {**KEYS, **urls, "AKTIF_BROKER_API_URL": world.servers.broker_api_url}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", typed)
    return typed


def test_every_line_on_every_page_is_understood(console: Console) -> None:
    bad, closed, *sound = *console.dies(), *console.files(7, reason="database_error")
    console.publishes([registered(ic_number="850202020202")])
    eventually("the person is there", lambda: console.asks("SELECT 1 FROM accounts"))
    ((account,),) = console.asks("SELECT account_id FROM accounts")
    visitor = console.visited_by(OPERATOR)
    sends(visitor, visitor.goes_to(f"/letters/discard?letter={closed}"), "/letters/discard", why="ujian")
    first, then = ("&".join(f"letter={number}" for number in half) for half in (sound[:3], sound[3:]))
    running, cancelled = (replays(visitor, chosen, rate="0.1") for chosen in (first, then))
    stopped = sends(visitor, cancelled, f"{cancelled.path}/cancel")
    every = "status=open&reason=database_error&queue=state&type=ActivationRequested&text=a%27b&since=2h"

    addresses = [
        "/", "/letters", f"/letters?{every}", *(f"/letters/{letter}" for letter in (bad, closed, sound[0])), "/replays",
        *(f"/letters/replay?{query}" for query in (every, f"letter={bad}&with_unsafe=1", "rate=0.5&most=7", "")),
        *(f"/letters/discard?{query}" for query in (every, f"letter={bad}", "status=open", "status=replayed")),
        f"/accounts/{account}", "/accounts", "/mails", "/mails/resend?result=failed", "/ledger", "/ledger/mend",
    ]  # fmt: skip
    found = [line for page in (running, stopped, *map(visitor.goes_to, addresses)) for line in lines(page)]

    assert {act(line) for line in found} >= {
        "queues", "dead list", "dead show", "dead replay", "dead register", "dead discard", "account", "resend",
        "withdraw", "ledger",
    }  # fmt: skip
    assert {option for line in found for option in shlex.split(line)} >= {
        "--rate", "--stop-after", "--limit", "--resume", "--undo", "--unmask", "--ic-number", "IC",
    }  # fmt: skip
    for line in found:
        understood(line)
        assert "…" not in line
        assert "--why" not in line, "it is asked for"


def test_a_letter_is_discarded_by_the_line_of_its_page_for_the_reason_that_is_typed(
    console: Console, typing: io.StringIO
) -> None:
    (letter,) = console.files(reason="bad_field", first=100)
    page = console.visited_by(OPERATOR).goes_to(f"/letters/discard?letter={letter}")

    assert typed(typing, lines(page), "ujian HR\ny\n") == 0

    assert console.asks("SELECT reason FROM closings WHERE letter_id = :letter", letter=letter) == [("ujian HR",)]


def test_a_replay_is_begun_and_cancelled_by_the_lines_of_its_pages_with_the_bounds_that_they_show(
    console: Console, typing: io.StringIO
) -> None:
    console.files(4, reason="bad_field", first=200)
    visitor = console.visited_by(OPERATOR)
    plan = visitor.goes_to("/letters/replay?reason=bad_field&status=open&most=3")
    assert typed(typing, lines(plan), "dibaiki\ny\n") == 0
    bounds = "SELECT rate, stop_after, most, planned, reason FROM operations ORDER BY operation_id DESC LIMIT 1"
    assert console.asks(bounds) == [(50.0, 10, 3, 3, "dibaiki")]

    begun = replays(visitor, "reason=bad_field&status=open", rate="0.1")
    assert typed(typing, lines(begun), "") == 0

    eventually("it has ended", lambda: "cancelled" in visitor.goes_to(begun.path).html)


def lines(page: Page) -> list[str]:
    """The command lines that a page shows."""
    return [unescape(line) for line in LINE.findall(page.html)]


def act(line: str) -> str:
    """Which command a line is."""
    words = shlex.split(line)[1:3]
    return " ".join(words if words[0] == "dead" else words[:1])


def typed(terminal: io.StringIO, shown: list[str], answers: str) -> int:
    """Types the one line of a page, and answers what is asked; gives the exit code."""
    terminal.seek(0)
    terminal.truncate()
    terminal.write(answers)
    terminal.seek(0)
    (line,) = shown
    return run(shlex.split(line)[1:])


def understood(line: str) -> None:
    """The line is read as a shell and `aktif` read it; raises what is wrong with it."""
    name, *words = shlex.split(line)
    assert name == "aktif"
    command: Any = get_command(app)
    context = command.make_context(name, words)
    while hasattr(command, "resolve_command"):
        name, command, words = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, words, parent=context)
