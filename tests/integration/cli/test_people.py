"""`aktif register`, `resend`, `withdraw` and `account` on real servers."""

import threading
import time
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection

from schemas.envelope import decode
from services.cli import asking
from services.cli.servers.process import free_port
from tests.integration.cli.conftest import Aktif, Queues, put

HEADER = "ic_number,name,email,registered_at\n"
ROWS = [f"85010{n}-03-0007,PEGAWAI {n},p{n}@example.gov.my,2020-07-13T10:45:50\n" for n in range(1, 10)]
IC = "850101030007"


@pytest.fixture
def staff(tmp_path: Path) -> Path:
    """A staff list of nine people and a bad row."""
    path = tmp_path / "staff.csv"
    path.write_text(HEADER + "".join(ROWS[:4]) + "1,X,x@example.gov.my,2020-07-13\n" + "".join(ROWS[4:]))
    return path


@pytest.fixture(autouse=True)
def _short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_WAIT_SECONDS", 0.3)


def test_good_rows_reach_the_queue_and_bad_ones_are_named(aktif: Aktif, staff: Path, queues: Queues) -> None:
    said = aktif("register", str(staff), "--source", "/hr/kelantan")

    assert said.code == 1
    assert said.err.startswith(f"{staff}:6: ic_number: ")
    assert "10 rows, 9 published on lane bulk, 1 bad" in said.out
    events = queues.take("state.bulk")
    assert len(events) == 9
    assert {event["source"] for event in events} == {"/hr/kelantan"}
    assert len({event["time"] for event in events}) == 1
    assert sorted(event["data"]["name"] for event in events) == [f"PEGAWAI {n}" for n in range(1, 10)]


def test_live_lane_without_mail(aktif: Aktif, staff: Path, queues: Queues) -> None:
    said = aktif("register", str(staff), "--lane", "live", "--no-mail", "--json")

    assert (said.json["published"], said.json["repeats"], len(said.json["bad"])) == (9, 0, 1)
    assert [event["data"]["notify"] for event in queues.take("state.live")] == [False] * 9


def test_a_dry_run_publishes_nothing(aktif: Aktif, staff: Path, queues: Queues) -> None:
    assert "nothing published" in aktif("register", str(staff), "--dry-run").out
    assert queues.take("state.bulk") == []


def test_a_second_run_has_the_same_ids_and_says_what_it_repeats(
    aktif: Aktif, staff: Path, queues: Queues, connection: Connection
) -> None:
    aktif("register", str(staff))
    first = queues.take("state.bulk")
    for event in first[:5]:
        _worked(connection, event["source"], event["id"])

    said = aktif("register", str(staff))

    assert "5 of them had been registered before" in said.out
    assert {event["id"] for event in queues.take("state.bulk")} == {event["id"] for event in first}
    aktif("register", str(staff), "--again")
    assert not {event["id"] for event in queues.take("state.bulk")} & {event["id"] for event in first}


def test_a_wrong_header_is_one_line(reader: Aktif, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a;b\n")

    said = reader("register", str(path))

    assert said.code == 1
    assert said.err.startswith(f"aktif: {path}:1: the header lacks ")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("command", "source", "type_"),
    [
        ("resend", "/aktif/operator/cli", "aktif.ActivationRequested.v1"),
        ("withdraw", "/hr/cli", "aktif.AccountWithdrawn.v1"),
    ],
)
def test_asking_publishes_one_live_event(aktif: Aktif, queues: Queues, command: str, source: str, type_: str) -> None:
    said = aktif(command, "850101-03-0007", "--json")

    (event,) = queues.take("state.live")
    assert (event["source"], event["type"], event["data"]["ic_number"]) == (source, type_, IC)
    assert said.code == 0
    assert said.json == {"source": source, "id": event["id"], "outcome": None, "reason": None}


