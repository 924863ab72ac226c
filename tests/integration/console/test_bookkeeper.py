"""Runs of the ledger that a console begins: one at a time, and none for ever."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from services.cli.servers.process import free_port
from services.console.bookkeeper import Bookkeeper
from shared.broker.publisher import Publisher
from shared.operations.ledger import Verdict
from shared.operations.ledger_runs import newest
from shared.store.engine import open_engine
from tests.support.ledger import EMPTY, one_round
from tests.support.waiting import eventually


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    """The test's database."""
    found = open_engine(database, application="test")
    yield found
    found.dispose()


@pytest.fixture
def nobody() -> Publisher:
    """A publisher that is not connected."""
    return Publisher([f"amqp://guest:guest@127.0.0.1:{free_port()}/"], "test")


@contextmanager
def held(engine: Engine, table: str) -> Iterator[None]:
    """Nobody can read a table."""
    with engine.begin() as connection:
        connection.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
        yield


def test_one_run_goes_on_at_a_time_and_the_next_after_it(engine: Engine, nobody: Publisher) -> None:
    keeper = Bookkeeper(engine, EMPTY, nobody)
    with held(engine, "mailer_inbox"):
        assert keeper.begin("siti")
        assert keeper.underway is not None
        assert keeper.underway.who == "siti"

        assert not keeper.begin("rahim")
    eventually("it has ended", lambda: keeper.underway is None)

    assert keeper.begin("rahim")
    eventually("it has ended", lambda: keeper.underway is None)
    with engine.connect() as connection:
        assert [(run.who, run.verdict) for run in newest(connection, limit=5)] == [
            ("rahim", Verdict.CLEAN), ("siti", Verdict.CLEAN),
        ]  # fmt: skip


def test_a_run_that_takes_too_long_ends_and_says_so(database: str, engine: Engine, nobody: Publisher) -> None:
    hasty = open_engine(database, application="hasty")
    event.listen(hasty, "connect", _hurry)
    keeper = Bookkeeper(hasty, EMPTY, nobody)

    with held(engine, "mailer_inbox"):
        assert keeper.begin("siti")
        eventually("it has ended", lambda: keeper.underway is None)

    assert keeper.fault is not None
    assert keeper.fault.words.startswith("PostgreSQL did not come to an end within a minute.")
    assert keeper.begin("siti")
    eventually("it has ended", lambda: keeper.underway is None)
    assert keeper.fault is None
    hasty.dispose()


def _hurry(connection: Any, _: object) -> None:
    connection.execute("SET statement_timeout = 200")
    connection.commit()


def test_a_database_that_is_gone_is_said(nobody: Publisher) -> None:
    gone = open_engine(f"postgresql+psycopg://aktif@127.0.0.1:{free_port()}/aktif", application="test")
    keeper = Bookkeeper(gone, EMPTY, nobody)

    keeper.begin("siti")
    eventually("it has ended", lambda: keeper.underway is None)

    assert keeper.fault is not None
    assert keeper.fault.words.startswith("PostgreSQL cannot be reached.")


def test_a_broker_that_is_gone_while_mending_is_said_and_the_run_is_kept_unmended(
    engine: Engine, nobody: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.operations.ledger._SETTLE_SECONDS", 0.0)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        one_round(connection, "1")
        connection.execute(text("DELETE FROM state_inbox WHERE source = '/aktif/mailer'"))
    keeper = Bookkeeper(engine, EMPTY, nobody)

    keeper.begin("siti", "cuba")
    eventually("it has ended", lambda: keeper.underway is None)

    assert keeper.fault is not None
    assert keeper.fault.words.startswith("RabbitMQ cannot be reached")
    with engine.connect() as connection:
        assert [(run.lost, run.left) for run in newest(connection, limit=5)] == [(1, 1)]
