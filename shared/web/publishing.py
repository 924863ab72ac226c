"""Events on their way to the broker, for pages that must not block."""

import asyncio
from collections.abc import Sequence
from typing import Final

from schemas.envelope import Outgoing
from shared.broker.publisher import Message, Publisher

_CONFIRM_SECONDS: Final = 5.0


class BrokerAway(Exception):
    """The broker cannot be reached, or does not confirm: the person is asked to try again."""


class PagesPublisher:
    """A `Publisher` for coroutines."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self.start, self.stop = publisher.start, publisher.stop

    @property
    def is_connected(self) -> bool:
        """Whether its connection is open."""
        return self._publisher.is_connected

    async def publish(self, events: Sequence[Outgoing], *, unconfirmed_is_fine: bool = False) -> None:
        """Publish; returns once the broker has all of them on disk.

        Raises BrokerAway at once where there is no connection, so that nothing goes out behind a person's back. What
        was given to an open connection and is not confirmed in time goes out as soon as it can: that is the same
        exception, or, where the caller waits for the outcome anyway, none.
        """
        if not self._publisher.is_connected:
            raise BrokerAway
        loop = asyncio.get_running_loop()
        confirmed = asyncio.Event()
        self._publisher.publish([Message.of(event) for event in events], lambda: _tell(loop, confirmed))
        try:
            await asyncio.wait_for(confirmed.wait(), _CONFIRM_SECONDS)
        except TimeoutError:
            if not unconfirmed_is_fine:
                raise BrokerAway from None


def _tell(loop: asyncio.AbstractEventLoop, confirmed: asyncio.Event) -> None:
    """Called in the publisher's thread, perhaps after everybody went home."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(confirmed.set)
