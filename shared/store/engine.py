"""The engine: one place that connects, and says which failures mean that the database is down."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import psycopg
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random

from shared.settings import BadSettings
from shared.store.revision import alembic_config
from shared.tls import trouble

Result = TypeVar("Result")

_REPEAT = {"40001", "40P01"}
"""serialization_failure and deadlock_detected: the same batch is worth another try.
https://www.postgresql.org/docs/current/errcodes-appendix.html"""
_DOWN_CLASSES = {"08", "57"}
"""Connection, operator intervention (shutdown, starting up): a message may have cost the server process its life."""
_SURELY_DOWN_CLASSES = {"53", "58"}
"""Resources, system errors."""
_READ_ONLY = "25006"
_OUT_OF_TIME = {"57014", "55P03"}
"""query_canceled, which a statement_timeout raises, and lock_not_available, which a lock_timeout does."""
_NOT_PROVISIONED = {"42P01", "42703", "3F000", "42501"}
"""A table, column, schema or right that is missing: no message's fault, `aktif provision` was not run."""


class WrongEncoding(psycopg.OperationalError):
    """A database that is not in UTF8; its text is one line that says what to do."""


def open_engine(url: str, *, application: str, pool_size: int = 2, seconds: float = 60) -> Engine:
    """An engine that has not connected yet. `application` names its sessions in pg_stat_activity.

    `seconds` is how long one of its statements may take.

    Raises BadSettings where the URL carries an option that PostgreSQL does not know.
    """
    try:
        conninfo_to_dict(make_url(url).set(drivername="postgresql").render_as_string(hide_password=False))
    except (ArgumentError, ProgrammingError) as error:
        raise BadSettings(f"AKTIF_DATABASE_URL: PostgreSQL does not understand it ({type(error).__name__})") from None
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        isolation_level="READ COMMITTED",
        hide_parameters=True,
        connect_args={
            "application_name": application,
            "connect_timeout": 5,
            "keepalives_idle": 15,
            "options": f"-c timezone=UTC -c statement_timeout={seconds * 1000:.0f} "
            "-c idle_in_transaction_session_timeout=60000",
        },
    )
    take_only_utf8(engine)
    return engine


def take_only_utf8(engine: Engine) -> None:
    """Have its connections refuse a database of another encoding with WrongEncoding, which is a database that is down.

    In SQL_ASCII no byte has a meaning, and texts come as bytes; the others do not hold every name.
    https://www.postgresql.org/docs/current/multibyte.html
    """
    event.listen(engine, "connect", _take_only_utf8, insert=True)  # before SQLAlchemy asks for anything


def _take_only_utf8(connection: Any, _: object) -> None:
    found = connection.info.parameter_status("server_encoding")
    if found != "UTF8":
        connection.close()
        raise WrongEncoding(f"the database's encoding is {found}; it must be UTF8: create it with ENCODING 'UTF8'")


def is_down(error: BaseException) -> bool:
    """Whether an error means that the database cannot be used, rather than that a statement was wrong."""
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    state = sqlstate(error)
    if state is None:
        return isinstance(error, OperationalError | InterfaceError)
    return state[:2] in _DOWN_CLASSES or is_surely_down(error)


def is_surely_down(error: BaseException) -> bool:
    """Whether the error itself says that no statement can go through, so that it cannot be one message's doing."""
    if not isinstance(error, DBAPIError):
        return False
    state = sqlstate(error) or ""
    return state[:2] in _SURELY_DOWN_CLASSES or state == _READ_ONLY or state in _NOT_PROVISIONED


def has_run_out_of_time(error: BaseException) -> bool:
    """Whether a statement took longer than it may, waiting for others perhaps."""
    return isinstance(error, DBAPIError) and sqlstate(error) in _OUT_OF_TIME


def is_worth_repeating(error: BaseException) -> bool:
    """Whether the same transaction, run again, may go through: deadlock, serialization failure."""
    return isinstance(error, DBAPIError) and sqlstate(error) in _REPEAT


def sqlstate(error: DBAPIError) -> str | None:
    """PostgreSQL's five-character code, where the server sent one."""
    return getattr(error.orig, "sqlstate", None)


def name_of(error: Exception) -> str:
    """What PostgreSQL calls an error, and what it is about; never its own words, which may quote a row."""
    cause = getattr(error, "orig", None) or error
    diagnosis = getattr(cause, "diag", None)
    about = getattr(diagnosis, "constraint_name", None) or getattr(diagnosis, "table_name", None)
    return " ".join(filter(None, (type(cause).__name__, getattr(cause, "sqlstate", None), about)))


def why_down(error: Exception) -> str:
    """Why the database cannot be used, for the log: the error's name, or where TLS or encoding are at fault what to
    do."""
    cause = getattr(error, "orig", None) or error
    return str(cause) if isinstance(cause, WrongEncoding) else trouble(cause) or name_of(error)


# One for all calls: tenacity's objects refer to each other in a circle, and one made for each call would keep its
# batch in memory until the collector comes by.
_repeating: Final = Retrying(
    retry=retry_if_exception(is_worth_repeating), stop=stop_after_attempt(5), wait=wait_random(0.01, 0.1), reraise=True
)


def in_transaction(engine: Engine, work: Callable[[Connection], Result]) -> Result:
    """Run `work` in one transaction; again after a deadlock or a serialization failure, five times at most.

    After a lost connection it runs once more on a new one: idle connections die with a restarted server, and whether
    the commit arrived is told by the inbox. Raises what the last try raised.
    """

    def attempt() -> Result:
        with engine.begin() as connection:
            return work(connection)

    try:
        return _repeating(attempt)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
    return _repeating(attempt)


def migrate(url: str) -> None:
    """Bring the database to the newest revision."""
    from alembic import command  # a worker starts without it

    config = alembic_config()
    config.attributes["url"] = url
    command.upgrade(config, "head")
