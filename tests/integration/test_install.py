"""`deploy/install` on machines that lack something: which Python it takes, and what it says and never does."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

INSTALL = Path(__file__).parents[2] / "deploy/install"
NEEDED = ("bash", "dirname", "rm")
NOT_THERE = 'echo "pyenv: version not installed" >&2; exit 127'
TOO_OLD = "exit 1"
WITHOUT_VENV = f"""case "$*" in *ensurepip*|*venv*) exit 1 ;; esac; exec '{sys.executable}' "$@" """
WITH_BROKEN_VENV = f"""case "$*" in *"-m venv"*) exit 3 ;; esac; exec '{sys.executable}' "$@" """


class Machine:
    """A machine with hardly a program on it, and a copy of the repository's installer in a folder with a space."""

    def __init__(self, folder: Path) -> None:
        self._programs = folder / "bin"
        self._programs.mkdir()
        for name in NEEDED:
            (self._programs / name).symlink_to(shutil.which(name) or name)
        self._installer = folder / "a clone/deploy/install"
        self._installer.parent.mkdir(parents=True)
        shutil.copy(INSTALL, self._installer)
        self._typed = folder / "typed"
        self.has("sudo", f'echo sudo "$@" >>"{self._typed}"')
        self.has("apt-get", f'echo apt-get "$@" >>"{self._typed}"')
        self.is_used_by(root=False)

    def has(self, name: str, script: str) -> None:
        """Put a program on it."""
        program = self._programs / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    def is_used_by(self, *, root: bool) -> None:
        """Say who types there."""
        self.has("id", f"echo {0 if root else 1000}")

    def install(self) -> subprocess.CompletedProcess[str]:
        """Run the installer."""
        return subprocess.run(
            [self._installer], env={"PATH": str(self._programs)}, capture_output=True, text=True, check=False
        )

    @property
    def as_root(self) -> list[str]:
        """What was called that only root may."""
        return self._typed.read_text().splitlines() if self._typed.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine used by an ordinary user, without any Python."""
    return Machine(tmp_path)


def test_without_a_python_that_is_new_enough_one_line_says_what_to_type(machine: Machine) -> None:
    machine.has("python3", TOO_OLD)

    done = machine.install()

    assert done.returncode == 1
    assert done.stderr == ("Python 3.11 or later is missing: as root, type `apt-get install python3 python3-venv`\n")


def test_the_newest_python_that_runs_is_taken_and_without_venv_one_line_says_what_to_type(machine: Machine) -> None:
    machine.has("python3.14", NOT_THERE)
    machine.has("python3.13", WITHOUT_VENV)
    machine.has("python3.12", WITH_BROKEN_VENV)
    machine.has("python3", TOO_OLD)

    done = machine.install()

    assert done.returncode == 1
    assert done.stderr == "python3.13 has no venv: as root, type `apt-get install python3.13-venv`\n"


def test_for_debians_own_python_the_package_is_debians_own_too(machine: Machine) -> None:
    machine.has("python3.13", WITHOUT_VENV)
    machine.has("python3", WITHOUT_VENV)

    assert "type `apt-get install python3-venv`" in machine.install().stderr


def test_nothing_is_installed_for_an_ordinary_user_and_sudo_never_called(machine: Machine) -> None:
    machine.has("python3", WITHOUT_VENV)

    machine.install()

    assert machine.as_root == []


def test_as_root_venv_is_installed_and_what_is_still_missing_is_said(machine: Machine) -> None:
    machine.has("python3", WITHOUT_VENV)
    machine.is_used_by(root=True)

    done = machine.install()

    assert machine.as_root == ["apt-get -q update", "apt-get -qy --no-install-recommends install python3-venv"]
    assert done.returncode == 1
    assert done.stderr == "python3 has no venv: as root, type `apt-get install python3-venv`\n"


def test_a_python_with_venv_needs_no_root(machine: Machine) -> None:
    machine.has("python3", WITH_BROKEN_VENV)
    machine.is_used_by(root=True)

    done = machine.install()

    assert done.returncode == 3
    assert done.stdout == f"making .venv with Python {'.'.join(map(str, sys.version_info[:3]))}\n"
    assert machine.as_root == []
