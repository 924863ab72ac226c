"""Forgetting what an inbox need not know any more, a little at a time, by the worker that owns it.

A row answers repetitions for 400 days, and says for 30 what its event caused; `aktif ledger` looks back as far as that.
"""

import time
from typing import Final

import structlog
from sqlalchemy import Connection, Engine, Table, text
from sqlalchemy.exc import SQLAlchemyError

from shared.store.engine import in_transaction

OUTGOING_DAYS: Final = 30
ROW_DAYS: Final = 400
_AT_ONCE: Final = 1000
_EVERY_SECONDS: Final = 3600

_log = structlog.get_logger()


class Retention:
    """Remembers when an inbox is due; one for each process."""

    def __init__(self, engine: Engine, inbox: Table) -> None:
        self._engine, self._inbox = engine, inbox
        self._due = time.monotonic()

    def after_batch(self) -> None:
        """Forget one portion, if it is due: with each batch until nothing is left, then not for an hour.

        Raises nothing: whatever goes wrong here concerns no message.
        """
        if time.monotonic() < self._due:
            return
        try:
            more = in_transaction(self._engine, lambda connection: forget(connection, self._inbox))
        except SQLAlchemyError as error:
            _log.warning("retention_failed", table=self._inbox.name, error=type(error).__name__)
            more = 0
        if not more:
            self._due = time.monotonic() + _EVERY_SECONDS


def forget(connection: Connection, inbox: Table) -> int:
    """Forget a portion of what is too old, by the database's clock; returns how many rows, 0 when nothing was left.

    Rows that somebody else holds are left for the next time.
    """
    portion = {"most": _AT_ONCE}
    name = inbox.name
    rows = f"SELECT source, id FROM {name} WHERE"  # noqa: S608  (a name of our own metadata)
    limit = "ORDER BY at LIMIT :most FOR UPDATE SKIP LOCKED"
    emptied = connection.execute(
        text(
            f"UPDATE {name} SET outgoing = NULL WHERE (source, id) IN ({rows} outgoing IS NOT NULL "  # noqa: S608
            f"AND at < now() - make_interval(days => {OUTGOING_DAYS}) {limit})"
        ),
        portion,
    )
    deleted = connection.execute(
        text(
            f"DELETE FROM {name} WHERE (source, id) IN "  # noqa: S608
            f"({rows} at < now() - make_interval(days => {ROW_DAYS}) {limit})"
        ),
        portion,
    )
    return emptied.rowcount + deleted.rowcount
