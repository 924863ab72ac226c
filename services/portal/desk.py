"""What every page works with: the settings, the database, the hashes, the broker, and the clock of waiting.

Waiting for an outcome holds no thread and no connection.
"""

import asyncio
from datetime import datetime
from typing import Final

from schemas.events import EventData
from services.portal import limits, metrics, reading
from services.portal.limits import Limit
from services.portal.outcomes import Outcomes, Told, outcomes_in
from services.portal.publishing import publish
from shared.broker.publisher import Publisher
from shared.settings import Settings
from shared.web.running import Running

OUTCOME_SECONDS: Final = 5.0
"""How long a page waits for what state makes of an event."""


class Desk(Running):
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
        publisher = Publisher(settings.broker_urls(), "portal")
        super().__init__(settings.require("database_url"), "aktif-portal", publisher, limits.LIMITS)
        self._outcomes = Outcomes(lambda ids: self.in_database(outcomes_in, ids))

    look = staticmethod(reading.now)

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
        return await publish(self._publisher, data, at)

    async def tell(self, data: EventData, at: datetime) -> tuple[str, Told | None]:
        """Publish an event, and wait for what state makes of it: its id, and None where that takes too long.

        Raises BrokerAway where the broker cannot be reached, so that nothing was published.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + OUTCOME_SECONDS
        with metrics.waiting(data):
            event_id = await publish(self._publisher, data, at, unconfirmed_is_fine=True)
            return event_id, await self._outcomes.of(event_id, until - loop.time())

    async def told_of(self, event_id: str) -> Told | None:
        """What state has made of an event by now."""
        return (await self.in_database(outcomes_in, [event_id])).get(event_id)
