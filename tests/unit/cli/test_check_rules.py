"""The rules of `aktif check` that need no server: settings, keys, clocks, versions, certificates."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from services.cli.check_broker import _version
from services.cli.check_parts import clock
from services.cli.check_settings import EVERYTHING, NEEDS, of_settings
from shared.broker.look import BrokerSeen
from shared.clock import now
from shared.findings import Finding, Level, Part, certificate, in_clear, is_local
from shared.settings import Settings
from shared.tls import Peer

PART = Part("part")
NOON = datetime(2026, 1, 11, 12, tzinfo=UTC)
KEY, OTHER_KEY, THIRD_KEY = "0123456789abcdef" * 2, "fedcba9876543210" * 2, "13579bdf02468ace" * 2


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def states(found: Iterable[Finding]) -> dict[str, str]:
    return {one.what: str(one.level) for one in found if one.level is not Level.OK}


def settings(**given: Any) -> Settings:
    whole = {
        "amqp_url": SecretStr("amqp://host"),
        "database_url": SecretStr("postgresql+psycopg://host/d"),
        "smtp_url": SecretStr("smtp://host"),
        "link_keys": SecretStr(KEY),
        "pepper_keys": SecretStr(OTHER_KEY),
        "session_keys": SecretStr(THIRD_KEY),
    }
    return Settings(**{**whole, **given})


def test_whole_settings_have_nothing_to_say() -> None:
    assert states(of_settings(settings(), [], EVERYTHING)) == {}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"link_keys": SecretStr("a" * 40)}, "AKTIF_LINK_KEYS"),
        ({"pepper_keys": SecretStr(f"{OTHER_KEY},{KEY}")}, "AKTIF_LINK_KEYS"),
        ({"portal_url": "http://portal.example.my"}, "AKTIF_PORTAL_URL"),
    ],
    ids=["few different characters", "one key for two purposes", "links in clear"],
)
def test_what_is_unsafe_is_a_warning(given: dict[str, Any], named: str) -> None:
    assert states(of_settings(settings(**given), [], EVERYTHING)) == {named: "warning"}


@pytest.mark.parametrize(("service", "said"), [("mailer", {"AKTIF_PORTAL_URL": "warning"}), ("operator", {})])
def test_only_who_makes_links_is_asked_where_they_lead(service: str, said: dict[str, str]) -> None:
    found = of_settings(settings(portal_url="http://portal.example.my"), [], NEEDS[service])

    assert states(found) == said


def test_an_operator_needs_neither_relay_nor_keys() -> None:
    given = settings(smtp_url=None, link_keys=None, pepper_keys=None, session_keys=None)

    assert states(of_settings(given, [], NEEDS["operator"])) == {}
    assert states(of_settings(given, [], EVERYTHING)).keys() == {
        "AKTIF_SMTP_URL",
        "AKTIF_LINK_KEYS",
        "AKTIF_PEPPER_KEYS",
        "AKTIF_SESSION_KEYS",
    }


def test_a_name_that_is_no_setting_is_a_warning_wherever_it_was_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AKTIF_LINK_MINUTS", "30")
    monkeypatch.setenv("AKTIF_TEST_COMPOSE", "1")
    (tmp_path / ".env").write_text("AKTIF_MIAL_RATE=5\n")

    found = list(of_settings(settings(), [], EVERYTHING))

    assert states(found) == {"AKTIF_LINK_MINUTS": "warning", "AKTIF_MIAL_RATE": "warning"}
    assert "AKTIF_LINK_MINUTES" in next(one.do for one in found if one.what == "AKTIF_LINK_MINUTS")


@pytest.mark.parametrize(
    ("theirs", "state"),
    [(-60, "failed"), (-3.1, "failed"), (-2.9, "ok"), (0, "ok"), (2.9, "ok"), (3.1, "failed"), (60, "failed")],
)
def test_a_clock_may_be_2_seconds_off_and_the_time_of_asking_counts_for_neither(theirs: float, state: str) -> None:
    """Asking took from one second before noon to one after."""
    second = timedelta(seconds=1)
    found = clock(PART, NOON + timedelta(seconds=theirs), NOON - second, NOON + second, resolution=timedelta())

    assert found.level == state


def test_a_clock_that_is_cut_off_to_seconds_may_seem_one_behind() -> None:
    theirs = NOON - timedelta(seconds=2.9)

    assert clock(PART, theirs, NOON, NOON, resolution=timedelta(seconds=1)).level is Level.OK
    assert clock(PART, theirs, NOON, NOON, resolution=timedelta()).level is Level.FAILED


@pytest.mark.parametrize(
    ("version", "state"),
    [
        ("3.9.29", "failed"),
        ("3.10.8", "ok"),
        ("4.2.5", "ok"),
        ("4.2.6", "warning"),
        ("4.2.7", "ok"),
        ("4.3.0", "warning"),
        ("4.3.0-rc.1", "warning"),
        ("4.3.1", "ok"),
    ],
)
def test_brokers_that_are_too_old_or_refuse_least_privilege_are_named(version: str, state: str) -> None:
    seen = BrokerSeen("host", 5672, "user", "/", "RabbitMQ", version, None)

    assert _version(seen, "host").level == state


@pytest.mark.parametrize(("days", "state"), [(29, "warning"), (31, "ok")])
def test_a_certificate_that_ends_within_30_days_is_a_warning(days: int, state: str) -> None:
    peer = Peer("TLSv1.3", now() + timedelta(days=days, hours=1))

    assert certificate(PART, "TLS", peer).level == state


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("mail.localhost", True),
        ("10.0.0.1", False),
        ("localhost.example.my", False),
        ("db", False),
    ],
)
def test_only_what_leaves_the_machine_in_clear_is_a_warning(host: str, local: bool) -> None:
    assert is_local(host) is local
    assert [one.level for one in in_clear(PART, host, "encrypt it")] == ([] if local else ["warning"])
