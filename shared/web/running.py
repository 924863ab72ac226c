"""What sets of pages do besides their pages: start and stop, say how they are, and answer when something is away."""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from shared.broker.publisher import Publisher
from shared.store.engine import is_down, name_of
from shared.web.limits import Limits
from shared.web.pools import DatabaseAway, Pools
from shared.web.publishing import BrokerAway, PagesPublisher

_READY_SECONDS: Final = 2.0
_FORGET_SECONDS: Final = 600.0

Handler = Callable[[Request, Exception], Awaitable[Response]]
_log = structlog.get_logger()


class Running(Pools):
    """What one process of pages works with: its pools, its connection to the broker, the table of its limits."""

    def __init__(self, database_url: str, application: str, publisher: Publisher, limits: Limits) -> None:
        """Opens nothing before `start`. Raises BadSettings for a URL that PostgreSQL does not understand."""
        super().__init__(database_url, application)
        self._publisher = PagesPublisher(publisher)
        self._limits = limits

    async def start(self) -> None:
        """Connect to the broker, in the background."""
        self._publisher.start()

    async def stop(self) -> None:
        """Close what is open."""
        await asyncio.to_thread(self._publisher.stop)
        self.close()

    @property
    def is_connected(self) -> bool:
        """Whether the connection to the broker is open."""
        return self._publisher.is_connected

    @staticmethod
    @abstractmethod
    def look(connection: Connection) -> object:
        """A look into the database, without which no page of these could be."""

    async def forget_limits(self) -> None:
        """Forget what counts no more once in a while, whichever process comes first; a portion at a time."""
        while True:
            await asyncio.sleep(_FORGET_SECONDS)
            try:
                while await self.in_database(self._limits.forget):
                    await asyncio.sleep(0)
            except (SQLAlchemyError, DatabaseAway) as error:
                _log.warning("limits_not_forgotten", error=name_of(error))


@asynccontextmanager
async def alive(app: Starlette) -> AsyncIterator[None]:
    """The life of an application whose state holds a `desk`, which is a Running."""
    desk: Running = app.state.desk
    await desk.start()
    forgetting = asyncio.create_task(desk.forget_limits())
    yield
    forgetting.cancel()
    await desk.stop()


def health() -> list[Route]:
    """`/healthz`, and `/readyz`, which is 503 while broker or database is away."""

    async def is_alive(_: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def is_ready(request: Request) -> Response:
        desk: Running = request.app.state.desk
        if not desk.is_connected:
            return PlainTextResponse("waiting for the broker\n", 503)
        try:
            await asyncio.wait_for(desk.in_database(desk.look), _READY_SECONDS)
        except (SQLAlchemyError, DatabaseAway, TimeoutError):
            return PlainTextResponse("waiting for the database\n", 503)
        return PlainTextResponse("ready\n")

    return [Route("/healthz", is_alive), Route("/readyz", is_ready)]


def handlers(
    unavailable: Callable[[Request, str], Response], failed: Callable[[Request], Response]
) -> Mapping[Any, Handler]:
    """What is answered when a dependency is away, of which `unavailable` is told in words, or our own code fails."""

    async def broker_away(request: Request, _: Exception) -> Response:
        _log.warning("broker_away", path=request.url.path)
        return unavailable(request, "RabbitMQ cannot be reached, or does not confirm.")

    async def database_failed(request: Request, error: Exception) -> Response:
        if not is_down(error):
            return await page_failed(request, error)
        _log.warning("database_away", path=request.url.path, error=name_of(error))
        return unavailable(request, "PostgreSQL cannot be reached.")

    async def database_silent(request: Request, _: Exception) -> Response:
        _log.warning("database_silent", path=request.url.path)
        return unavailable(request, "PostgreSQL does not answer in time.")

    async def page_failed(request: Request, error: Exception) -> Response:
        _log.error("page_failed", path=request.url.path, exc_info=error)
        return failed(request)

    return {
        BrokerAway: broker_away,
        DatabaseAway: database_silent,
        SQLAlchemyError: database_failed,
        Exception: page_failed,
    }
