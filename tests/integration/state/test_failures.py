"""A database that goes away, statements that fail, and bugs."""

from collections.abc import Callable, Sequence

import psycopg
import pytest
import structlog
from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from schemas.envelope import Event
from services.state import batch
from services.state.accounts import Accounts
from services.state.decisions import Account, Moment, Rules, Ruling
from services.state.failures import LADDER
from services.state.lifecycle import decide
from services.state.worker import StateHandler
from shared.broker.verdicts import Dead, DependencyDown, Done, Retry
from shared.store.engine import open_engine
from tests.integration.state.desk import Desk
from tests.support.builders import IC, delivery, registration
from tests.support.servers import create_database, drop_database

OTHER_IC = "900202035008"


def kill_other_sessions(url: str) -> int:
    with psycopg.connect(url, autocommit=True) as connection:
        killed = connection.execute(
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()
    return 0 if killed is None else int(killed[0])


def test_a_connection_lost_in_the_middle_of_a_batch_repeats_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []
    genuine: Callable[[Accounts], None] = Accounts.save

    def save(self: Accounts) -> None:
        genuine(self)
        if not killed:
            killed.append(kill_other_sessions(desk.plain_url))

    monkeypatch.setattr(Accounts, "save", save)

    verdicts = desk.works(delivery(registration()), delivery(registration(OTHER_IC)))

    assert killed
    assert killed[0] >= 1
    assert verdicts == ["done", "done"]
    assert len(desk.timeline()) == len(desk.inbox()) == 2


def test_a_database_that_stays_away_is_a_dependency_that_is_down(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    genuine: Callable[[Accounts], None] = Accounts.save

    def save(self: Accounts) -> None:
        genuine(self)
        kill_other_sessions(desk.plain_url)

    monkeypatch.setattr(Accounts, "save", save)

    with pytest.raises(DependencyDown) as caught:
        desk.works(delivery(registration()))

    assert caught.value.what == "database"
    assert IC not in str(caught.value)
    caught.value.probe()
    monkeypatch.undo()
    assert desk.works(delivery(registration())) == ["done"]


def test_a_database_that_refuses_connections_is_down_and_so_says_its_probe() -> None:
    engine = open_engine("postgresql+psycopg://aktif@127.0.0.1:1/nowhere", application="state-test")

    with pytest.raises(DependencyDown) as caught:
        StateHandler(engine, Rules())([delivery(registration())])

    with pytest.raises(Exception, match="refused"):
        caught.value.probe()


FULL = "BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full'; END"
UNWRITABLE = {
    "a standby": ["ALTER DATABASE {database} SET default_transaction_read_only = on"],
    "a full disk": [
        f"CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ {FULL} $$",
        "CREATE TRIGGER full_disk BEFORE INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION full_disk()",
        "CREATE TRIGGER full_disk BEFORE INSERT ON state_inbox FOR EACH ROW EXECUTE FUNCTION full_disk()",
    ],
}


@pytest.mark.parametrize("statements", UNWRITABLE.values(), ids=UNWRITABLE)
def test_a_database_that_answers_and_does_not_write_is_surely_down(desk: Desk, statements: list[str]) -> None:
    for statement in statements:
        desk.rows(statement.format(database=make_url(desk.url).database))
    desk.engine.dispose()

    with pytest.raises(DependencyDown) as caught:
        desk.works(delivery(registration()))

    assert caught.value.surely
    with pytest.raises(DBAPIError):
        caught.value.probe()


def guilty(desk: Desk, ic_number: str) -> None:
    """Have the database refuse one person."""
    desk.rows(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN IF NEW.ic_number = '{ic_number}' THEN RAISE EXCEPTION 'not %', NEW.name; END IF; RETURN NEW; END $$"
    )
    desk.rows("CREATE TRIGGER refuse BEFORE INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION refuse()")


def test_a_failing_statement_hits_only_the_guilty(desk: Desk) -> None:
    guilty(desk, OTHER_IC)
    ics = [IC, OTHER_IC, "700303037007"]

    verdicts = desk.handler([delivery(registration(ic)) for ic in ics])

    assert verdicts[1] == Retry(LADDER[0], "database_error")
    assert [type(verdicts[0]), type(verdicts[2])] == [Done, Done]
    assert desk.states() == {IC: "registered", "700303037007": "registered"}


def test_failures_climb_the_ladder_and_end_in_a_letter_without_a_name(desk: Desk) -> None:
    guilty(desk, IC)

    verdicts = [desk.handler([delivery(registration(), attempt=attempt)])[0] for attempt in range(1, 6)]

    assert verdicts[:4] == [Retry(delay, "database_error") for delay in LADDER]
    assert isinstance(verdicts[4], Dead)
    assert verdicts[4].reason == "database_error"
    assert verdicts[4].detail == "RaiseException P0001"
    assert "CONTOH" not in repr(verdicts[4])


def test_a_bug_in_one_event_hits_only_that_one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def decide_badly(account: Account | None, event: Event, moment: Moment) -> Ruling:
        if "ORANG LAIN" in repr(event):
            raise KeyError("ORANG LAIN")
        return decide(account, event, moment)

    monkeypatch.setattr(batch, "decide", decide_badly)
    bad = registration(OTHER_IC, name="ORANG LAIN")

    with structlog.testing.capture_logs() as logs:
        first, second = desk.handler([delivery(bad), delivery(registration())])
        (last,) = desk.handler([delivery(bad, attempt=5)])

    assert first == Retry(LADDER[0], "internal_error")
    assert isinstance(second, Done)
    assert isinstance(last, Dead)
    assert last.detail.startswith("KeyError at ")
    assert "ORANG LAIN" not in repr(logs) + repr(last)


def test_a_serialization_failure_repeats_the_batch(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.rows("CREATE SEQUENCE rounds")
    desk.rows(
        "CREATE FUNCTION once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF nextval('rounds') = 1 THEN "
        "RAISE EXCEPTION USING ERRCODE = '40001', MESSAGE = 'again'; END IF; RETURN NEW; END $$"
    )
    desk.rows("CREATE TRIGGER once BEFORE INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION once()")
    calls: list[int] = []
    genuine = batch.work

    def work(connection: Connection, received: Sequence[batch.Received], rules: Rules) -> batch.Worked:
        calls.append(len(received))
        return genuine(connection, received, rules)

    monkeypatch.setattr(batch, "work", work)

    assert desk.works(delivery(registration()), delivery(registration(OTHER_IC))) == ["done", "done"]
    assert calls == [2, 2]


def test_a_database_that_was_not_provisioned_is_down_and_costs_no_message_anything(postgres: str) -> None:
    bare = create_database(postgres)
    engine = open_engine(bare, application="state-test")

    with pytest.raises(DependencyDown) as raised:
        StateHandler(engine, Rules())([delivery(registration())])
    with pytest.raises(DBAPIError):
        raised.value.probe()

    engine.dispose()
    drop_database(bare)
