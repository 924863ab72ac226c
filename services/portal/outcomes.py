"""What state made of a person's events: any number of people wait with one query at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, text

from services.portal.publishing import SOURCE

_EVERY_SECONDS: Final = 0.02

_OUTCOMES: Final = text(
    "SELECT id, outcome, reason FROM state_inbox WHERE source = :source AND id = ANY(CAST(:ids AS text[])) "
    "UNION ALL "
    "SELECT id, 'dead', reason FROM letters "
    "WHERE service = 'state' AND origin = 'aktif.portal' AND source = :source AND id = ANY(CAST(:ids AS text[]))"
)


@dataclass(frozen=True, slots=True)
class Told:
    """What became of an event: `applied`, `ignored`, `rejected`, or `dead`, with the reason word."""

    outcome: str
    reason: str

    @property
    def stands(self) -> bool:
        """Whether the person may go on: the event had its effect, now or before."""
        return self.outcome in {"applied", "ignored"}


Look = Callable[[Collection[str]], Awaitable[Mapping[str, Told]]]


def outcomes_in(connection: Connection, ids: Collection[str]) -> dict[str, Told]:
    """What the database says of some of our events. One that became a letter and was replayed has its outcome."""
    rows = connection.execute(_OUTCOMES, {"source": SOURCE, "ids": list(ids)}).all()
    found = {row.id: Told(row.outcome, row.reason or "") for row in rows if row.outcome == "dead"}
    return found | {row.id: Told(row.outcome, row.reason or "") for row in rows if row.outcome != "dead"}


class Outcomes:
    """Looks while anybody waits, for all of them at once, and not at all while nobody does."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._waiting: dict[str, asyncio.Future[Told]] = {}
        self._looking: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many people wait."""
        return len(self._waiting)

    async def of(self, event_id: str, seconds: float) -> Told | None:
        """The outcome of an event, or None where it takes longer. Raises what looking raises."""
        told = self._waiting[event_id] = asyncio.get_running_loop().create_future()
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_for_all())
        try:
            return await asyncio.wait_for(told, max(seconds, 0))
        except TimeoutError:
            return None
        finally:
            self._waiting.pop(event_id, None)

    async def _look_for_all(self) -> None:
        while self._waiting:
            await asyncio.sleep(_EVERY_SECONDS)
            try:
                found = await self._look(list(self._waiting))
            except Exception as error:
                # Whoever waits is told the reason; who comes next begins a new look.
                for told in self._waiting.values():
                    if not told.done():
                        told.set_exception(error)
                return
            for event_id, what in found.items():
                told_to = self._waiting.get(event_id)
                if told_to is not None and not told_to.done():
                    told_to.set_result(what)
