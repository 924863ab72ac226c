"""Settings from a folder of secrets, and keys that are for development only."""

import os
from pathlib import Path

import pytest

from services.cli.logins import development_keys
from shared.settings import KEY_SETTINGS, PREFIX, BadSettings, load_settings

FILE, IN_FILE, IN_ENVIRONMENT = "aktif_amqp_url", "amqp://file@broker", "amqp://environment@broker"
DEVELOPMENT, OWN = "development-" + "k" * 32, "k" * 32


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of secrets, with nothing else set."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    found = tmp_path / "secrets"
    found.mkdir()
    monkeypatch.setenv("AKTIF_SECRETS_DIR", str(found))
    return found


def test_a_secret_is_read_from_the_file_of_its_variable(folder: Path) -> None:
    (folder / FILE).write_text(f"{IN_FILE}\n")

    assert load_settings().require("amqp_url") == IN_FILE


def test_the_environment_wins_over_a_secret(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / FILE).write_text(IN_FILE)
    monkeypatch.setenv("AKTIF_AMQP_URL", IN_ENVIRONMENT)

    assert load_settings().require("amqp_url") == IN_ENVIRONMENT


def test_a_folder_that_is_not_there_is_one_line(folder: Path) -> None:
    folder.rmdir()

    with pytest.raises(BadSettings, match="AKTIF_SECRETS_DIR: there is no such folder"):
        load_settings()


def test_a_malformed_secret_names_its_variable_and_not_its_value(folder: Path) -> None:
    (folder / FILE).write_text("rahsia")

    with pytest.raises(BadSettings, match=r"^AKTIF_AMQP_URL: must look like") as error:
        load_settings()

    assert "rahsia" not in str(error.value)


@pytest.mark.parametrize("name", KEY_SETTINGS)
@pytest.mark.parametrize("keys", [DEVELOPMENT, f"{OWN}, {DEVELOPMENT}"])
def test_a_key_for_development_is_refused_where_links_are_https(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, keys: str
) -> None:
    (folder / f"aktif_{name}").write_text(keys)
    monkeypatch.setenv("AKTIF_PORTAL_URL", "HTTPS://ispeks.example.gov.my")

    with pytest.raises(BadSettings, match=f"^AKTIF_{name.upper()}: a key that begins with development-") as error:
        load_settings()

    assert OWN not in str(error.value)


def test_a_key_for_development_works_where_links_are_http_and_own_keys_work_anywhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "aktif_link_keys").write_text(DEVELOPMENT)
    assert load_settings().require_keys("link_keys") == (DEVELOPMENT.encode(),)

    monkeypatch.setenv("AKTIF_PORTAL_URL", "https://ispeks.example.gov.my")
    monkeypatch.setenv("AKTIF_LINK_KEYS", OWN)
    assert load_settings().require_keys("link_keys") == (OWN.encode(),)


def test_generated_keys_are_for_development_and_stay(folder: Path) -> None:
    development_keys(folder)
    first = {file.relative_to(folder): file.read_text() for file in folder.rglob("*_keys")}
    development_keys(folder)

    assert {file.relative_to(folder): file.read_text() for file in folder.rglob("*_keys")} == first
    assert all(key.startswith("development-") for key in first.values())
    assert len({first[Path("keys") / f"aktif_{name}"] for name in KEY_SETTINGS}) == len(KEY_SETTINGS)
    assert first[Path("mailer/aktif_link_keys")] == first[Path("portal/aktif_link_keys")]
    assert first[Path("operator/aktif_session_keys")] != first[Path("portal/aktif_session_keys")]
