"""`aktif provision`, `queues`, `dead`, and what is said when a server is down."""

from pathlib import Path

import pika
import pytest
from sqlalchemy import Connection

from schemas.events import Exchange, Lane
from schemas.examples import EXAMPLES
from services.archivist.letters import file
from services.cli import logins
from services.cli.servers.process import free_port
from shared.broker.management import Management, ManagementApi, QueueState, vhost_of
from shared.broker.topology import LETTERS, TOPOLOGY
from shared.broker.verdicts import Delivery
from shared.settings import load_settings
from shared.store import bulk, tables
from tests.conftest import Broker
from tests.integration.cli.conftest import Aktif, put


def test_provision_is_repeatable(aktif: Aktif) -> None:
    for _ in range(2):
        said = aktif("provision")
        assert (said.code, said.err) == (0, "")
        assert "12 exchanges, 12 queues" in said.out


def test_drift_is_named_and_fails(aktif: Aktif, amqp_url: str, rabbitmq: Broker) -> None:
    api, vhost = Management(rabbitmq.api_url), vhost_of(amqp_url)
    api.request("DELETE", f"queues/{vhost}/wait.5s")
    api.request("PUT", f"queues/{vhost}/wait.5s", {"durable": True, "arguments": {"x-queue-type": "quorum"}})

    said = aktif("provision")

    assert said.code == 1
    assert "drift: " in said.err
    assert "wait.5s" in said.err


def test_an_hr_system_gets_a_user_that_can_only_publish_and_read_its_feed(
    aktif: Aktif, amqp_url: str, rabbitmq: Broker
) -> None:
    name = vhost_of(amqp_url)
    api = Management(rabbitmq.api_url)
    try:
        first = aktif("provision", "--hr", "kelantan")
        again = aktif("provision", "--hr", "kelantan")
        permissions = api.request("GET", f"permissions/{name}/hr-kelantan-{name}")
        password = first.out.partition(", password ")[2].split()[0]
        _use_as(f"hr-kelantan-{name}", password, amqp_url, "kelantan")
    finally:
        api.request("DELETE", f"users/hr-kelantan-{name}")

    assert (first.code, again.code) == (0, 0)
    assert "its password stays" in again.out
    assert permissions["configure"] == "^$"
    assert permissions["write"] == r"^aktif\.hr$"


def test_an_hr_password_that_a_new_folder_replaces_is_said_to_be_no_longer_good(
    amqp_url: str, rabbitmq: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = vhost_of(amqp_url)
    monkeypatch.setenv("AKTIF_AMQP_URL", amqp_url)
    monkeypatch.setenv("AKTIF_BROKER_API_URL", rabbitmq.api_url)
    said = []
    try:
        for folder in (None, tmp_path, tmp_path):
            assert logins.of_hr(load_settings(), "kelantan", folder)
            said.append(capsys.readouterr().err)
    finally:
        Management(rabbitmq.api_url).request("DELETE", f"users/hr-kelantan-{name}")

    replaced = f"aktif: hr-kelantan-{name} was there; its password before is no longer good\n"
    assert said == ["", replaced, ""]


def _use_as(user: str, password: str, amqp_url: str, name: str) -> None:
    parameters = pika.URLParameters(amqp_url)
    parameters.credentials = pika.PlainCredentials(user, password)
    with pika.BlockingConnection(parameters) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish("aktif.hr", "live.ActivationRequested", b"{}", mandatory=True)
        assert channel.basic_get(f"feed.{name}", auto_ack=True) == (None, None, None)
        with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="ACCESS_REFUSED"):
            channel.basic_get("state.live")


