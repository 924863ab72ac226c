"""The portal's pages: which path is which page, and what is answered when something is down or wrong."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from math import ceil
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp

from services.portal import activation, limits, link_steps, metrics, password, recovery, sign_in
from services.portal.desk import Desk
from services.portal.mail_again import RECOVERY, RESEND
from services.portal.pages import LANGUAGE_SWITCH, Pages
from services.portal.security import headers
from shared.links import Purpose
from shared.settings import Settings
from shared.store.engine import is_down, name_of
from shared.web.headers import BoundedBodies, SecurityHeaders
from shared.web.pools import DatabaseAway
from shared.web.publishing import BrokerAway

_MAX_BODY: Final = 16 * 1024
_RETRY_SECONDS: Final = 15
_READY_SECONDS: Final = 2.0
_FORGET_SECONDS: Final = 600.0

Answer = Callable[[Request], Awaitable[Response]]
_log = structlog.get_logger()


def build(settings: Settings) -> ASGIApp:
    """The application. Raises BadSettings; connects to nothing before it is started."""
    pages = Pages(settings)
    app = Starlette(
        routes=[*_health(), *_below(pages)],
        exception_handlers={
            HTTPException: _refused,
            BrokerAway: _broker_away,
            DatabaseAway: _database_silent,
            SQLAlchemyError: _database_failed,
            Exception: _failed,
        },
        lifespan=_alive,
    )
    app.router.redirect_slashes = False  # it would lead to whatever host the request names
    app.state.pages = pages
    app.state.desk = Desk(settings)
    # Around all of it: what goes wrong is answered with the headers too.
    return SecurityHeaders(BoundedBodies(app, _MAX_BODY), headers(settings))


def _below(pages: Pages) -> list[BaseRoute]:
    """At the root, or below AKTIF_PORTAL_URL's own path, which leads to its first page."""
    if not pages.path:
        return _routes(pages)

    async def first(_: Request) -> Response:
        return pages.to("/")

    return [Route(pages.path, first), Mount(pages.path, Router(_routes(pages), redirect_slashes=False))]


def _routes(pages: Pages) -> list[BaseRoute]:
    return [
        *_page("/", sign_in.show, sign_in.submit),
        *_page("/welcome", sign_in.welcome),
        *_page(RESEND.path, RESEND.show, RESEND.submit),
        *_page(f"{RESEND.path}/sent", RESEND.sent),
        *_page(link_steps.START[Purpose.ACTIVATION], activation.show, activation.submit),
        *_steps(Purpose.ACTIVATION),
        *_page(RECOVERY.path, RECOVERY.show, RECOVERY.submit),
        *_page(f"{RECOVERY.path}/sent", RECOVERY.sent),
        *_page("/account/recovery/link", recovery.take_link),
        *_page(link_steps.START[Purpose.RECOVERY], recovery.show, recovery.submit),
        *_steps(Purpose.RECOVERY),
        Route("/static/{version}/{name}", pages.static),
    ]


def _steps(purpose: Purpose) -> list[Route]:
    return [
        *_page(
            link_steps.PASSWORD[purpose],
            partial(password.show, purpose=purpose),
            partial(password.submit, purpose=purpose),
        ),
        *_page(link_steps.DONE[purpose], partial(link_steps.done, purpose=purpose)),
        *_page(link_steps.WAIT[purpose], partial(link_steps.wait, purpose=purpose)),
    ]


def _page(path: str, show: Answer, submit: Answer | None = None) -> list[Route]:
    async def answer(request: Request) -> Response:
        if request.method == "POST" and submit is not None:
            return await submit(request)
        if LANGUAGE_SWITCH in request.query_params and "token" not in request.query_params:
            pages: Pages = request.app.state.pages
            return pages.switch_language(request, request.query_params[LANGUAGE_SWITCH])
        return await show(request)

    async def measured(request: Request) -> Response:
        with metrics.answering(path, request.method) as seen:
            response = await answer(request)
            seen.status = response.status_code
        return response

    return [Route(path, measured, methods=["GET", "POST"] if submit else ["GET"])]


def _health() -> list[Route]:
    async def alive(_: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def ready(request: Request) -> Response:
        desk: Desk = request.app.state.desk
        if not desk.is_connected:
            return PlainTextResponse("waiting for the broker\n", 503)
        try:
            await asyncio.wait_for(desk.now(), _READY_SECONDS)
        except (SQLAlchemyError, TimeoutError):
            return PlainTextResponse("waiting for the database\n", 503)
        return PlainTextResponse("ready\n")

    return [Route("/healthz", alive), Route("/readyz", ready)]


@asynccontextmanager
async def _alive(app: Starlette) -> AsyncIterator[None]:
    desk: Desk = app.state.desk
    await desk.start()
    forgetting = asyncio.create_task(_forget_limits(desk))
    yield
    forgetting.cancel()
    await desk.stop()


async def _forget_limits(desk: Desk) -> None:
    """Once in a while, by whichever portal comes first; a portion at a time."""
    while True:
        await asyncio.sleep(_FORGET_SECONDS)
        try:
            while await desk.in_database(limits.forget):
                await asyncio.sleep(0)
        except (SQLAlchemyError, DatabaseAway) as error:
            _log.warning("limits_not_forgotten", error=name_of(error))


async def _refused(request: Request, error: Exception) -> Response:
    refused = error if isinstance(error, HTTPException) else HTTPException(500)
    pages: Pages = request.app.state.pages
    status = refused.status_code
    wait = (refused.headers or {}).get("Retry-After")
    minutes = ceil(int(wait) / 60) if wait else None
    response = pages.page(request, "error", status, status=status, minutes=minutes, retry=None)
    response.headers.update(refused.headers or {})
    return response


async def _broker_away(request: Request, _: Exception) -> Response:
    _log.warning("broker_away", path=request.url.path)
    return _unavailable(request)


async def _database_failed(request: Request, error: Exception) -> Response:
    if not is_down(error):
        return await _failed(request, error)
    _log.warning("database_away", path=request.url.path, error=name_of(error))
    return _unavailable(request)


async def _database_silent(request: Request, _: Exception) -> Response:
    _log.warning("database_silent", path=request.url.path)
    return _unavailable(request)


async def _failed(request: Request, error: Exception) -> Response:
    _log.error("page_failed", path=request.url.path, exc_info=error)
    pages: Pages = request.app.state.pages
    return pages.page(request, "error", 500, status=500, minutes=None, retry=None)


def _unavailable(request: Request) -> Response:
    """Nothing of what was sent is kept, and the page says so."""
    pages: Pages = request.app.state.pages
    response = pages.page(request, "error", 503, status=503, minutes=1, retry=request.url.path)
    response.headers["Retry-After"] = str(_RETRY_SECONDS)
    return response
