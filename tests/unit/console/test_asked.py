"""The filter of letters in an address."""

import shlex
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import parse_qsl

import pytest
from starlette.datastructures import QueryParams
from typer import Typer
from typer.main import get_command

from services.cli.__main__ import app
from services.console.asked import NAMES, Asked, line
from shared.operations.filters import Filter, Status

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
ALL = {
    "status": "open", "reason": "bad_field", "queue": "state", "type": "ActivationRequested", "text": "a b",
    "person": "17", "since": "2h", "fingerprint": "0123456789abcdef",
}  # fmt: skip


def asked(**given: str) -> Asked:
    return Asked.of(QueryParams(given), NOW)


def test_every_field_is_understood() -> None:
    assert set(ALL) == set(NAMES)
    assert asked(**ALL).wanted == Filter(
        reason="bad_field", queue="state", type="ActivationRequested", text="a b", person=17,
        since=NOW - timedelta(hours=2), fingerprint="0123456789abcdef", status=Status.OPEN,
    )  # fmt: skip
    assert asked(**ALL).faults == {}


def test_the_address_gives_back_what_it_came_from() -> None:
    again = Asked.of(QueryParams(asked(**ALL).query.removeprefix("?")), NOW)

    assert again == asked(**ALL)
    assert Asked.back(QueryParams({"back": asked(**ALL).query.removeprefix("?")}), NOW) == asked(**ALL)
    assert asked().query == ""


def test_letters_are_named_by_number_each_once() -> None:
    given = QueryParams([("letter", "3"), ("letter", "1"), ("letter", "3"), ("letter", "x"), ("letter", "9" * 30)])

    found = Asked.of(given, NOW)

    assert found.wanted.letters == (3, 1)
    assert found.fields == [("letter", "3"), ("letter", "1")]


@pytest.mark.parametrize(
    "given", [{"person": "x"}, {"person": "850101-03-0007"}, {"since": "yesterday"}, {"since": "x" * 300}]
)
def test_what_cannot_be_understood_is_said_and_finds_nothing(given: dict[str, str]) -> None:
    found = asked(**given)

    assert list(found.faults) == ["ic" if "person" in given else "since"]
    assert found.wanted != Filter()


def test_a_status_that_is_none_asks_for_nothing() -> None:
    assert asked(status="lost").wanted == Filter()


def test_what_no_command_does_has_no_line() -> None:
    assert asked(status="replayed", reason="bad_field").command("discard") is None
    assert asked(status="discarded").command("replay") is None
    assert asked(status="open").command("discard") is None, "nobody discards all letters at once"
    assert asked(status="open", reason="bad_field").command("discard") == "aktif dead discard --reason bad_field"
    assert asked(status="replayed").command("list") == "aktif dead list --status=replayed"


def test_the_command_line_is_quoted_for_a_shell() -> None:
    assert line("dead", "list", "--text", "it's; rm") == "aktif dead list --text 'it'\"'\"'s; rm'"
    assert asked(reason="bad_field", letter="4").command("replay") == "aktif dead replay 4 --reason bad_field"


@pytest.mark.parametrize(
    ("act", "more"),
    [("list", []), ("replay", ["--obsolete", "--force"]), ("replay", ["--rate"]), ("discard", [])],
)
def test_the_command_line_has_every_option_that_is_shown(act: str, more: list[str]) -> None:
    (dead,) = [group.typer_instance for group in app.registered_groups if group.name == "dead"]
    command: Any = get_command(cast(Typer, dead))
    known = {option for parameter in command.commands[act].params for option in parameter.opts}

    words = shlex.split(asked(**ALL).command(act, *more) or "")
    shown = {word.partition("=")[0] for word in words if word[:2] == "--"}

    assert len(shown) > 5
    assert shown <= known


def test_an_address_can_be_changed_in_one_field() -> None:
    changed = dict(parse_qsl(asked(**ALL).but(fingerprint=None, status="replayed").removeprefix("?")))

    assert changed == {**{name: value for name, value in ALL.items() if name != "fingerprint"}, "status": "replayed"}