def test_without_the_management_api_the_user_cannot_be_made(
    aktif: Aktif, amqp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AKTIF_BROKER_API_URL", f"http://127.0.0.1:{free_port()}")

    said = aktif("provision", "--hr", "kelantan")

    assert said.code == 1
    assert f"the user hr-kelantan-{vhost_of(amqp_url)} could not be made" in said.err
    assert "policies and bindings were not checked" in said.err
    assert said.err.count("\n") == 2


def test_queues_say_who_is_missing(aktif: Aktif) -> None:
    found = {line["queue"]: line for line in aktif("queues", "--json").json}

    assert list(found) == [queue.name for queue in TOPOLOGY.queues]
    assert found["state.live"]["remark"] == "no consumer: start `aktif state`"
    assert found["dead"]["is_wrong"]
    assert not found["wait.5s"]["is_wrong"]
    assert "start `aktif mailer`" in aktif("queues").out


def test_queues_tell_lag_and_new_letters(aktif: Aktif, connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    put(
        connection,
        "INSERT INTO state_inbox (source, id, type, digest, outcome, lane, event_time, at) VALUES "
        "('s', 'old', 'x', 'x', 'applied', 'bulk', now() - interval '9 hours', now() - interval '1 hour'), "
        "('s', 'new', 'x', 'x', 'applied', 'bulk', now() - interval '40 seconds', now() - interval '10 seconds')",
    )
    _letter(connection, "PasswordSet", Exchange.HR, "wrong_exchange")
    _letter(connection, "ActivationRequested", Exchange.HR, "bad_field")
    put(connection, "INSERT INTO closings (letter_id, kind, who, reason) VALUES (2, 'discarded', 'siti', 'ujian')")
    worked = [QueueState(name, True, {}, 0, 0, 1, 0, 0, 0) for name in ("state.bulk", "dead", "feed.kelantan")]
    monkeypatch.setattr(ManagementApi, "queues", lambda _: worked)

    found = {line["queue"]: line for line in aktif("queues", "--json").json}

    assert found["state.bulk"]["lag"] == pytest.approx(30, abs=1)
    assert found["state.bulk"]["last_taken"] == pytest.approx(10, abs=5)
    assert found["dead"]["remark"] == "1 letter filed within the hour: `aktif dead list`"
    assert found["mailer.live"]["remark"] == "is not there: run `aktif provision`"
    assert list(found)[-1] == "feed.kelantan"


def test_dead_letters_are_listed_by_cause(reader: Aktif, connection: Connection) -> None:
    _letter(connection, "PasswordSet", Exchange.HR, "wrong_exchange")
    _letter(connection, "ActivationRequested", Exchange.HR, "bad_field")

    said = reader("dead", "list")
    data = reader("dead", "list", "--json", "--reason", "bad_field").json

    assert "It must never be worked" in " ".join(said.out.split())
    assert "2 letters" in said.out
    assert [(group["reason"], group["letters"]) for group in data["groups"]] == [("bad_field", 1)]
    assert [letter["type"] for letter in data["letters"]] == ["aktif.ActivationRequested.v1"]
    assert reader("dead", "list", "--json", "--limit", "1").json["letters"][0]["reason"] == "bad_field"


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (["--queue", "state.live"], 1),
        (["--queue", "mailer.live"], 0),
        (["--since", "1h"], 1),
        (["--since", "2100-01-01"], 0),
        (["--reason", "x"], 0),
    ],
)
def test_letters_are_filtered(reader: Aktif, connection: Connection, filters: list[str], found: int) -> None:
    _letter(connection, "ActivationRequested", Exchange.HR, "bad_field")

    assert len(reader("dead", "list", "--json", *filters).json["letters"]) == found


def test_no_dead_letters(reader: Aktif) -> None:
    assert reader("dead", "list").out == "No dead letters.\n"


def test_one_letter_is_shown_masked_with_what_to_do_and_its_account(reader: Aktif, connection: Connection) -> None:
    _letter(connection, "ActivationRequested", Exchange.HR, "bad_field")
    put(
        connection,
        "INSERT INTO accounts (account_id, ic_number, state, hr_source, hr_time) "
        "VALUES (gen_random_uuid(), '850101030007', 'withdrawn', '/hr/x', now())",
    )

    said = reader("dead", "show", "1")

    assert said.code == 0
    for words in (
        "bad_field",
        "what to do",
        "8501********",
        "p***@example.gov.my",
        "withdrawn",
        "the letter is obsolete",
    ):
        assert words in said.out
    assert "PEGAWAI CONTOH" not in said.out
    data = reader("dead", "show", "1", "--json")
    assert data.json["account_state"] == "withdrawn"
    assert "PEGAWAI CONTOH" not in data.out
    assert "850101030007" not in data.out


