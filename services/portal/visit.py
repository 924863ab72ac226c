"""One request: who asks, with which form, through which link; and the answers that every page can give."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Any, Final
from uuid import UUID

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from services.portal import browser, reading
from services.portal.browser import Browser
from services.portal.desk import Desk
from services.portal.limits import Bounds, network_of
from services.portal.pages import Pages, moment
from services.portal.standing import Found, Standing, of_rejection, standing
from services.portal.words import LANGUAGES
from shared import clock
from shared.links import Purpose
from shared.web.forms import read_form

_MAX_FIELDS: Final = 20
_STATUS: Final[Mapping[Standing, int]] = {Standing.FORGED: 404, Standing.NO_LINK: 404, Standing.FAILED: 500}
_GONE: Final = 410


@dataclass(frozen=True, slots=True)
class Visit:
    """A request, with all that a page needs to answer it."""

    request: Request
    desk: Desk
    pages: Pages
    browser: Browser

    @classmethod
    def of(cls, request: Request) -> "Visit":
        """The visit of a request."""
        desk, pages = request.app.state.desk, request.app.state.pages
        return cls(request, desk, pages, Browser.of(request, pages.cookies))

    def page(self, name: str, code: int = 200, *, link_id: UUID | None = None, **context: Any) -> Response:
        """A page whose forms are this browser's, and about that link, if one is given."""
        csrf = self.browser.csrf(self.desk.session_keys[0], link_id)
        response = self.pages.page(self.request, name, code, csrf=csrf, **context)
        self.browser.remember(response)
        return response

    def in_language(self, language: str, page: Callable[[], Response]) -> Response:
        """A page that is shown in another language, which is remembered; for forms that must not be lost by that."""
        if language not in LANGUAGES:
            return page()
        self.pages.speak(self.request, language)
        response = page()
        browser.keep_language(response, self.pages.cookies, language)
        return response

    async def form(self, link_id: UUID | None = None) -> FormData:
        """The form that was sent. Raises HTTPException 403 where it is not one that this browser got from us."""
        return await read_form(self.request, self.browser, self.desk.session_keys, link_id, max_fields=_MAX_FIELDS)

    async def count(self, of: Bounds, ic_number: str) -> timedelta | None:
        """Count one try with an IC number from this address; how long to wait where it is one too many, else None."""
        address = network_of(self.request.client.host if self.request.client else "")
        tried = (of.from_here, f"{ic_number} {address}"), (of.of_account, ic_number), (of.from_address, address)
        return (await self.desk.count(*tried)).wait

    def too_often(self, name: str, wait: timedelta, ic_number: str) -> Response:
        """The same page, with when to come back."""
        values = {"minutes": ceil(wait.total_seconds() / 60)}
        problem = "problem.too_often"
        response = self.page(name, 429, ic_number=ic_number, problem=problem, problem_values=values)
        response.headers["Retry-After"] = str(ceil(wait.total_seconds()))
        return response


@dataclass(frozen=True, slots=True)
class LinkVisit:
    """A visit through a link: what the database has of it, and what it is worth to this browser."""

    visit: Visit
    purpose: Purpose
    found: Found | None
    standing: Standing

    @classmethod
    async def of(cls, request: Request, purpose: Purpose) -> "LinkVisit":
        """The visit of a browser that holds a link. Writes nothing."""
        visit = Visit.of(request)
        link_id = browser.held_link(request, visit.pages.cookies, purpose, visit.desk.link_keys)
        if link_id is None:
            return cls(visit, purpose, None, Standing.NO_LINK)
        found = await visit.desk.in_database(reading.link, link_id)
        return cls(visit, purpose, found, standing(found, visit.browser.session_digest(link_id), visit.desk.life))

    @property
    def link(self) -> Found:
        """What the database has of the link; only asked for where the standing lets the browser go on."""
        if self.found is None:
            raise LookupError("no link")
        return self.found

    @property
    def session_digest(self) -> str:
        """This browser's session of this link."""
        return self.visit.browser.session_digest(self.link.link_id)

    def page(self, name: str, code: int = 200, **context: Any) -> Response:
        """A page of this link, with what was registered where it is an activation."""
        kind = self.purpose.value
        details = _details(self.link) if self.purpose is Purpose.ACTIVATION else None
        return self.visit.page(name, code, link_id=self.link.link_id, kind=kind, details=details, **context)

    def cannot_go_on(self, why: Standing | None = None) -> Response:
        """The page of a link that leads no further, with the next step on it."""
        reason = why or self.standing
        newer = self.found.newer_mail_at if self.found else None
        return self.visit.page(
            "bad_link",
            _STATUS.get(reason, _GONE),
            kind=self.purpose.value,
            reason=reason.value,
            at=moment(newer) if newer and reason is Standing.SUPERSEDED else None,
        )

    def rejected(self, reason: str) -> Response:
        """What state answered, as a page."""
        return self.cannot_go_on(of_rejection(reason))

    def wait(self, event_id: str, path: str) -> Response:
        """Lead on to the page that waits for an event."""
        response = self.visit.pages.to(path)
        browser.await_event(response, self.visit.pages.cookies, event_id, clock.now())
        return response


@dataclass(frozen=True, slots=True)
class Details:
    """What was registered, as the pages show it."""

    ic_number: str
    name: str
    email: str
    registered_at: str


def _details(found: Found) -> Details:
    at = moment(found.registered_at) if found.registered_at else ""
    return Details(found.ic_number, found.name or "", found.email or "", at)
