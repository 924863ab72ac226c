"""Where the command line finds its settings."""

import os
from pathlib import Path

import pytest

from services.cli.environment import borrow_from_up, leave_for_others, without_password

VARIABLES = {
    "AKTIF_AMQP_URL": "amqp://aktif:geheim@127.0.0.1:1/%2F",
    "AKTIF_DATABASE_URL": "postgresql+psycopg://aktif@127.0.0.1:2/aktif",
    "AKTIF_PORTAL_URL": "http://localhost:8080",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an `aktif up`, in an empty current directory without settings."""
    monkeypatch.chdir(tmp_path)
    for name in [*VARIABLES, *(name for name in os.environ if name.startswith("AKTIF_"))]:
        monkeypatch.setenv(name, "")  # so that what is set below is undone as well
        monkeypatch.delenv(name)
    (tmp_path / ".aktif").mkdir()
    return Path(".aktif")


def test_what_up_left_is_used_where_nothing_is_set(folder: Path) -> None:
    leave_for_others(folder, VARIABLES)

    assert borrow_from_up()
    assert {name: os.environ[name] for name in VARIABLES} == VARIABLES


def test_only_the_owner_can_read_the_file(folder: Path) -> None:
    leave_for_others(folder, VARIABLES)

    assert (folder / "env").stat().st_mode & 0o777 == 0o600


def test_another_server_set_by_hand_leaves_all_of_it_aside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leave_for_others(folder, VARIABLES)
    monkeypatch.setenv("AKTIF_DATABASE_URL", "postgresql+psycopg://aktif@db.example.gov.my/aktif")

    assert not borrow_from_up()
    assert "AKTIF_AMQP_URL" not in os.environ


def test_a_server_set_in_a_dotenv_file_counts_as_set_by_hand(folder: Path) -> None:
    leave_for_others(folder, VARIABLES)
    Path(".env").write_text("AKTIF_AMQP_URL=amqp://broker.example.gov.my\n")

    assert not borrow_from_up()


def test_another_setting_set_by_hand_wins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leave_for_others(folder, VARIABLES)
    monkeypatch.setenv("AKTIF_PORTAL_URL", "http://localhost:9000")

    assert borrow_from_up()
    assert os.environ["AKTIF_PORTAL_URL"] == "http://localhost:9000"


def test_a_file_that_others_can_write_is_not_read(folder: Path) -> None:
    leave_for_others(folder, VARIABLES)
    (folder / "env").chmod(0o666)

    assert not borrow_from_up()


def test_without_a_file_nothing_is_set() -> None:
    assert not borrow_from_up()


def test_a_password_is_not_shown() -> None:
    assert without_password("postgresql+psycopg://u:p@h:1/d") == "postgresql://h:1/d"
