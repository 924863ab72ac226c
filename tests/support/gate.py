"""A gate in a table: whoever writes there waits in the middle of a transaction, so that a kill meets just that moment.

A trigger in the database of the test asks for an advisory lock that the test holds. The process is as it always is; its
database takes its time, at the moment and for as long as the test says.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Final

from sqlalchemy import Connection, Engine, TextClause, text

from tests.support.waiting import eventually

_WAITING: Final = text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted "
    "AND objsubid = 2 AND classid = 0 AND objid = CAST(hashtext(:name) AS oid) "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_SESSIONS: Final = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = :application"
)
_FUNCTION: Final = (
    "CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN PERFORM pg_advisory_xact_lock_shared(0, hashtext(''{name}'')); RETURN NULL; END'"
)


class Stands(Enum):
    """Where in a transaction a gate stands."""

    BEFORE_THE_WRITE = "CREATE TRIGGER {name} BEFORE {writes} ON {table} FOR EACH STATEMENT"
    IN_THE_COMMIT = (
        "CREATE CONSTRAINT TRIGGER {name} AFTER {writes} ON {table} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
    )
    """The server commits whatever becomes of who asked for it."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Open until it is closed. Lets transactions through one after another, where one process writes at a time."""

    name: str
    _connection: Connection

    def closes(self) -> None:
        """Stop whoever comes; returns when those who were let in are through."""
        self._connection.execute(text("SELECT pg_advisory_lock(0, hashtext(:name))"), {"name": self.name})

    def opens(self) -> None:
        """Let everybody through."""
        self._connection.execute(text("SELECT pg_advisory_unlock(0, hashtext(:name))"), {"name": self.name})

    def is_reached(self, by: int = 1) -> None:
        """Wait until so many stand before it."""
        eventually(f"{by} at {self.name}", lambda: self._number(_WAITING, name=self.name) == by, within=60, every=0.005)

    def lets_one_through(self) -> None:
        """Wait for somebody, and until their transaction is over; the next one finds it closed."""
        self.is_reached()
        self.opens()
        self.closes()

    def is_rid_of(self, application: str) -> None:
        """Open, until the database has noticed that a process is gone, and close again."""
        self.opens()
        gone = f"the database notices that {application} is gone"
        eventually(gone, lambda: not self._number(_SESSIONS, application=application), within=60)
        self.closes()

    def _number(self, question: TextClause, **values: str) -> int:
        return int(self._connection.execute(question, values).scalar_one())


@contextmanager
def gate(
    engine: Engine, table: str, writes: str = "INSERT OR UPDATE", stands: Stands = Stands.BEFORE_THE_WRITE
) -> Iterator[Gate]:
    """A gate in front of some writes to a table, open; for good when it is left."""
    name = f"gate_{stands.name.lower()}_{table}"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(_FUNCTION.format(name=name)))
        trigger = stands.value.format(name=name, writes=writes, table=table)
        connection.execute(text(f"{trigger} EXECUTE FUNCTION {name}()"))
        try:
            yield Gate(name, connection)
        finally:
            connection.execute(text("SELECT pg_advisory_unlock_all()"))
            connection.execute(text(f"DROP TRIGGER {name} ON {table}"))
