"""`aktif dead` with all that can be done about letters, `aktif operator` and `aktif audit`, as a person types them."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text

from schemas.events import Exchange
from schemas.examples import EXAMPLES
from services.cli.servers.process import free_port
from shared.store.roles import grant, role_of
from tests.integration.cli.conftest import Aktif, Queues, put
from tests.support.letters import bad_ones_dead, file_all, letter, registrations_dead
from tests.support.registrations import hr_event, ic_number
from tests.support.waiting import eventually

DONE = ["--why", "ticket 4711", "--as", "siti", "--yes"]
AT_ONCE = [*DONE, "--wait", "0"]
PASSWORD = "Kereta-Merah-1985"


@pytest.fixture
def at_terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Standard input, to be filled with what is typed."""
    typed = io.StringIO()
    typed.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdin", typed)
    return typed


def test_a_plan_counts_and_changes_nothing(reader: Aktif, engine: Engine) -> None:
    file_all(engine, [*registrations_dead(2), *bad_ones_dead(1)])

    said, data = reader("dead", "plan"), reader("dead", "plan", "--reason", "database_error", "--json").json

    assert "3 letters match." in said.out
    assert "3 letters to send." in said.out
    assert "bad_ic_number: Correct it in the HR system" in said.out
    assert (data["matching"], data["to_send"], data["by_reason"]) == (2, 2, {"free": {"database_error": 2}})
    assert reader("audit", "--json").json == []


def test_a_list_says_how_many_causes_it_leaves_out(reader: Aktif, engine: Engine) -> None:
    file_all(engine, [letter(hr_event(str(n), {}), f"reason_{n}") for n in range(203)])

    said, data = reader("dead", "list", "--limit", "0"), reader("dead", "list", "--json").json

    assert "3 more causes with 3 letters: filter by --reason, --queue or --since to see them" in said.out
    assert "203 letters" in said.out
    assert (len(data["groups"]), data["groups_left_out"]) == (200, 3)


def test_letters_are_replayed_to_their_home_and_the_end_says_what_became_of_them(
    aktif: Aktif, engine: Engine, queues: Queues
) -> None:
    file_all(engine, registrations_dead(3))

    said = aktif("dead", "replay", *AT_ONCE, "--limit", "2")

    assert said.code == 0
    assert "Replay 1 is done: 2 letters sent." in said.out
    assert "2  not worked yet" in said.out
    assert sorted(event["id"] for event in queues.take("state.bulk")) == ["reg-0", "reg-1"]
    assert aktif("dead", "list", "--json").json["letters"][0]["id"] == "reg-2"
    assert aktif("dead", "list", "--status", "replayed", "--json").json["groups"][0]["letters"] == 2
    assert "0 letters to send: nothing to do." in aktif("dead", "replay", "1", *DONE).err


def test_the_numbers_of_a_replay_as_json(aktif: Aktif, engine: Engine) -> None:
    file_all(engine, registrations_dead(2))

    data = aktif("dead", "replay", "--json", "--rate", "1000", *AT_ONCE).json

    assert {name: data[name] for name in ("state", "who", "letters", "waiting", "rate")} == {
        "state": "done", "who": "siti", "letters": 2, "waiting": 2, "rate": 1000,
    }  # fmt: skip


@pytest.mark.parametrize(
    "command", [["replay", "1"], ["discard", "1"], ["register", "1", "--ic-number", "850101030007"]], ids=lambda c: c[0]
)
def test_nothing_is_done_where_nobody_can_be_asked_and_nobody_said_yes(
    aktif: Aktif, engine: Engine, command: list[str]
) -> None:
    file_all(engine, bad_ones_dead(1))

    said = aktif("dead", *command, "--why", "x")

    assert said.code == 2
    assert "--yes" in said.err
    assert aktif("audit", "--json").json == []


def test_without_a_why_nothing_is_done(aktif: Aktif, engine: Engine) -> None:
    file_all(engine, bad_ones_dead(1))

    for command in (["replay", "1"], ["discard", "1"], ["register", "1"], ["show", "1", "--unmask"]):
        said = aktif("dead", *command, *(["--yes"] if command[0] != "show" else []))
        assert (said.code, "--why" in said.err) == (2, True)
    assert aktif("audit", "--json").json == []


