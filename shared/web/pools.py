"""Where work goes that pages must not wait for in their own thread.

Looking something up and hashing have bounded pools of their own, so that neither holds up the other, and neither holds
up a page that needs none.
"""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Concatenate, Final, ParamSpec, TypeVar

from sqlalchemy import Connection

from shared.store.engine import in_transaction, open_engine

_Result = TypeVar("_Result")
_Given = ParamSpec("_Given")

LOOKUPS: Final = 8
"""Database calls at a time, each with a connection."""
HASHES: Final = os.cpu_count() or 1
"""Argon2 computations at a time; each takes a core and 19 MiB."""


_PATIENCE: Final = 10.0
"""How long a page waits for the database, which may be frozen or cut off rather than down."""


class DatabaseAway(Exception):
    """The database does not answer in time: whoever asked is asked to try again."""


class Pools:
    """One for each process. Opens nothing before it is used."""

    def __init__(self, database_url: str, application: str) -> None:
        """Raises BadSettings for a URL that PostgreSQL does not understand."""
        self.engine = open_engine(database_url, application=application, pool_size=LOOKUPS)
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

        def run() -> _Result:
            return in_transaction(self.engine, lambda connection: work(connection, *args, **kwargs))

        try:
            return await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(self._lookups, run), _PATIENCE)
        except TimeoutError:
            raise DatabaseAway from None

    async def hashing(self, work: Callable[_Given, _Result], *args: _Given.args, **kwargs: _Given.kwargs) -> _Result:
        """Run what computes Argon2 digests."""
        return await asyncio.get_running_loop().run_in_executor(self._hashes, lambda: work(*args, **kwargs))
