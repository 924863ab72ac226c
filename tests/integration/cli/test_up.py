"""`aktif up` as a process of its own, on the session's servers and with a catcher of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from tests.conftest import Broker

ROOT = Path(__file__).parents[3]
SERVICES = ("state", "mailer", "archivist", "portal", "console")
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty folder to start in."""
    folder = Path(tempfile.mkdtemp(prefix="aktif-up-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def up(vhost: str, database: str, rabbitmq: Broker, home: Path) -> Iterator[Start]:
    """`up(*options)` starts it; at the end it is ended."""
    started = list[subprocess.Popen[str]]()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AKTIF_")} | {
        "AKTIF_AMQP_URL": vhost,
        "AKTIF_BROKER_API_URL": rabbitmq.api_url,
        "AKTIF_DATABASE_URL": database,
        "PYTHONPATH": str(ROOT),
    }

    def start(*options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "services.cli", "up", *options]
        process = subprocess.Popen(command, cwd=home, env=environment, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.terminate()
        process.communicate(timeout=30)


def test_the_demo_ends_by_itself_when_asked_to_with_mails_and_a_link(up: Start, home: Path) -> None:
    process = up("--demo", "--once", "--port", "9000")

    said, _ = process.communicate(timeout=120)

    assert process.returncode == 0, said
    assert "20 of 20 mails of the sample were caught" in said
    assert "http://localhost:9000/account/activation?token=" in said
    assert len(list((home / ".aktif/mail/mails/new").iterdir())) == 20
    assert not (home / ".aktif/env").exists()
    assert (home / ".aktif/link_key").stat().st_mode & 0o777 == 0o600


def test_services_that_die_are_started_again_and_all_end_with_us_though_one_hangs(up: Start, home: Path) -> None:
    process = up()
    _wait_until_it_runs(process)
    killed = _pid(home, "mailer")

    os.kill(killed, signal.SIGKILL)
    _wait_until(lambda: _pid(home, "mailer") not in {0, killed})
    assert _neighbour(home, "ledger") == 0
    pids = [_pid(home, name) for name in SERVICES]
    os.kill(pids[0], signal.SIGSTOP)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)

    assert process.returncode == 0
    assert time.monotonic() - begun < 15
    assert "mailer ended and is started again" in said
    assert not [pid for pid in pids if _lives(pid)]
    assert not (home / ".aktif/env").exists()


def test_killed_it_leaves_no_service_behind(up: Start, home: Path) -> None:
    process = up()
    _wait_until_it_runs(process)
    pids = [_pid(home, name) for name in SERVICES]

    process.kill()

    _wait_until(lambda: not any(map(_lives, pids)))


def test_an_operator_ends_both_groups_of_troubles_on_the_command_line(up: Start, home: Path) -> None:
    shown = _shown_until(up("--demo", "--trouble"), "--reason gave_up")
    _wait_until(lambda: _groups(home) == {"bad_ic_number": 20, "gave_up": 10})
    letters = {line["id"]: str(line["letter_id"]) for line in _json(home, "dead", "list", "--limit", "30")["letters"]}

    for act in (
        ["register", letters["misdated-01"], "--ic-number", "851221-03-0267"],
        ["discard", letters["misdated-02"]],
        ["replay", "--reason", "gave_up"],
        ["discard", "--reason", "bad_ic_number"],
    ):
        assert _neighbour(home, "dead", *act, "--why", "ujian", "--as", "siti", "--yes") == 0, act

    assert "AKTIF_MAIL_RETRY_HOURS=0" in shown
    assert _groups(home) == {}
    _wait_until(lambda: len(list((home / ".aktif/mail/mails/new").iterdir())) == 20 + 10 + 1)
    assert _json(home, "account", "851221-03-0267")["mails"][0]["result"] == "accepted"
    _wait_until(lambda: _neighbour(home, "ledger") == 0)
    done = [line["what"] for line in _json(home, "audit") if line["who"] == "siti"]
    assert done == ["discard", "replay_done", "replay", "discard", "register_again"]


def test_a_retry_time_that_is_set_by_hand_is_kept_and_what_follows_is_said(up: Start, home: Path) -> None:
    (home / ".env").write_text("AKTIF_MAIL_RETRY_HOURS=24\n")

    shown = _shown_until(up("--demo", "--trouble"), "--reason gave_up")

    assert "no letters, since AKTIF_MAIL_RETRY_HOURS is 24" in shown
    assert "RETRY_HOURS" not in (home / ".aktif/env").read_text()
    _wait_until(lambda: _groups(home) == {"bad_ic_number": 20})


def test_the_demo_mails_nobody_through_a_real_server(up: Start, home: Path) -> None:
    (home / ".env").write_text("AKTIF_SMTP_URL=smtp://mail.example.gov.my\n")

    process = up("--demo")

    process.communicate(timeout=30)
    assert process.returncode == 2
    assert not (home / ".aktif").exists()


def _neighbour(home: Path, *arguments: str) -> int:
    """The exit code of a command typed in the same folder without any settings."""
    return _typed(home, *arguments).returncode


def _json(home: Path, *arguments: str) -> Any:
    """What such a command prints as data."""
    return json.loads(_typed(home, *arguments, "--json").stdout)


def _typed(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AKTIF_")}
    command = [sys.executable, "-m", "services.cli", *arguments]
    environment["PYTHONPATH"] = str(ROOT)
    return subprocess.run(command, cwd=home, env=environment, stdout=subprocess.PIPE, text=True, check=False)


def _groups(home: Path) -> dict[str, int]:
    """How many open letters each reason has."""
    return {group["reason"]: group["letters"] for group in _json(home, "dead", "list")["groups"]}


def _shown_until(process: subprocess.Popen[str], words: str) -> str:
    """What it has printed when a line has these words."""
    assert process.stdout is not None
    shown = ""
    for line in process.stdout:
        shown += line
        if words in line:
            break
    return shown


def _wait_until_it_runs(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert any(line.startswith("Aktif runs") for line in process.stdout)


def _pid(home: Path, name: str) -> int:
    try:
        return int(json.loads((home / f".aktif/services/{name}.pid.json").read_text())["pid"])
    except (FileNotFoundError, ValueError):
        return 0


def _lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _wait_until(done: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until
        time.sleep(0.1)
