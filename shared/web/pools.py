"""Where work goes that pages must not wait for in their own thread.

Looking something up and hashing have bounded pools of their own, so that neither holds up the other, and neither holds
up a page that needs none.
"""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Concatenate, Final, ParamSpec, TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from shared.store.engine import has_run_out_of_time, in_transaction, open_engine

_Result = TypeVar("_Result")
_Given = ParamSpec("_Given")

LOOKUPS: Final = 8
"""Database calls at a time, each with a connection."""
HASHES: Final = os.cpu_count() or 1
"""Argon2 computations at a time; each takes a core and 19 MiB."""


_PATIENCE: Final = 10.0
"""How long a page waits for the database, which may be frozen or cut off rather than down."""
_GLANCE: Final = 4.0
"""How long for what takes milliseconds, and shows soon that it is."""
_LENGTH: Final = 50.0
"""How long for what is about any number of rows."""
_MAY_TAKE: Final = text("SELECT set_config('statement_timeout', :milliseconds, true)")


class DatabaseAway(Exception):
    """The database does not answer in time: whoever asked is asked to try again."""


class Pools:
    """One for each process. Opens nothing before it is used."""

    def __init__(self, database_url: str, application: str) -> None:
        """Raises BadSettings for a URL that PostgreSQL does not understand."""
        self.engine = open_engine(database_url, application=application, pool_size=LOOKUPS, seconds=_PATIENCE)
        self._lookups = ThreadPoolExecutor(LOOKUPS, "lookup")
        self._hashes = ThreadPoolExecutor(HASHES, "hash")

    def close(self) -> None:
        """Close what is open; what waits for its turn is given up."""
        self._lookups.shutdown(wait=False, cancel_futures=True)
        self._hashes.shutdown(wait=False, cancel_futures=True)
        self.engine.dispose()

    async def in_database(
        self, work: Callable[Concatenate[Connection, _Given], _Result], *args: _Given.args, **kwargs: _Given.kwargs
    ) -> _Result:
        """Run `work(connection, …)` in a transaction of its own. Raises what SQLAlchemy raises, and DatabaseAway."""
        return await self._within(_PATIENCE, lambda connection: work(connection, *args, **kwargs))

    async def look_up(
        self, work: Callable[Concatenate[Connection, _Given], _Result], *args: _Given.args, **kwargs: _Given.kwargs
    ) -> _Result:
        """As `in_database`, for a row or two by their keys: raises DatabaseAway sooner."""
        return await self._within(_GLANCE, lambda connection: work(connection, *args, **kwargs))

    async def at_length(
        self, work: Callable[Concatenate[Connection, _Given], _Result], *args: _Given.args, **kwargs: _Given.kwargs
    ) -> _Result:
        """As `in_database`, for what may be about 100,000 rows: raises DatabaseAway later."""

        def slowly(connection: Connection) -> _Result:
            connection.execute(_MAY_TAKE, {"milliseconds": f"{_LENGTH * 1000:.0f}"})
            return work(connection, *args, **kwargs)

        return await self._within(_LENGTH, slowly)

    async def _within(self, seconds: float, work: Callable[[Connection], _Result]) -> _Result:
        """What is not through when nobody waits for it any more is taken back, unless it is being committed then."""
        is_given_up = threading.Event()

        def in_time(connection: Connection) -> _Result:
            result = work(connection)
            if is_given_up.is_set():
                raise DatabaseAway
            return result

        running = asyncio.get_running_loop().run_in_executor(self._lookups, in_transaction, self.engine, in_time)
        try:
            return await asyncio.wait_for(running, seconds)
        except TimeoutError:
            is_given_up.set()
            raise DatabaseAway from None
        except DBAPIError as error:
            if has_run_out_of_time(error):
                raise DatabaseAway from None
            raise

    async def hashing(self, work: Callable[_Given, _Result], *args: _Given.args, **kwargs: _Given.kwargs) -> _Result:
        """Run what computes Argon2 digests."""
        return await asyncio.get_running_loop().run_in_executor(self._hashes, lambda: work(*args, **kwargs))
