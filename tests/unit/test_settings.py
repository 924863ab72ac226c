"""Settings: defaults of the contract, and one line for whatever is wrong."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from shared.links import LinkLife
from shared.settings import BadSettings, load_settings

KEY_A, KEY_B = "a" * 32, "b" * 40


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AKTIF_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_without_any_variable_the_contracts_defaults_hold() -> None:
    settings = load_settings()

    assert settings.mail_from == "iSPEKS <no-reply@ispeks.localhost>"
    assert settings.portal_url == "http://localhost:8080"
    assert (settings.mail_rate, settings.mail_retry_hours) == (0, 24)
    assert (settings.resend_seconds, settings.resend_per_day) == (60, 10)
    assert settings.system_name == "iSPEKS"
    assert settings.link_life == LinkLife()


def test_a_variable_and_a_env_file_are_read_and_the_variable_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("AKTIF_LINK_MINUTES=5\nAKTIF_LINK_HOURS=2\nUNRELATED=1\n", encoding="utf-8")
    monkeypatch.setenv("AKTIF_LINK_MINUTES", "7")

    settings = load_settings()

    assert settings.link_life == LinkLife(after_newest=timedelta(minutes=7), after_first=timedelta(hours=2))


def test_keys_are_split_trimmed_and_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AKTIF_LINK_KEYS", f"{KEY_A}, {KEY_B}")

    assert load_settings().require_keys("link_keys") == (KEY_A.encode(), KEY_B.encode())


@pytest.mark.parametrize("name", ["amqp_url", "database_url", "smtp_url", "link_keys", "pepper_keys"])
def test_what_has_no_default_is_asked_for_by_its_variable(name: str) -> None:
    with pytest.raises(BadSettings, match=f"AKTIF_{name.upper()} is not set"):
        load_settings().require(name)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AKTIF_AMQP_URL", "amqp://a:b@one:5672/%2F,amqps://two"),
        ("AKTIF_BROKER_API_URL", "https://broker:15671"),
        ("AKTIF_DATABASE_URL", "postgresql+psycopg://u:p@[::1]:5432/aktif"),
        ("AKTIF_SMTP_URL", "smtp+starttls://u:p%40ss@mail.example.gov.my:587"),
        ("AKTIF_PORTAL_URL", "https://ispeks.example.gov.my/aktif/"),
        ("AKTIF_MAIL_FROM", "Sistem Contoh <no-reply@example.gov.my>"),
        ("AKTIF_MAIL_RATE", "0.5"),
        ("AKTIF_METRICS_PORT", "0"),
        ("AKTIF_METRICS_BIND", "::1"),
    ],
)
def test_a_good_value_is_taken(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)

    assert load_settings().require(variable.removeprefix("AKTIF_").lower()) == value.rstrip("/")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AKTIF_AMQP_URL", ""),
        ("AKTIF_AMQP_URL", "rahsia"),
        ("AKTIF_AMQP_URL", "http://u:rahsia@host"),
        ("AKTIF_AMQP_URL", "amqp://u:rahsia@host:port"),
        ("AKTIF_AMQP_URL", "amqp://u:rahsia@host:70000"),
        ("AKTIF_AMQP_URL", "amqp://u:rahsia@host,"),
        ("AKTIF_AMQP_URL", "amqp://u:rahsia℀@host"),
        ("AKTIF_AMQP_URL", "amqp://u:rahsia@[::1"),
        ("AKTIF_DATABASE_URL", "postgresql://u:rahsia@host/aktif"),
        ("AKTIF_SMTP_URL", "smtp://u:rahsia@ho st"),
        ("AKTIF_PORTAL_URL", "rahsia"),
        ("AKTIF_PORTAL_URL", "https://host:rahsia"),
        ("AKTIF_PORTAL_URL", "https://host/?rahsia=1"),
        ("AKTIF_PORTAL_URL", "https://host/\nrahsia"),
        ("AKTIF_SMTP_URL", "smtp://rahsia:25,smtp://b:25"),
        ("AKTIF_MAIL_FROM", "rahsia"),
        ("AKTIF_MAIL_FROM", "rahsia <a@é.my>"),
        ("AKTIF_MAIL_FROM", "rahsia..b@c.my"),
        ("AKTIF_MAIL_FROM", "rahsia <a@b c>"),
        ("AKTIF_MAIL_FROM", "iSPEKS <a@b.my>\nBcc: rahsia@b.my"),
        ("AKTIF_MAIL_FROM", "iSPEKS <a@b.my>, rahsia@b.my"),
        ("AKTIF_MAIL_RATE", "rahsia"),
        ("AKTIF_MAIL_RATE", "-1"),
        ("AKTIF_MAIL_RATE", "inf"),
        ("AKTIF_LINK_MINUTES", "0"),
        ("AKTIF_LINK_KEYS", ""),
        ("AKTIF_LINK_KEYS", "rahsia"),
        ("AKTIF_PEPPER_KEYS", f"{KEY_A},rahsia"),
        ("AKTIF_SYSTEM_NAME", "<rahsia>"),
        ("AKTIF_METRICS_PORT", "65536"),
        ("AKTIF_METRICS_PORT", "rahsia"),
        ("AKTIF_METRICS_BIND", "rahsia"),
    ],
)
def test_a_bad_value_is_one_line_that_names_the_variable_and_never_the_value(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(BadSettings) as raised:
        load_settings()

    text = str(raised.value)
    assert text.startswith(f"{variable}: ")
    assert "\n" not in text
    assert "rahsia" not in text
    assert raised.value.__suppress_context__


def test_an_env_file_that_is_no_text_is_said_so() -> None:
    Path(".env").write_bytes(b"AKTIF_MAIL_RATE=\xff\n")

    with pytest.raises(BadSettings, match=r"\.env is not UTF-8"):
        load_settings()


def test_secrets_do_not_show_when_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AKTIF_LINK_KEYS", KEY_A)
    monkeypatch.setenv("AKTIF_AMQP_URL", "amqp://u:rahsia@host")

    printed = repr(load_settings())

    assert KEY_A not in printed
    assert "rahsia" not in printed
