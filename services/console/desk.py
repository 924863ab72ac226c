"""What every page works with: the settings, the database, the hashes, the broker and its management API."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from schemas.envelope import Outgoing
from services.console import limits, sessions
from services.console.bookkeeper import Bookkeeper
from services.console.broker import Broker, look
from services.console.carrier import Carrier
from shared.broker.management import ManagementApi, api_url_of, vhost_of
from shared.broker.publisher import Publisher
from shared.settings import Settings
from shared.store.engine import open_engine
from shared.web.running import Running

_BROKER_SECONDS: Final = 3.0
"""How old what the broker said may be; it counts anew every 5 s itself."""
_API_TIMEOUT: Final = 5.0


class Desk(Running):
    """One for each process. Opens nothing before `start`."""

    def __init__(self, settings: Settings) -> None:
        """Raises BadSettings where something is missing or malformed."""
        self.settings = settings
        self.session_keys = settings.require_keys("session_keys")
        self.life = settings.link_life
        url, brokers = settings.require("database_url"), settings.broker_urls()
        publisher = Publisher(brokers, "console")
        super().__init__(url, "aktif-console", publisher, limits.LIMITS)
        self._replaying = open_engine(url, application="aktif-console-replay")
        self.carrier = Carrier(self._replaying, publisher)
        api_url = settings.require("broker_api_url") if settings.broker_api_url else api_url_of(brokers[0])
        self._api = ManagementApi(api_url, vhost_of(brokers[0]), _API_TIMEOUT)
        self._keeping = open_engine(url, application="aktif-console-ledger", pool_size=1)
        self.bookkeeper = Bookkeeper(self._keeping, self._api, publisher)
        self._looking = asyncio.Lock()
        self._looked_at = float("-inf")
        self._seen: Broker | None = None

    async def start(self) -> None:
        """Connect to the broker, and carry on what runs, in the background."""
        await super().start()
        self.carrier.start()

    async def stop(self) -> None:
        """Close what is open."""
        await asyncio.to_thread(self.carrier.stop)
        await super().stop()
        self._replaying.dispose()
        self._keeping.dispose()

    look = staticmethod(sessions.is_there)

    async def publish(self, events: Sequence[Outgoing]) -> None:
        """Publish; returns when the broker has all of them on disk. Raises BrokerAway."""
        await self._publisher.publish(events)

    async def broker(self) -> Broker:
        """What the management API says, some seconds old at most; one look serves all who watch."""
        async with self._looking:
            if self._seen is None or time.monotonic() - self._looked_at > _BROKER_SECONDS:
                self._seen = await asyncio.to_thread(look, self._api)
                self._looked_at = time.monotonic()
            return self._seen
