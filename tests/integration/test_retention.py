"""An inbox answers repetitions for 400 days and says for 30 what its events caused; then it forgets, bit by bit."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from services.state.decisions import Rules
from services.state.worker import StateHandler
from shared.store.engine import open_engine
from shared.store.retention import Retention, forget
from shared.store.tables import state_inbox
from tests.support.builders import delivery, registration

FILL = text(
    "INSERT INTO state_inbox (source, id, type, digest, outcome, lane, event_time, outgoing, at) "
    "SELECT '/hr/x', :name || n, 't', '', 'applied', 'bulk', now(), '[]', now() - make_interval(days => :days) "
    "FROM generate_series(1, :count) AS n"
)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    """An engine on a fresh database."""
    engine = open_engine(database, application="test", pool_size=2)
    yield engine
    engine.dispose()


def fill(engine: Engine, **days: int) -> None:
    """One row of each age."""
    with engine.begin() as connection:
        for name, age in days.items():
            connection.execute(FILL, {"name": f"{name}-", "days": age, "count": 1})


def rows(engine: Engine) -> dict[str, bool]:
    """The rows that are left, and whether they still say what their event caused."""
    with engine.connect() as connection:
        return {
            id_[:-2]: has for id_, has in connection.execute(text("SELECT id, outgoing IS NOT NULL FROM state_inbox"))
        }


def test_what_an_event_caused_is_forgotten_after_30_days_and_the_event_after_400(engine: Engine) -> None:
    fill(engine, fresh=0, month=29, older=31, year=399, oldest=401)

    with engine.begin() as connection:
        forget(connection, state_inbox)

    assert rows(engine) == {"fresh": True, "month": True, "older": False, "year": False}


def test_each_batch_pays_for_one_portion_and_then_nobody_for_an_hour(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(FILL, {"name": "old-", "days": 31, "count": 1500})
    left = text("SELECT count(*) FROM state_inbox WHERE outgoing IS NOT NULL")
    retention = Retention(engine, state_inbox)
    seen = list[int]()

    for _ in range(3):
        retention.after_batch()
        with engine.connect() as connection:
            seen.append(connection.execute(left).scalar_one())
    fill(engine, later=31)
    retention.after_batch()

    assert seen == [500, 0, 0]
    assert rows(engine)["later"] is True


def test_a_row_in_somebodys_hands_waits_for_the_next_time(engine: Engine) -> None:
    fill(engine, held=401, free=401)

    with engine.begin() as other:
        other.execute(text("SELECT 1 FROM state_inbox WHERE id = 'held-1' FOR UPDATE"))
        with engine.begin() as connection:
            connection.execute(text("SET LOCAL lock_timeout = '5s'"))
            assert forget(connection, state_inbox) > 0

    assert rows(engine) == {"held": True}


def test_a_database_that_is_gone_concerns_no_message(database: str) -> None:
    gone = open_engine(database.rsplit("/", 1)[0] + "/no_such_database", application="test")

    Retention(gone, state_inbox).after_batch()

    gone.dispose()


def test_the_workers_forget_after_a_batch(engine: Engine) -> None:
    fill(engine, older=31)

    StateHandler(engine, Rules())([delivery(registration())])

    assert rows(engine)["older"] is False
