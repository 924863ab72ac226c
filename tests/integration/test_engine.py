"""What a transaction leaves behind in the process: nothing; and which databases are not worked with."""

import gc
import weakref

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from shared.store.engine import in_transaction, is_down, open_engine, why_down
from tests.support.servers import database_name, database_url, drop_database


class Batch:
    """Something large."""


def test_a_transaction_keeps_nothing_of_its_work_until_the_collector_comes_by(database: str) -> None:
    engine = open_engine(database, application="test")
    batch = Batch()
    kept = weakref.ref(batch)
    gc.collect()
    gc.disable()

    try:
        in_transaction(engine, lambda _, held=batch: id(held))  # type: ignore[misc]
        in_transaction(engine, lambda _: None)
        del batch

        assert kept() is None
    finally:
        gc.enable()
        engine.dispose()


def test_a_database_of_another_encoding_is_down_and_why_is_said(database: str) -> None:
    """So a worker pauses and says so, instead of holding it against its messages."""
    url = database_url(database, f"{database_name(database)}_sql_ascii")
    how = "ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0"
    with psycopg.connect(database.replace("+psycopg", "", 1), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {database_name(url)} {how}")
    engine = open_engine(url, application="test")
    try:
        with pytest.raises(OperationalError) as refused:
            engine.connect()
    finally:
        engine.dispose()
        drop_database(url)

    assert is_down(refused.value)
    assert (
        why_down(refused.value)
        == "the database's encoding is SQL_ASCII; it must be UTF8: create it with ENCODING 'UTF8'"
    )
