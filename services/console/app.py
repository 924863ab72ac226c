"""The console's pages: which path is which page, who may do what there, and what is answered when something fails."""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from services.console import (
    accounts,
    audit_page,
    board,
    closing,
    finding,
    ledger,
    letter,
    letters,
    mails,
    registering,
    replays,
    sign_in,
)
from services.console.addresses import is_personal
from services.console.desk import Desk
from services.console.pages import Pages, query, to
from services.console.said import not_done
from services.console.visit import REFRESH_HEADER, Visit
from shared.settings import Settings
from shared.web.headers import BoundedBodies, SecurityHeaders, headers
from shared.web.running import alive, handlers, health

_MAX_BODY: Final = 256 * 1024
_PERSONAL: Final = (
    "The address of a page may hold no IC number and no mail address, since browsers and proxies keep it. Type it into "
    "the field of the page."
)

Answer = Callable[[Visit], Awaitable[Response]]
_log = structlog.get_logger()


class _Number(Convertor[int]):
    """The number of a letter, a replay or a run: what is longer than any of them is no path of ours."""

    regex = "[0-9]{1,18}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


register_url_convertor("number", _Number())


def build(settings: Settings) -> ASGIApp:
    """The application. Raises BadSettings; connects to nothing before it is started."""
    app = Starlette(
        routes=[*health(), *_routes()],
        exception_handlers={HTTPException: _refused, **handlers(_unavailable, _failed)},
        lifespan=alive,
    )
    app.router.redirect_slashes = False
    app.state.pages = Pages(settings)
    app.state.desk = Desk(settings)
    return SecurityHeaders(BoundedBodies(app, _MAX_BODY), headers(is_secure=False))


def _routes() -> list[Route]:
    return [
        Route("/login", _open(sign_in.show), methods=["GET"]),
        Route("/login", _open(sign_in.submit), methods=["POST"]),
        _acts("/logout", sign_in.leave, by_anybody=True),
        _shows("/session", sign_in.still),
        _shows("/", board.show),
        _shows("/letters", letters.show),
        _acts("/letters", letters.choose, by_anybody=True),
        _acts("/letters/note", letters.note),
        _shows("/letters/replay", replays.plan, for_operators=True),
        _acts("/letters/replay", replays.start),
        _shows("/letters/discard", closing.ask, for_operators=True),
        _acts("/letters/discard", closing.discard),
        _acts("/letters/undo", closing.undo),
        _shows("/letters/{letter:number}", letter.show),
        _acts("/letters/{letter:number}/unmask", letter.unmask),
        _acts("/letters/{letter:number}/register", registering.ask),
        _acts("/letters/{letter:number}/registered", registering.publish),
        _shows("/replays", replays.newest),
        _shows("/replays/{operation:number}", replays.show),
        _acts("/replays/{operation:number}/cancel", replays.cancel),
        _acts("/replays/{operation:number}/resume", replays.resume),
        _shows("/accounts", finding.show),
        _acts("/accounts", finding.find, by_anybody=True),
        _shows("/accounts/{account:uuid}", accounts.show),
        _acts("/accounts/{account:uuid}/unmask", accounts.unmask),
        _acts("/accounts/{account:uuid}/resend", accounts.resend),
        _acts("/accounts/{account:uuid}/withdraw", accounts.withdraw),
        _shows("/mails", mails.show),
        _acts("/mails", mails.choose, by_anybody=True),
        _shows("/mails/resend", mails.ask, for_operators=True),
        _acts("/mails/resend", mails.resend),
        _shows("/ledger", ledger.show),
        _shows("/ledger/{run:number}", ledger.one),
        _acts("/ledger/run", ledger.begin),
        _shows("/ledger/mend", ledger.plan, for_operators=True),
        _acts("/ledger/mend", ledger.mend),
        _shows("/audit", audit_page.show),
        _acts("/audit", audit_page.choose, by_anybody=True),
        Route("/static/{version}/{name}", _static),
    ]


def _shows(path: str, answer: Answer, *, for_operators: bool = False) -> Route:
    """A page for whoever is logged in; others are led to the login, and from there back."""

    async def handle(request: Request) -> Response:
        visit, given = await Visit.of(request), request.query_params.multi_items()
        if visit.session is None:
            if REFRESH_HEADER in request.headers:
                return PlainTextResponse("log in\n", 401)
            asked = request.url.path + query(given)
            return to("/login", next=None if asked == "/" or is_personal(given) else asked)
        if for_operators and not visit.may_act:
            raise HTTPException(403)
        if is_personal(given):
            return _error(request, 400, _PERSONAL)
        return await answer(visit)

    return Route(path, handle, methods=["GET"])


def _acts(path: str, answer: Answer, *, by_anybody: bool = False) -> Route:
    """An act of whoever may act. The pages show others no button, and this is what holds."""

    async def handle(request: Request) -> Response:
        visit = await Visit.of(request)
        if visit.session is None:
            return _undone(request.url.path)
        if not (by_anybody or visit.may_act):
            _log.warning("viewer_refused", who=visit.person.name, path=request.url.path)
            raise HTTPException(403)
        return await answer(visit)

    return Route(path, handle, methods=["POST"])


def _undone(path: str) -> Response:
    """To the login, which says what was not done, and from there to the page whose button was pressed."""
    page, _, act = path.rpartition("/")
    return to("/login", next=f"{page or path}?lost={act}" if not_done(act) else None)


def _open(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        return await answer(await Visit.of(request))

    return handle


async def _static(request: Request) -> Response:
    pages: Pages = request.app.state.pages
    return pages.static(request)


async def _refused(request: Request, error: Exception) -> Response:
    refused = error if isinstance(error, HTTPException) else HTTPException(500)
    response = _error(request, refused.status_code)
    response.headers.update(refused.headers or {})
    return response


def _unavailable(request: Request, why: str) -> Response:
    return _error(request, 503, why)


def _failed(request: Request) -> Response:
    return _error(request, 500)


def _error(request: Request, status: int, why: str | None = None) -> Response:
    pages: Pages = request.app.state.pages
    return pages.page("error", status, status=status, why=why)
