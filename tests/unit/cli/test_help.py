"""What a person reads before the first command: help, version and completion."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from services.cli.__main__ import app, run

WIDTH = 80
PROGRAMS = Path(sys.executable).parent
ROOT = get_command(app)


def _walk(command: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command and group, with the words that call it."""
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from _walk(child, *path, name)


COMMANDS = dict(_walk(ROOT))


def _examples(command: Any) -> list[list[str]]:
    """The words of each example, without where its output goes."""
    lines = [line.removeprefix("$ ") for line in command.epilog.splitlines() if line.startswith("$ ")]
    return [shlex.split(re.split(r" 2?> ?| \| ", line)[0]) for line in lines]


@pytest.fixture(autouse=True)
def _narrow_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", str(WIDTH))


def test_the_walk_finds_commands_and_groups() -> None:
    assert {(), ("check",), ("dead",), ("dead", "show"), ("register",), ("mailer",)} <= COMMANDS.keys()


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_help_fits_80_columns_and_has_words_examples_and_exit_codes(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*path, "--help"]) == 0

    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert max(map(len, lines)) <= WIDTH
    assert len(COMMANDS[path].help.split()) >= 4
    shown = {line for line in lines if line.startswith("$ aktif")}
    assert shown == {f"$ {line[2:]}" for line in COMMANDS[path].epilog.splitlines() if line.startswith("$ ")} != set()
    assert {"Exit codes:"} < set(lines)
    assert [line[0] for line in lines if re.match(r"\d  \w", line)] == ["0", "1", "2"]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_example_parses(path: tuple[str, ...], tmp_path: Path) -> None:
    for words in _examples(COMMANDS[path]):
        for name in words:
            if name.endswith(".csv"):
                (tmp_path / name).touch()
        program, *arguments = words
        assert program == "aktif"
        command: Any = ROOT
        while arguments and arguments[0] in getattr(command, "commands", {}):
            command = command.commands[arguments.pop(0)]
        if command is not ROOT:
            command.make_context(words[-1], arguments, resilient_parsing="--help" in arguments)


def test_the_list_of_commands_names_each_with_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0

    shown = capsys.readouterr().out
    assert all(f"│ {path[0]} " in shown for path in COMMANDS if path)


def test_version_names_ours_and_pythons(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0

    pattern = r"aktif \d+\.\d+\.\d+( \([0-9a-f]{7,40}\+?\))?, Python 3\.\d+\.\d+\S*\n"
    assert re.fullmatch(pattern, capsys.readouterr().out)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["aktif", "led"], {"ledger"}),
        (["aktif", "dead", ""], {"list", "show", "plan", "replay", "register", "discard"}),
        (["aktif", "register", "--la"], {"--lane"}),
        (["aktif", "register", "x.csv", "--lane", ""], {"bulk", "live"}),
        (["aktif", "check", "--for", "m"], {"mailer"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else " ".join(sorted(value)),
)
def test_bash_completes(typed: list[str], offered: set[str]) -> None:
    script = f"""
        PATH={shlex.quote(str(PROGRAMS))}:$PATH
        eval "$(_AKTIF_COMPLETE=source_bash aktif)"
        complete -p aktif >/dev/null || exit 9
        COMP_WORDS=({" ".join(map(shlex.quote, typed))}); COMP_CWORD={len(typed) - 1}
        _aktif_completion aktif
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """

    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == offered


@pytest.mark.parametrize(("shell", "offered"), [("zsh", '"ledger":"Check that'), ("fish", "ledger\tCheck that")])
def test_zsh_and_fish_are_answered_with_words_and_what_they_do(shell: str, offered: str) -> None:
    asked = {"_AKTIF_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": "aktif led"}

    done = subprocess.run(
        [PROGRAMS / "aktif"],
        env={**asked, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert offered in done.stdout


def test_completion_is_installed_where_bash_reads_it(tmp_path: Path) -> None:
    script = f"{shlex.quote(str(PROGRAMS / 'aktif'))} --install-completion >/dev/null; . ~/.bashrc; complete -p aktif"
    environment = {**os.environ, "HOME": str(tmp_path)}

    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=False)

    assert done.stdout == "complete -o default -F _aktif_completion aktif\n", done.stderr
