"""`aktif check`: each thing that can be wrong is named with what to do, and hides no other."""

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Connection

from services.cli.logins import broker_user
from shared.broker.management import Management, vhost_of
from shared.broker.permissions import OPERATOR, logins
from shared.broker.topology import DEAD_QUEUE
from shared.store.roles import grant, login_of, role_of
from tests.conftest import Broker
from tests.integration.cli.conftest import Aktif, put
from tests.support.broker import Hands
from tests.support.servers import database_name, database_url, drop_database, vhost_url
from tests.support.smtp import SmtpServer
from tests.support.waiting import eventually

LINK_KEY, PEPPER, SESSION_KEY = "0123456789abcdef" * 4, "fedcba9876543210" * 4, "13579bdf02468ace" * 4
Found = Mapping[str, Mapping[str, Any]]


@pytest.fixture(autouse=True)
def _provisioned(connection: Connection) -> None:
    grant(connection)


@pytest.fixture
def relay() -> Iterator[SmtpServer]:
    with SmtpServer(login="aktif:rahsia") as server:
        yield server


@pytest.fixture
def whole(aktif: Aktif, relay: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> Aktif:
    """`aktif` with every setting."""
    monkeypatch.setenv("AKTIF_SMTP_URL", f"smtp://aktif:rahsia@127.0.0.1:{relay.port}")
    monkeypatch.setenv("AKTIF_LINK_KEYS", LINK_KEY)
    monkeypatch.setenv("AKTIF_PEPPER_KEYS", PEPPER)
    monkeypatch.setenv("AKTIF_SESSION_KEYS", SESSION_KEY)
    return aktif


@pytest.fixture
def operator(
    aktif: Aktif,
    amqp_url: str,
    rabbitmq: Broker,
    database: str,
    connection: Connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Aktif]:
    """`aktif` with the settings that `aktif provision --logins` makes for operators, and no others."""
    try:
        assert aktif("provision", "--logins", str(tmp_path / "secrets")).code == 0
        for name in [name for name in os.environ if name.startswith("AKTIF_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("AKTIF_SECRETS_DIR", str(tmp_path / "secrets" / OPERATOR))
        yield aktif
    finally:
        for service in logins():
            user = broker_user(service, vhost_of(amqp_url))
            Management(rabbitmq.api_url).request("DELETE", f"users/{user}")
            put(connection, f"DROP ROLE {login_of(service, database_name(database))}")


@contextmanager
def listening(hands: Hands) -> Iterator[None]:
    """A consumer on every queue that must have one, as far as the management API knows."""
    wanted = {"state.live", "state.bulk", "mailer.live", "mailer.bulk", DEAD_QUEUE}
    with hands.channel() as channel:
        for queue in wanted:
            channel.basic_consume(queue, lambda *_: None)
        eventually("the API knows", lambda: wanted <= {queue.name for queue in hands.api.queues() if queue.consumers})
        yield


def findings(said: Any) -> Found:
    """The findings by part and name; the worst of those that share one."""
    order = ("ok", "warning", "failed")
    found = dict[str, Mapping[str, Any]]()
    for one in sorted(said.json["findings"], key=lambda one: order.index(one["level"])):
        found[f"{one['part']} {one['what']}"] = one
    return found


def wrong(found: Found) -> dict[str, str]:
    """The state of what is not ok."""
    return {name: one["level"] for name, one in found.items() if one["level"] != "ok"}


def test_where_all_is_well_nothing_is_to_do(whole: Aktif, amqp_url: str, relay: SmtpServer, rabbitmq: Broker) -> None:
    with listening(Hands(amqp_url, rabbitmq.api_url)):
        said = whole("check", "--json")

    found = findings(said)
    assert wrong(found) == {}
    assert (said.code, said.json["ok"]) == (0, True)
    assert not any(one["do"] for one in found.values())
    assert {"broker alarms", "broker topology", "broker consumers", "broker clock"} <= found.keys()
    assert {"database revision", "database rights", "database clock", "database durability"} <= found.keys()
    assert {"mail relay", "mail templates", "settings AKTIF_LINK_KEYS"} <= found.keys()
    assert relay.mails == []
    assert relay.said("DATA") == 0


def test_queues_that_nobody_works_are_a_warning_that_fails_nothing(whole: Aktif) -> None:
    said = whole("check", "--json")

    found = findings(said)
    assert wrong(found) == {"broker consumers": "warning"}
    assert said.code == 0
    commands = {one["do"].split("`")[1] for one in said.json["findings"] if one["what"] == "consumers"}
    assert commands == {"aktif state", "aktif mailer", "aktif archivist"}


def test_in_a_terminal_of_80_columns_each_line_has_its_words_and_no_password(
    whole: Aktif, monkeypatch: pytest.MonkeyPatch, amqp_url: str, database: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    said = whole("check")

    lines = said.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert {"Settings", "Broker", "Database", "Mail"} <= {line.strip() for line in lines}
    assert any("→ start `aktif state`" in line for line in lines)
    assert lines[-1].startswith("0 failed, 3 warnings, ")
    secrets = (urlsplit(amqp_url).password, urlsplit(database).password, "rahsia", LINK_KEY, PEPPER, SESSION_KEY)
    assert not any(str(secret) in said.out + said.err for secret in secrets)


def test_with_no_settings_each_missing_one_is_named_with_an_example(
    aktif: Aktif, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AKTIF_AMQP_URL", "AKTIF_BROKER_API_URL", "AKTIF_DATABASE_URL"):
        monkeypatch.delenv(name)

    said = aktif("check", "--json")

    found = findings(said)
    names = ("AMQP_URL", "DATABASE_URL", "SMTP_URL", "LINK_KEYS", "PEPPER_KEYS", "SESSION_KEYS")
    assert wrong(found) == {f"settings AKTIF_{name}": "failed" for name in names}
    assert all(one["do"].startswith("set it to ") for one in found.values() if one["level"] == "failed")
    assert said.code == 1


def test_a_service_needs_its_own_settings_only(aktif: Aktif) -> None:
    said = aktif("check", "--for", "state", "--json")

    assert wrong(findings(said)) == {}
    assert wrong(findings(aktif("check", "--for", "mailer", "--json"))) == {
        "settings AKTIF_SMTP_URL": "failed",
        "settings AKTIF_LINK_KEYS": "failed",
    }


def test_an_operators_login_checks_broker_management_api_and_database(operator: Aktif) -> None:
    said = operator("check", "--for", "operator", "--json")

    found = findings(said)
    assert (said.code, wrong(found)) == (0, {"broker consumers": "warning"})
    assert {"broker management API", "broker alarms", "broker topology", "broker clock"} <= found.keys()
    assert found["database rights"]["found"] == "reads all, writes the tables of operator"
    assert not any(name.startswith("mail ") for name in found)
    assert [name for name in found if name.startswith("settings ")] == ["settings read"]


def test_an_operators_login_sees_what_drifted(operator: Aktif, amqp_url: str, rabbitmq: Broker) -> None:
    """RabbitMQ leaves out of some answers what a user may not see."""
    policy = {"pattern": "^wait", "apply-to": "queues", "definition": {"max-length": 5}}
    Management(rabbitmq.api_url).request("PUT", f"policies/{vhost_of(amqp_url)}/short", policy)
    with Hands(amqp_url, rabbitmq.api_url).channel() as channel:
        channel.queue_unbind("state.live", "aktif.hr", "live.*")

    said = operator("check", "--for", "operator", "--json")

    drifts = [one["found"] for one in said.json["findings"] if one["what"] == "topology"]
    assert "missing: binding from aktif.hr to state.live with key 'live.*'" in drifts
    assert "queue wait.5s: policy short sets max-length" in drifts
    assert said.code == 1


def test_a_malformed_setting_hides_no_other_and_no_other_check(whole: Aktif, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AKTIF_LINK_MINUTES", "soon")
    monkeypatch.setenv("AKTIF_DATABASE_URL", "mysql://user:geheim@host/db")
    monkeypatch.setenv("AKTIF_SMPT_URL", "smtp://x")

    said = whole("check", "--json")

    found = findings(said)
    assert wrong(found) == {
        "settings AKTIF_LINK_MINUTES": "failed",
        "settings AKTIF_DATABASE_URL": "failed",
        "settings AKTIF_SMPT_URL": "warning",
        "broker consumers": "warning",
    }
    assert "AKTIF_SMTP_URL" in found["settings AKTIF_SMPT_URL"]["do"]
    assert found["mail relay"]["level"] == "ok"
    assert "geheim" not in said.out


def test_servers_that_are_down_are_each_named(whole: Aktif, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("AKTIF_AMQP_URL", f"amqp://user:geheim@127.0.0.1:{port}/v")
    monkeypatch.setenv("AKTIF_BROKER_API_URL", f"http://user:geheim@127.0.0.1:{port}")
    monkeypatch.setenv("AKTIF_DATABASE_URL", f"postgresql+psycopg://user:geheim@127.0.0.1:{port}/d")
    monkeypatch.setenv("AKTIF_SMTP_URL", f"smtp://user:geheim@127.0.0.1:{port}")

    said = whole("check", "--json")

    found = findings(said)
    assert wrong(found) == dict.fromkeys(
        (f"broker AMQP 127.0.0.1:{port}", "broker management API", "database login", "mail relay"), "failed"
    )
    for one in found.values():
        if one["level"] == "failed":
            assert "refused" in one["found"]
            assert one["do"]
    assert "geheim" not in said.out


def test_a_wrong_password_a_wrong_vhost_and_a_right_one_are_told_apart(
    whole: Aktif, monkeypatch: pytest.MonkeyPatch, amqp_url: str
) -> None:
    password = str(urlsplit(amqp_url).password)
    urls = [amqp_url.replace(password, "geheim"), vhost_url(amqp_url, "nowhere"), amqp_url]
    monkeypatch.setenv("AKTIF_AMQP_URL", ",".join(urls))

    said = whole("check", "--json")

    found = [one for one in said.json["findings"] if one["what"].startswith("AMQP ")]
    assert [one["level"] for one in found] == ["failed", "failed", "ok"]
    assert "user and password in AKTIF_AMQP_URL" in found[0]["do"]
    assert "vhost" in found[1]["do"]
    assert "geheim" not in said.out


def test_a_refused_smtp_login_and_a_refused_sender_are_told_apart(
    whole: Aktif, relay: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay.answer("mail", "553 5.7.1 Sender address rejected")
    refused_sender = findings(whole("check", "--json"))["mail relay"]
    monkeypatch.setenv("AKTIF_SMTP_URL", f"smtp://aktif:geheim@127.0.0.1:{relay.port}")
    refused_login = findings(whole("check", "--json"))["mail relay"]

    assert "553 5.7.1 Sender address rejected" in refused_sender["found"]
    assert "AKTIF_MAIL_FROM" in refused_sender["do"]
    assert "535" in refused_login["found"]
    assert refused_login["do"] == "correct user and password in AKTIF_SMTP_URL"


def test_drift_of_the_topology_is_named(whole: Aktif, amqp_url: str, rabbitmq: Broker) -> None:
    with Hands(amqp_url, rabbitmq.api_url).channel() as channel:
        channel.queue_delete("wait.1h")
        channel.queue_unbind("state.live", "aktif.hr", "live.*")
        channel.queue_bind("state.bulk", "aktif.hr", "#")

    said = whole("check", "--json")

    drifts = [(one["found"], one["do"]) for one in said.json["findings"] if one["what"] == "topology"]
    assert drifts[0][0].startswith("missing: queue wait.1h, and ")
    assert drifts[0][1] == "run `aktif provision`"
    assert drifts[1][0] == "binding from aktif.hr to state.bulk with key '#' is not ours"
    assert said.code == 1


def test_a_database_of_another_version_is_named(whole: Aktif, connection: Connection) -> None:
    put(connection, "UPDATE alembic_version SET version_num = '0000'")
    other = findings(whole("check", "--json"))["database revision"]
    put(connection, "DROP TABLE alembic_version")
    none = findings(whole("check", "--json"))["database revision"]

    assert (other["level"], none["level"]) == ("failed", "failed")
    assert "0000" in other["found"]
    assert "`aktif provision`" in other["do"]
    assert none["do"] == "run `aktif provision`"


def test_the_login_of_a_service_and_that_of_a_stranger_are_told_apart(
    whole: Aktif, connection: Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    roles = {"aktif_check_mailer": f"IN ROLE {role_of('mailer')}", "aktif_check_stranger": ""}
    for role, member in roles.items():
        put(connection, f"CREATE ROLE {role} LOGIN PASSWORD 'x' {member}")
    try:
        found = {}
        for role in roles:
            parts = urlsplit(database)
            login = f"{role}:x@{parts.hostname}:{parts.port}"
            monkeypatch.setenv("AKTIF_DATABASE_URL", parts._replace(netloc=login).geturl())
            found[role] = findings(whole("check", "--json"))["database rights"]
    finally:
        for role in roles:
            put(connection, f"DROP ROLE {role}")

    assert found["aktif_check_mailer"]["found"] == "reads all, writes the tables of mailer"
    assert found["aktif_check_stranger"]["level"] == "failed"
    assert "may not read accounts" in found["aktif_check_stranger"]["found"]


def test_a_database_that_may_lose_a_commit_is_named(whole: Aktif, connection: Connection, database: str) -> None:
    put(connection, f"ALTER DATABASE {urlsplit(database).path[1:]} SET synchronous_commit = off")

    found = findings(whole("check", "--json"))["database durability"]

    assert (found["level"], found["found"]) == ("failed", "synchronous_commit is off")


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_is_not_in_utf8_is_named_by_check_and_provision(
    whole: Aktif, connection: Connection, database: str, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    url = database_url(database, f"{database_name(database)}_{encoding.lower()}")
    how = f"ENCODING '{encoding}' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0"
    put(connection, f"CREATE DATABASE {database_name(url)} {how}")
    monkeypatch.setenv("AKTIF_DATABASE_URL", url)
    try:
        checked, provisioned = whole("check", "--json"), whole("provision")
    finally:
        drop_database(url)

    found = [one for one in checked.json["findings"] if one["part"] == "database"]
    assert [(one["level"], one["found"]) for one in found] == [("failed", f"the database's encoding is {encoding}")]
    assert found[0]["do"] == "it must be UTF8: create it with ENCODING 'UTF8'"
    assert (checked.code, provisioned.code) == (1, 1)
    assert provisioned.err == f"aktif: {found[0]['found']}; {found[0]['do']}\n"
