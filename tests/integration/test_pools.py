"""What pages ask of the database: nothing is done behind the back of who was told that it was not."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, QueuePool, text

from shared.operations import audit
from shared.store.engine import open_engine
from shared.web import pools
from shared.web.pools import DatabaseAway, Pools
from tests.support.waiting import eventually

PATIENCE = 0.5


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    """The test's database."""
    found = open_engine(database, application="test")
    yield found
    found.dispose()


@pytest.fixture
def impatient(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pools]:
    """Pools that wait half a second."""
    monkeypatch.setattr(pools, "_PATIENCE", PATIENCE)
    found = Pools(database, "pages")
    connections = found.engine.pool
    assert isinstance(connections, QueuePool)
    yield found
    eventually("every connection is given back", lambda: not connections.checkedout())
    found.close()


def test_what_takes_longer_than_a_page_waits_is_taken_back(impatient: Pools, engine: Engine) -> None:
    goes_on = threading.Event()

    def slow(connection: Connection) -> None:
        looked(connection)
        assert goes_on.wait(30)

    with pytest.raises(DatabaseAway):
        asyncio.run(impatient.in_database(slow))
    goes_on.set()

    eventually("it is over", lambda: not at_work(engine))
    with engine.connect() as connection:
        assert audit.read(connection) == []


def test_who_waits_for_a_locked_row_longer_than_a_page_does_gives_up_and_holds_nothing(
    impatient: Pools, engine: Engine
) -> None:
    with engine.begin() as connection:
        connection.execute(text("LOCK TABLE audit"))
        with pytest.raises(DatabaseAway):
            asyncio.run(impatient.in_database(looked))
        eventually("it has given up", lambda: not at_work(engine))

    with engine.connect() as connection:
        assert audit.read(connection) == []


def test_what_is_about_many_rows_may_take_longer(impatient: Pools) -> None:
    def slow(connection: Connection) -> None:
        connection.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": 2 * PATIENCE})

    asyncio.run(impatient.at_length(slow))
    with pytest.raises(DatabaseAway):
        asyncio.run(impatient.in_database(slow))


def looked(connection: Connection) -> None:
    """Something that is written."""
    audit.write(connection, "siti", "look", "letter 1")


def at_work(engine: Engine) -> int:
    """How many sessions of the pages are in a transaction."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pages' AND state <> 'idle' AND datname = "
    with engine.connect() as connection:
        return int(connection.execute(text(f"{asked} current_database()")).scalar_one())