def test_at_a_terminal_one_is_asked_and_a_no_does_nothing(
    aktif: Aktif, engine: Engine, at_terminal: io.StringIO
) -> None:
    file_all(engine, registrations_dead(1))
    at_terminal.write("n\n")
    at_terminal.seek(0)

    said = aktif("dead", "replay", "--why", "x")

    assert said.code == 1
    assert "Send 1 letter home?" in said.err
    assert "Nothing was done." in said.err


def test_a_replay_without_a_broker_keeps_its_rows_and_says_how_to_go_on(
    aktif: Aktif, engine: Engine, monkeypatch: pytest.MonkeyPatch, amqp_url: str
) -> None:
    file_all(engine, registrations_dead(2))
    monkeypatch.setenv("AKTIF_AMQP_URL", f"amqp://aktif:geheim@127.0.0.1:{free_port()}/x")

    said = aktif("dead", "replay", *AT_ONCE)

    assert said.code == 1
    assert "`aktif dead replay --resume 1` goes on" in said.err
    assert "the broker cannot be used" in said.err
    assert "geheim" not in said.err
    assert "Replay 1 of siti is not over, 0 of 2 letters sent" in aktif("dead", "list").out
    monkeypatch.setenv("AKTIF_AMQP_URL", amqp_url)
    assert "2 letters sent" in aktif("dead", "replay", "--resume", "1", "--wait", "0").out


def test_ctrl_c_ends_a_replay_in_order_and_it_can_be_resumed(
    aktif: Aktif, engine: Engine, queues: Queues, tmp_path: Path
) -> None:
    file_all(engine, registrations_dead(40))
    command = [sys.executable, "-m", "services.cli", "dead", "replay", "--rate", "8", *DONE]
    root = Path(__file__).parents[3]
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(root)}, stdout=said, stderr=said)
    marked = text("SELECT count(*) FROM replays WHERE published_at IS NOT NULL")

    def some() -> bool:
        with engine.connect() as connection:
            return int(connection.execute(marked).scalar_one()) >= 4

    eventually("some letters are sent", some)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 1

    assert "aktif dead replay --resume 1` goes on" in (tmp_path / "said").read_text()
    sent = len(queues.take("state.bulk"))
    assert 4 <= sent < 40
    assert aktif("dead", "replay", "--resume", "2", *DONE).err.endswith("no replay has the number 2\n")
    put_rate = text("UPDATE operations SET rate = NULL")
    with engine.begin() as connection:
        connection.execute(put_rate)
    assert "40 letters sent" in aktif("dead", "replay", "--resume", "1", "--wait", "0", "--as", "siti").out
    assert len(queues.take("state.bulk")) == 40 - sent
    acts = [line["what"] for line in reversed(aktif("audit", "--json").json)]
    assert acts == ["replay", "replay_cancel", "replay_resume", "replay_done"]


def test_a_letter_is_registered_again_with_a_correction(aktif: Aktif, engine: Engine, queues: Queues) -> None:
    file_all(engine, bad_ones_dead(1))

    said = aktif("dead", "register", "1", "--ic-number", "850101-03-0007", "--no-mail", *DONE)

    assert said.code == 0
    (event,) = queues.take("state.live")
    assert event["data"]["ic_number"] == "850101030007"
    assert event["data"]["notify"] is False
    assert (event["source"], event["causationid"]) == ("/hr/contoh", "bad-0")
    shown = aktif("dead", "show", "1").out
    assert "registered by siti" in shown
    assert "not worked yet" in shown
    assert aktif("dead", "list").out == "No dead letters.\n"


