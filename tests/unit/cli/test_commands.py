"""The command line itself: help, wrong usage, errors in one line, and how fast it starts."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from services.cli.__main__ import run

ROOT = Path(__file__).parents[3]
COMMANDS = (
    "up", "provision", "check", "register", "resend", "withdraw", "account", "queues", "ledger", "dead", "state",
    "mailer", "archivist", "portal", "console", "operator", "audit",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("AKTIF_")]:
        monkeypatch.delenv(name)


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0

    shown = capsys.readouterr().out
    assert all(f" {name} " in shown for name in COMMANDS)
    assert "\x1b" not in shown


def test_without_a_command_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    assert "register" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["register"],
        ["register", "no-such-file.csv"],
        ["register", __file__, "--lane", "fast"],
        ["register", __file__, "--source", "/portal/x"],
        ["resend", "12345"],
        ["withdraw", "851301030007"],
        ["account", "x"],
        ["dead", "show", "x"],
        ["dead", "list", "--since", "yesterday"],
        ["queues", "--watch"],
        ["provision", "--hr", "a b"],
        ["up", "--once"],
        ["up", "--trouble"],
        ["dead"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_one_line_and_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2

    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "--help`" in said
    assert "Value error" not in said


@pytest.mark.parametrize(
    ("arguments", "variable"),
    [
        (["resend", "850101-03-0007"], "AKTIF_AMQP_URL"),
        (["account", "850101-03-0007"], "AKTIF_DATABASE_URL"),
        (["queues"], "AKTIF_AMQP_URL"),
        (["ledger"], "AKTIF_DATABASE_URL"),
        (["dead", "list"], "AKTIF_DATABASE_URL"),
        (["provision"], "AKTIF_AMQP_URL"),
    ],
    ids=str,
)
def test_a_missing_setting_is_named_in_one_line(
    arguments: list[str], variable: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2

    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"{variable} is not set" in said
    assert "aktif up" in said


def test_a_bug_is_one_line_that_says_how_to_see_more(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise ZeroDivisionError("by accident")

    monkeypatch.setattr("services.cli.environment.settings", fail)

    assert run(["ledger"]) == 1
    assert capsys.readouterr().err == (
        "aktif: unexpected ZeroDivisionError: by accident; `aktif --traceback …` shows where\n"
    )
    assert run(["--traceback", "ledger"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_bad_setting_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("AKTIF_AMQP_URL", "http://user:geheim@host")

    assert run(["queues"]) == 2

    said = capsys.readouterr().err
    assert said.startswith("aktif: AKTIF_AMQP_URL: must look like amqp://")
    assert "geheim" not in said


def test_help_starts_fast_and_loads_nothing_heavy(record_property: Callable[[str, object], None]) -> None:
    heavy = "{'sqlalchemy', 'pika', 'pydantic', 'psycopg', 'alembic', 'structlog'}"
    code = f"import sys; from services.cli.__main__ import run; run(['-h']); sys.exit(bool({heavy} & set(sys.modules)))"
    seconds = list[float]()
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert done.returncode == 0

    record_property("seconds", min(seconds))
    assert min(seconds) < 0.5, "of a core; typer and rich alone take 0.15"
