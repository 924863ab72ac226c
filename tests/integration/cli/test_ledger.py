"""`aktif ledger`: what it found is printed and kept; what is lost is mended."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, make_url, text

from shared.operations import ledger
from shared.operations.audit import Entry, read
from shared.operations.ledger import Verdict, audit
from shared.operations.ledger_runs import Run, newest
from shared.store.roles import allow, grant
from tests.integration.cli.conftest import Aktif, Queues, put
from tests.support.ledger import EMPTY, Depths, letters_of_all, one_round
from tests.support.letters import bad_ones_dead, file_all, registrations_dead

REGISTRATIONS = 5
DONE = ["--why", "ticket 4711", "--as", "siti", "--yes"]


@pytest.fixture(autouse=True)
def _no_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "_SETTLE_SECONDS", 0.0)


@pytest.fixture
def mails(connection: Connection) -> list[UUID]:
    """Registrations that were worked, each of which caused a mail that was worked and settled; their mail ids."""
    return [one_round(connection, str(number)) for number in range(REGISTRATIONS)]


@pytest.fixture
def reading(aktif: Aktif, connection: Connection, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aktif]:
    """The command line with a login that may read all, and write nothing of the operators'."""
    with connection.engine.begin() as inside:
        grant(inside)
        allow(inside, "mailer", login := f"reader_of_{make_url(database).database}", "rahsia")
    mine = make_url(database).set(username=login, password="rahsia")
    monkeypatch.setenv("AKTIF_DATABASE_URL", mine.render_as_string(hide_password=False))
    yield aktif
    connection.execute(text(f"DROP ROLE {login}"))


def test_a_clean_ledger_exits_0_and_is_kept(aktif: Aktif, connection: Connection, mails: list[UUID]) -> None:
    said = aktif("ledger")

    assert said.code == 0
    assert "Clean" in said.out
    printed = aktif("ledger", "--json", "--as", "siti").json
    assert printed["caused"] == 2 * len(mails)
    assert (printed["clean"], printed["verdict"], printed["lost"], printed["mended"]) == (True, "clean", 0, 0)
    second, first = runs(connection)
    assert (first.verdict, first.caused, first.done) == (Verdict.CLEAN, 2 * len(mails), 2 * len(mails))
    assert (second.ledger_id, second.who, round(second.seconds, 3)) == (
        printed["ledger_id"], "siti", printed["seconds"],
    )  # fmt: skip
    assert not acts(connection)


@pytest.mark.usefixtures("mails")
def test_mend_publishes_what_is_lost_under_the_same_id(
    aktif: Aktif,
    engine: Engine,
    connection: Connection,
    queues: Queues,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.cli.ledger_command._api", lambda _: EMPTY)
    put(connection, "DELETE FROM mailer_inbox WHERE id = (SELECT max(id) FROM mailer_inbox)")
    put(connection, "DELETE FROM state_inbox WHERE source = '/aktif/mailer'")
    missing = {event.id for event in audit(engine, EMPTY).missing}

    before = aktif("ledger")
    mended = aktif("ledger", "--mend", "--as", "siti", "--why", "baris gilir dikosongkan", "--json")

    assert before.code == 1
    assert "aktif ledger --mend" in before.out
    assert mended.code == 0
    assert (mended.json["lost"], mended.json["mended"]) == (REGISTRATIONS, REGISTRATIONS)
    published = [*queues.take("mailer.live"), *queues.take("mailer.bulk"), *queues.take("state.live")]
    assert {event["id"] for event in published} == missing
    assert [event["type"] for event in published] == ["aktif.MailRequested.v1"] + ["aktif.MailSettled.v1"] * 4
    (act,) = acts(connection)
    assert (act.who, act.what, act.reason) == ("siti", "mend", "baris gilir dikosongkan")
    assert (act.subject, act.details) == (f"ledger {mended.json['ledger_id']}", {"events": REGISTRATIONS})
    assert [(run.verdict, run.lost, run.mended) for run in runs(connection)] == [
        (Verdict.LOST, REGISTRATIONS, REGISTRATIONS), (Verdict.LOST, REGISTRATIONS, 0),
    ]  # fmt: skip


def test_mend_sends_a_lost_replay_under_its_number_and_a_lost_registration_as_it_was(
    aktif: Aktif, engine: Engine, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.cli.ledger_command._api", lambda _: EMPTY)
    first, second = file_all(engine, [*registrations_dead(1), *bad_ones_dead(1)])
    assert aktif("dead", "replay", str(first), *DONE, "--wait", "0").code == 0
    corrected = aktif("dead", "register", str(second), "--ic-number", "851220-01-0007", *DONE, "--json").json["id"]
    lost = [*queues.take("state.bulk"), *queues.take("state.live")]

    found = aktif("ledger")
    mended = aktif("ledger", "--mend", "--why", "baris gilir dikosongkan", "--json")

    assert found.code == 1
    assert f"letter {first}" in found.out
    assert "nowhere since replay 1" in found.out
    assert f"letter {second}" in found.out
    assert "nowhere since it was registered again" in found.out
    assert mended.code == 0
    assert (mended.json["sent"], mended.json["lost"], mended.json["mended"]) == (2, 2, 2)
    published = [*queues.take("state.bulk"), *queues.take("state.live")]
    assert published == lost
    assert [event["id"] for event in published] == ["reg-0", corrected]


@pytest.mark.usefixtures("mails")
def test_what_is_not_decided_is_not_mended(
    aktif: Aktif, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.cli.ledger_command._api", lambda _: Depths({"mailer.live": 1}))
    put(connection, "DELETE FROM mailer_inbox")

    said = aktif("ledger", "--mend")

    assert said.code == 1
    assert "Not decided: 5 events" in said.out
    assert [(run.verdict, run.waiting, run.mended) for run in runs(connection)] == [(Verdict.UNDECIDED, 1, 0)]
    assert not acts(connection)


@pytest.mark.usefixtures("mails")
def test_what_is_found_twice_says_how_it_is_settled(aktif: Aktif, connection: Connection) -> None:
    letters_of_all(connection, "mailer")
    put(connection, "UPDATE letters SET filed_at = now() + interval '1 hour'")

    said = aktif("ledger")

    assert said.code == 1
    assert "worked, and dead after that" in said.out
    assert "aktif dead discard" in said.out
    assert [(run.verdict, run.twice) for run in runs(connection)] == [(Verdict.TWICE, REGISTRATIONS)]


@pytest.mark.usefixtures("mails")
def test_a_login_that_may_not_write_sees_the_ledger_and_is_told_that_it_is_not_kept(
    reading: Aktif, connection: Connection
) -> None:
    said = reading("ledger")

    assert said.code == 0
    assert "Clean" in said.out
    assert said.err.startswith("aktif: this result is not kept: the database refuses: permission denied")
    assert said.err.count("\n") == 1
    assert runs(connection) == []


@pytest.mark.usefixtures("mails")
def test_a_login_that_may_not_write_mends_nothing(
    reading: Aktif, connection: Connection, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.cli.ledger_command._api", lambda _: EMPTY)
    put(connection, "DELETE FROM mailer_inbox")

    said = reading("ledger", "--mend")

    assert said.code == 1
    assert "aktif: nothing is mended" in said.err
    assert "Not clean" in said.out
    assert queues.take("mailer.bulk") == []


def runs(connection: Connection) -> list[Run]:
    """The runs that were kept, the newest first."""
    return newest(connection, limit=10)


def acts(connection: Connection) -> list[Entry]:
    """What the audit tells."""
    return read(connection)