def test_a_letter_stays_open_where_the_broker_is_away_and_the_same_line_does_the_rest(
    aktif: Aktif, engine: Engine, queues: Queues, monkeypatch: pytest.MonkeyPatch, amqp_url: str
) -> None:
    file_all(engine, bad_ones_dead(1))
    line = ("dead", "register", "1", "--ic-number", "850101-03-0007", *DONE)
    monkeypatch.setenv("AKTIF_AMQP_URL", f"amqp://aktif:geheim@127.0.0.1:{free_port()}/x")

    assert aktif(*line).code == 1
    assert len(aktif("dead", "list", "--json").json["letters"]) == 1

    monkeypatch.setenv("AKTIF_AMQP_URL", amqp_url)
    assert aktif(*line).code == 0
    assert aktif("dead", "list", "--json").json["letters"] == []
    assert len({line["details"]["event_id"] for line in aktif("audit", "--json").json}) == 1
    assert len(queues.take("state.live")) == 1


@pytest.mark.usefixtures("at_terminal")
@pytest.mark.parametrize("act", ["replay", "discard"])
def test_what_is_filed_while_one_is_asked_is_not_meant(
    aktif: Aktif, engine: Engine, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_all(engine, registrations_dead(2))

    def yes_after_another_is_filed(*_: object, **__: object) -> bool:
        file_all(engine, registrations_dead(1, first=2))
        return True

    monkeypatch.setattr("typer.confirm", yes_after_another_is_filed)
    code = aktif("dead", act, "--reason", "database_error", "--why", "x", *(["--wait", "0"] * (act == "replay"))).code

    assert code == 0
    assert [letter["id"] for letter in aktif("dead", "list", "--json").json["letters"]] == ["reg-2"]


def test_a_replay_is_cancelled_from_another_terminal(
    aktif: Aktif, engine: Engine, monkeypatch: pytest.MonkeyPatch, amqp_url: str
) -> None:
    file_all(engine, registrations_dead(2))
    monkeypatch.setenv("AKTIF_AMQP_URL", f"amqp://aktif:geheim@127.0.0.1:{free_port()}/x")
    assert aktif("dead", "replay", *AT_ONCE).code == 1

    cancelled, again = (aktif("dead", "replay", "--cancel", "1", "--as", "rahim") for _ in range(2))

    assert cancelled.out == "Replay 1 has ended; what is not sent is free again.\n"
    assert (again.code, again.err) == (1, "aktif: replay 1 had ended before\n")
    assert aktif("dead", "replay", "--cancel", "1", "--resume", "1").code == 2
    assert aktif("dead", "plan", "--json").json["to_send"] == 2
    monkeypatch.setenv("AKTIF_AMQP_URL", amqp_url)
    assert aktif("dead", "replay", "--resume", "1", "--wait", "0", "--json").json["planned"] == 2


def test_a_correction_that_is_none_is_wrong_usage_and_repeats_no_value(aktif: Aktif, engine: Engine) -> None:
    file_all(engine, bad_ones_dead(1))

    said = aktif("dead", "register", "1", "--email", "rahsia", *DONE)

    assert said.code == 2
    assert said.err.count("\n") == 1
    assert "--ic-number" in said.err
    assert "--email" in said.err
    assert "rahsia" not in said.err


def test_letters_are_discarded_and_opened_again(reader: Aktif, engine: Engine) -> None:
    file_all(engine, [*bad_ones_dead(3), *registrations_dead(1)])

    assert reader("dead", "discard", "--reason", "bad_ic_number", *DONE).out == "3 letters discarded.\n"
    assert reader("dead", "discard", "1", *DONE).code == 1
    assert len(reader("dead", "list", "--json").json["letters"]) == 1
    assert reader("dead", "discard", "1", "3", "--undo", "--json", *DONE).json == {"opened": 2}
    assert len(reader("dead", "list", "--json").json["letters"]) == 3
    assert reader("dead", "discard", *DONE).code == 2, "all letters at once are nobody's wish"


def test_a_letter_shows_what_is_suggested_with_its_command_and_what_hr_was_told(reader: Aktif, engine: Engine) -> None:
    file_all(engine, bad_ones_dead(1))

    said = " ".join(reader("dead", "show", "1").out.replace("│", " ").split())

    assert "register: aktif dead register 1 --ic-number IC" in said
    assert "EventRejected on the feed of contoh: bad_ic_number, data.ic_number" in said
    data = reader("dead", "show", "1", "--json").json
    assert data["suggested"] == "register"
    assert data["told"]["reason"] == "bad_ic_number"


def test_unmasking_is_kept_in_the_audit_with_who_and_why(reader: Aktif, engine: Engine) -> None:
    file_all(engine, registrations_dead(1))
    assert "PEGAWAI CONTOH" not in reader("dead", "show", "1").out

    said = reader("dead", "show", "1", "--unmask", "--why", "HR asks", "--as", "siti")

    assert "PEGAWAI CONTOH 0" in said.out
    assert json.loads(said.err)["event"] == "audit"
    assert "PEGAWAI" not in said.err
    assert [(line["who"], line["what"], line["reason"]) for line in reader("audit", "--json").json] == [
        ("siti", "unmask", "HR asks")
    ]
    table = reader("audit", "--since", "1h", "--who", "siti").out
    assert "letter 1" in table
    assert "HR asks" in table
    assert "Nothing of that" in reader("audit", "--who", "rahim").out


def test_what_a_person_did_in_the_portal_is_shown_to_nobody(reader: Aktif, engine: Engine) -> None:
    file_all(engine, [letter(EXAMPLES["QuestionsSet"].body, origin=Exchange.PORTAL)])

    for words in ([], ["--json"], ["--unmask", "--why", "curious"], ["--unmask", "--why", "curious", "--json"]):
        said = reader("dead", "show", "1", *words)
        assert said.code == 0
        assert "argon2id" not in said.out


def test_letters_are_found_by_person_group_and_time(reader: Aktif, engine: Engine) -> None:
    file_all(engine, [*bad_ones_dead(2), *registrations_dead(2)])
    group = next(one for one in reader("dead", "list", "--json").json["groups"] if one["reason"] == "bad_ic_number")

    def count(*words: str) -> int:
        return len(reader("dead", "list", "--json", *words).json["letters"])

    assert count("--ic", ic_number(1)) == 1
    assert count("--group", group["fingerprint"]) == 2
    assert count("--text", "reg-") == 2
    assert count("--since", "1h") == 4
    assert count("--until", "1h") == 0
    assert count("--type", "PasswordSet") == 0
    assert reader("dead", "list", "--ic", "x").code == 2


def test_people_of_the_console_are_added_listed_and_removed(reader: Aktif, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\n"))

    said = reader("operator", "add", "siti", "--role", "viewer", "--as", "root")
    assert (said.code, said.out) == (0, "siti may use the console as viewer.\n")
    assert PASSWORD not in said.err
    assert [(one["name"], one["role"]) for one in reader("operator", "list", "--json").json] == [("siti", "viewer")]
    assert "siti" in reader("operator", "list").out
    assert "argon2id" not in reader("operator", "list", "--json").out

    monkeypatch.setattr(sys, "stdin", io.StringIO("short\n"))
    assert reader("operator", "add", "rahim", "--role", "operator").code == 2
    assert reader("operator", "remove", "siti").code == 0
    assert reader("operator", "remove", "siti").code == 1
    assert "Nobody may use" in reader("operator", "list").out


def test_all_of_it_is_done_with_the_operators_own_role(
    aktif: Aktif, engine: Engine, connection: Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_all(engine, [*registrations_dead(2), *bad_ones_dead(2)])
    grant(connection)
    put(connection, f"ALTER ROLE {role_of('operator')} LOGIN PASSWORD 'x'")
    monkeypatch.setenv("AKTIF_DATABASE_URL", database.replace(database.partition("://")[2].partition("@")[0],
                                                              f"{role_of('operator')}:x"))  # fmt: skip

    assert aktif("dead", "replay", "1", *AT_ONCE).code == 0
    assert aktif("dead", "register", "3", "--ic-number", "850101030007", *DONE).code == 0
    assert aktif("dead", "discard", "4", *DONE).code == 0
    assert aktif("dead", "show", "2", "--unmask", *DONE[:4]).code == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\n"))
    assert aktif("operator", "add", "siti", "--role", "viewer").code == 0
    assert len(aktif("audit", "--json").json) == 6
