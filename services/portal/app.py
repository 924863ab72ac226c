"""The portal's pages: which path is which page, and what is answered when something is down or wrong."""

from collections.abc import Awaitable, Callable
from functools import partial
from math import ceil
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp

from services.portal import activation, link_steps, metrics, password, recovery, sign_in
from services.portal.desk import Desk
from services.portal.mail_again import RECOVERY, RESEND
from services.portal.pages import LANGUAGE_SWITCH, Pages
from services.portal.security import headers
from shared.links import Purpose
from shared.settings import Settings
from shared.web.headers import BoundedBodies, SecurityHeaders
from shared.web.running import alive, handlers, health

_MAX_BODY: Final = 16 * 1024
_RETRY_SECONDS: Final = 15

Answer = Callable[[Request], Awaitable[Response]]


def build(settings: Settings) -> ASGIApp:
    """The application. Raises BadSettings; connects to nothing before it is started."""
    pages = Pages(settings)
    app = Starlette(
        routes=[*health(), *_below(pages)],
        exception_handlers={HTTPException: _refused, **handlers(_unavailable, _failed)},
        lifespan=alive,
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


async def _refused(request: Request, error: Exception) -> Response:
    refused = error if isinstance(error, HTTPException) else HTTPException(500)
    pages: Pages = request.app.state.pages
    status = refused.status_code
    wait = (refused.headers or {}).get("Retry-After")
    minutes = ceil(int(wait) / 60) if wait else None
    response = pages.page(request, "error", status, status=status, minutes=minutes, retry=None)
    response.headers.update(refused.headers or {})
    return response


def _failed(request: Request) -> Response:
    pages: Pages = request.app.state.pages
    return pages.page(request, "error", 500, status=500, minutes=None, retry=None)


def _unavailable(request: Request, _: str) -> Response:
    """Nothing of what was sent is kept, and the page says so."""
    pages: Pages = request.app.state.pages
    response = pages.page(request, "error", 503, status=503, minutes=1, retry=request.url.path)
    response.headers["Retry-After"] = str(_RETRY_SECONDS)
    return response
