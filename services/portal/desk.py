"""What every page works with: the settings, the database, the hashes, the broker, and the clock of waiting.

Waiting for an outcome holds no thread and no connection; looking something up and hashing have bounded pools of their
own, so that neither holds up the other, and neither holds up a page that needs none.
"""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Concatenate, Final, ParamSpec, TypeVar

from sqlalchemy import Connection

from schemas.events import EventData
from services.portal import limits, metrics, reading
from services.portal.limits import Limit
from services.portal.outcomes import Outcomes, Told, outcomes_in
from services.portal.publishing import PortalPublisher
from shared.broker.publisher import Publisher
from shared.settings import Settings
from shared.store.engine import in_transaction, open_engine

_Result = TypeVar("_Result")
_Given = ParamSpec("_Given")

LOOKUPS: Final = 8
"""Database calls at a time, each with a connection."""
HASHES: Final = os.cpu_count() or 1
"""Argon2 computations at a time; each takes a core and 19 MiB."""
OUTCOME_SECONDS: Final = 5.0
"""How long a page waits for what state makes of an event."""
_PATIENCE: Final = 10.0
"""How long a page waits for the database, which may be frozen or cut off rather than down."""


class DatabaseAway(Exception):
    """The database does not answer in time: the person is asked to try again."""


class Desk:
    """One for each process. Opens nothing before `start`."""

    def __init__(self, settings: Settings) -> None:
        """Raises BadSettings where something is missing or malformed."""
        self.settings = settings
        self.link_keys = settings.require_keys("link_keys")
        self.pepper_keys = settings.require_keys("pepper_keys")
        self.session_keys = settings.require_keys("session_keys")
        self.life = settings.link_life
        self.resends = limits.of("resend", settings.tries_per_address, from_here=5, of_account=20)
        self.recoveries = limits.of("recovery", settings.tries_per_address, from_here=5, of_account=20)
        self.sign_ins = limits.of("sign_in", settings.tries_per_address, from_here=10, of_account=30)
        url = settings.require("database_url")
        self._engine = open_engine(url, application="aktif-portal", pool_size=LOOKUPS)
        self._lookups = ThreadPoolExecutor(LOOKUPS, "lookup")
        self._hashes = ThreadPoolExecutor(HASHES, "hash")
        self._publisher = PortalPublisher(Publisher(settings.broker_urls(), "portal"))
        self._outcomes = Outcomes(lambda ids: self.in_database(outcomes_in, ids))

    async def start(self) -> None:
        """Connect to the broker, in the background."""
        self._publisher.start()

    async def stop(self) -> None:
        """Close what is open."""
        await asyncio.to_thread(self._publisher.stop)
        self._lookups.shutdown(wait=False, cancel_futures=True)
        self._hashes.shutdown(wait=False, cancel_futures=True)
        self._engine.dispose()

    @property
    def is_connected(self) -> bool:
        """Whether the connection to the broker is open."""
        return self._publisher.is_connected

    async def in_database(
        self, work: Callable[Concatenate[Connection, _Given], _Result], *args: _Given.args, **kwargs: _Given.kwargs
    ) -> _Result:
        """Run `work(connection, …)` in a transaction of its own. Raises what SQLAlchemy raises, and DatabaseAway."""

        def run() -> _Result:
            return in_transaction(self._engine, lambda connection: work(connection, *args, **kwargs))

        try:
            return await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(self._lookups, run), _PATIENCE)
        except TimeoutError:
            raise DatabaseAway from None

    async def hashing(self, work: Callable[_Given, _Result], *args: _Given.args, **kwargs: _Given.kwargs) -> _Result:
        """Run what computes Argon2 digests."""
        return await asyncio.get_running_loop().run_in_executor(self._hashes, lambda: work(*args, **kwargs))

    async def count(self, *tried: tuple[Limit, str]) -> limits.Counts:
        """Count tries of subjects, and say how they stand."""
        subjects = [(limit, limits.subject(self.session_keys[0], limit, of)) for limit, of in tried]
        return await self.in_database(limits.count, subjects)

    async def standing(self, limit: Limit, of: str) -> int:
        """How often something was tried, without counting."""
        return await self.in_database(limits.standing, limit, limits.subject(self.session_keys[0], limit, of))

    async def now(self) -> datetime:
        """The database's clock, by which state judges steps, and links end."""
        return await self.in_database(reading.now)

    async def publish(self, data: EventData, at: datetime) -> str:
        """Publish an event of a person; returns its id when the broker has it on disk. Raises BrokerAway."""
        return await self._publisher.publish(data, at)

    async def tell(self, data: EventData, at: datetime) -> tuple[str, Told | None]:
        """Publish an event, and wait for what state makes of it: its id, and None where that takes too long.

        Raises BrokerAway where the broker cannot be reached, so that nothing was published.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + OUTCOME_SECONDS
        with metrics.waiting(data):
            event_id = await self._publisher.publish(data, at, unconfirmed_is_fine=True)
            return event_id, await self._outcomes.of(event_id, until - loop.time())

    async def told_of(self, event_id: str) -> Told | None:
        """What state has made of an event by now."""
        return (await self.in_database(outcomes_in, [event_id])).get(event_id)