def test_what_a_person_did_in_the_portal_is_never_shown(reader: Aktif, connection: Connection) -> None:
    _letter(connection, "PasswordSet", Exchange.PORTAL, "unknown_link")

    for said in (reader("dead", "show", "1"), reader("dead", "show", "1", "--json")):
        assert "never shown" in said.out
        assert "argon2id" not in said.out


def test_a_letter_that_is_not_there(reader: Aktif) -> None:
    said = reader("dead", "show", "17")

    assert (said.code, said.err.count("\n")) == (1, 1)


@pytest.mark.parametrize(
    ("variable", "url", "commands", "words"),
    [
        (
            "AKTIF_AMQP_URL",
            "amqp://aktif:geheim@127.0.0.1:{port}/x",
            [["provision"], ["resend", "850101030007"], ["withdraw", "850101030007"]],
            "the broker cannot be used",
        ),
        (
            "AKTIF_BROKER_API_URL",
            "http://aktif:geheim@127.0.0.1:{port}",
            [["queues"]],
            "management API",
        ),
        (
            "AKTIF_DATABASE_URL",
            "postgresql+psycopg://aktif:geheim@127.0.0.1:{port}/x",
            [["provision"], ["account", "850101030007"], ["ledger"], ["dead", "list"], ["dead", "show", "1"]],
            "the database does not answer",
        ),
    ],
)
def test_a_server_that_is_down_is_one_line_and_exit_code_1(
    aktif: Aktif, monkeypatch: pytest.MonkeyPatch, variable: str, url: str, commands: list[list[str]], words: str
) -> None:
    monkeypatch.setenv(variable, url.format(port=free_port()))

    for command in commands:
        said = aktif(*command)
        assert said.code == 1
        (line,) = _complaints(said.err)
        assert words in line
        assert "geheim" not in said.err


def test_a_database_without_tables_says_what_to_do(reader: Aktif, connection: Connection) -> None:
    put(connection, "DROP TABLE letters")

    assert reader("dead", "list").err == (
        "aktif: the database lacks tables or columns of this version: run `aktif provision`\n"
    )


def test_a_refused_login_is_said(aktif: Aktif, monkeypatch: pytest.MonkeyPatch, amqp_url: str) -> None:
    wrong = amqp_url.replace(amqp_url.partition("://")[2].partition("@")[0], "nobody:geheim")
    monkeypatch.setenv("AKTIF_AMQP_URL", wrong)
    assert "ACCESS_REFUSED" in aktif("resend", "850101030007").err


def test_a_broker_without_the_topology_says_what_to_do(aktif: Aktif, amqp_url: str, rabbitmq: Broker) -> None:
    Management(rabbitmq.api_url).request("DELETE", f"exchanges/{vhost_of(amqp_url)}/aktif.events")

    said = aktif("resend", "850101030007")

    (line,) = _complaints(said.err)
    assert said.code == 1
    assert "run `aktif provision`" in line


def _complaints(said: str) -> list[str]:
    """What was said besides the lines of the audit."""
    return [line for line in said.splitlines() if '"event": "audit"' not in line]


def _letter(connection: Connection, name: str, origin: str, reason: str) -> None:
    headers = {"x-service": "state", "x-queue": "state.live", "x-origin": origin, "x-reason": reason, "x-detail": "why"}
    row = file(Delivery(EXAMPLES[name].body, None, origin, Lane.LIVE, via=LETTERS, headers=headers))
    bulk.insert_rows(connection, tables.letters, [row])