@pytest.mark.parametrize(
    ("command", "outcome", "reason", "code", "words"),
    [
        ("resend", "applied", "same_link", 0, "done: the mail"),
        ("resend", "ignored", "unknown_account", 1, "no account has this IC number"),
        ("resend", "rejected", "already_active", 1, "active already"),
        ("withdraw", "applied", "withdrawn", 0, "done: the registration is withdrawn"),
        ("withdraw", "ignored", "repeated", 0, "nothing to do"),
        ("withdraw", "rejected", "of_tomorrow", 1, "see `aktif account"),
    ],
)
def test_the_outcome_is_told_in_words(
    aktif: Aktif,
    queues: Queues,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    outcome: str,
    reason: str,
    code: int,
    words: str,
) -> None:
    monkeypatch.setattr(asking, "_WAIT_SECONDS", 20)

    def work() -> None:
        while not (taken := queues.take("state.live")):
            time.sleep(0.05)
        _worked(connection, taken[0]["source"], taken[0]["id"], outcome, reason)

    state = threading.Thread(target=work)
    state.start()
    said = aktif(command, IC)
    state.join()

    assert said.code == code
    assert words in (said.err if code else said.out)


@pytest.mark.parametrize("command", ["resend", "withdraw"])
def test_the_audit_is_told_who_asked_and_why_and_nothing_personal(
    aktif: Aktif, connection: Connection, command: str
) -> None:
    account = _account(connection)

    said = aktif(command, IC, "--why", "asked by phone", "--as", "siti", "--json")

    (entry,) = aktif("audit", "--json").json
    assert (entry["who"], entry["what"], entry["reason"]) == ("siti", command, "asked by phone")
    assert entry["subject"] == f"account {account}"
    assert entry["details"] == {"event_id": said.json["id"]}


def test_what_cannot_be_audited_is_asked_for_all_the_same(
    aktif: Aktif, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AKTIF_DATABASE_URL", f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/none")

    said = aktif("resend", IC)

    assert said.code == 0
    assert "aktif: this is not in the audit: OperationalError" in said.err
    assert len(queues.take("state.live")) == 1


def test_who_looks_at_an_account_in_clear_is_audited(aktif: Aktif, connection: Connection) -> None:
    account = _account(connection)

    aktif("account", IC, "--as", "siti")
    aktif("account", IC, "--why", "ticket 4711", "--as", "siti", "--json")

    looks = [(entry["what"], entry["subject"], entry["reason"]) for entry in aktif("audit", "--json").json]
    assert looks == [("unmask", f"account {account}", why) for why in ("ticket 4711", "aktif account")]


def test_what_is_published_is_what_state_accepts(aktif: Aktif, queues: Queues) -> None:
    import json

    aktif("resend", IC)
    (event,) = queues.take("state.live")

    assert decode(json.dumps(event).encode(), "aktif.events").data.model_dump() == {"reason": "resend", "ic_number": IC}


def test_an_account_in_the_form_of_the_contract(reader: Aktif, connection: Connection) -> None:
    _account(connection)

    found = reader("account", "850101-03-0007", "--json").json

    assert set(found["link"]) == {"issued_at", "accepted_at", "expires_at", "status"}
    assert set(found["timeline"][0]) == {"at", "event", "outcome", "reason"}
    assert found["ic_number"] == IC
    assert found["state"] == "registered"
    assert found["registered_at"] == "2020-07-13T10:45:50+08:00"
    assert found["activated_at"] is None
    assert found["link"]["status"] == "live"
    assert found["link"]["expires_at"] is not None
    assert [mail["result"] for mail in found["mails"]] == ["accepted"]
    assert [attempt["reply"] for attempt in found["mails"][0]["attempts"]] == ["451 4.7.1 later", "250 2.0.0 Ok"]
    assert [(entry["event"], entry["outcome"], entry["reason"]) for entry in found["timeline"]] == [
        ("ActivationRequested.registration", "applied", "registered"),
        ("Mail.activation", "transient", "451 4.7.1 later"),
        ("Mail.activation", "accepted", "250 2.0.0 Ok"),
        ("MailSettled", "applied", "accepted"),
    ]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ("UPDATE mails SET accepted_at = NULL, first_accepted_at = NULL", "unsent"),
        ("UPDATE mails SET accepted_at = now() - interval '31 minutes'", "expired"),
        ("UPDATE mails SET first_accepted_at = now() - interval '25 hours'", "live"),
        ("UPDATE links SET redeemed_at = now(), session_digest = 'x'", "redeemed"),
        ("UPDATE links SET redeemed_at = now(), session_digest = 'x', completed_at = now()", "used"),
        ("UPDATE links SET superseded_at = now()", "superseded"),
    ],
)
def test_the_status_of_the_link(reader: Aktif, connection: Connection, change: str, status: str) -> None:
    _account(connection)
    put(connection, change)

    assert reader("account", IC, "--json").json["link"]["status"] == status
    assert status in reader("account", IC).out


