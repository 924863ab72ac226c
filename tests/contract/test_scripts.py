"""What a newcomer runs first works with the oldest tools that are about: bash 3.2 and GNU make 3.81 of macOS."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted(
    path
    for folder in (".ci", "deploy")
    for path in (ROOT / folder).rglob("*")
    if path.is_file() and path.read_bytes().startswith(b"#!/usr/bin/env bash")
)
NEWER_THAN_BASH_3_2 = re.compile(
    r"\b(mapfile|readarray|coproc)\b|\bwait -n\b|\b(declare|local|typeset) -[a-zA-Z]*[Agnlu]|\$\{\w+(,|\^|@)|\|&|&>>|"
    r";;?&|\[\[ -[vR] |\$\{\w+\[-1\]|%\([^)]*\)T|\b(EPOCHSECONDS|EPOCHREALTIME|BASHPID)\b"
)
NEWER_THAN_MAKE_3_81 = re.compile(
    r"^\.ONESHELL|^\.RECIPEPREFIX|^\S+ *(!=|::=|:::=)|^undefine |^private |\$\(file ", re.M
)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_script_uses_nothing_newer_than_bash_3_2_and_never_sudo(script: Path) -> None:
    lines = [line for line in script.read_text().splitlines() if not line.lstrip().startswith("#")]

    assert [line for line in lines if NEWER_THAN_BASH_3_2.search(line)] == []
    assert [line for line in lines if re.search(r"\bsudo\b", line)] == []
    subprocess.run(["bash", "-n", script], check=True)


def test_the_makefile_uses_nothing_newer_than_make_3_81() -> None:
    makefile = (ROOT / "Makefile").read_text()

    assert [found.group() for found in NEWER_THAN_MAKE_3_81.finditer(makefile)] == []