def test_an_account_on_the_screen(reader: Aktif, connection: Connection) -> None:
    _account(connection)

    shown = reader("account", IC).out

    for words in ("850101-03-0007", "PEGAWAI CONTOH", "451 4.7.1 later", "250 2.0.0 Ok", "MailSettled"):
        assert words in shown
    assert "\x1b" not in shown


def test_an_unknown_account_is_one_line(reader: Aktif) -> None:
    said = reader("account", IC)

    assert said.code == 1
    assert said.err == f"aktif: no account has the IC number {IC}; `aktif register` makes one\n"


def _worked(
    connection: Connection, source: str, id_: str, outcome: str = "applied", reason: str = "registered"
) -> None:
    put(
        connection,
        "INSERT INTO state_inbox (source, id, type, digest, outcome, reason, lane, event_time) "
        "VALUES (:source, :id, 'x', 'x', :outcome, :reason, 'live', now())",
        source=source,
        id=id_,
        outcome=outcome,
        reason=reason,
    )


def _account(connection: Connection) -> UUID:
    account, link, mail = uuid4(), uuid4(), uuid4()
    put(
        connection,
        "INSERT INTO accounts (account_id, ic_number, name, email, registered_at, state, hr_source, hr_time) VALUES "
        "(:account, :ic, 'PEGAWAI CONTOH', 'p@example.gov.my', '2020-07-13T10:45:50+08', 'registered', '/hr/x', now())",
        account=account,
        ic=IC,
    )
    put(
        connection,
        "INSERT INTO links (link_id, account_id, purpose, issued_at, mail_id) "
        "VALUES (:link, :account, 'activation', now() - interval '5 minutes', :mail)",
        link=link,
        account=account,
        mail=mail,
    )
    put(
        connection,
        "INSERT INTO mails (mail_id, account_id, link_id, kind, lane, requested_at, email, attempts, first_accepted_at,"
        " accepted_at, result, reply, settled_at) VALUES (:mail, :account, :link, 'activation', 'live', "
        "now() - interval '5 minutes', 'p@example.gov.my', 2, now() - interval '2 minutes', "
        "now() - interval '2 minutes', 'accepted', '250 2.0.0 Ok', now())",
        mail=mail,
        account=account,
        link=link,
    )
    put(
        connection,
        "INSERT INTO attempts (mail_id, at, email, result, smtp_code, enhanced_code, reply, milliseconds) VALUES "
        "(:mail, now() - interval '4 minutes', 'p@example.gov.my', 'transient', 451, '4.7.1', '451 4.7.1 later', 12), "
        "(:mail, now() - interval '2 minutes', 'p@example.gov.my', 'accepted', 250, '2.0.0', '250 2.0.0 Ok', 34)",
        mail=mail,
    )
    for event, reason, minutes in (
        ("ActivationRequested.registration", "registered", 5),
        ("MailSettled", "accepted", 1),
    ):
        put(
            connection,
            "INSERT INTO history (account_id, at, event, source, id, event_time, outcome, reason, to_state) VALUES "
            "(:account, now() - make_interval(mins => :minutes), :event, 's', 'i', now(), 'applied', :reason, "
            "'registered')",
            account=account,
            event=event,
            reason=reason,
            minutes=minutes,
        )
    return account
