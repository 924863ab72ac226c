"""One request: who asks, in which session, with which form; and what this person may do."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from services.console import sessions
from services.console.desk import Desk
from services.console.pages import Pages, cookies_of
from services.console.said import not_done, said
from services.console.sessions import Session, digest_of
from services.console.typed import typed
from shared.logs import unpersonal
from shared.operations.audit import LONGEST_REASON
from shared.operations.people import Person, Role
from shared.web.browser import Browser
from shared.web.forms import read_form

BROWSER_COOKIE: Final = "aktif-console"
SESSION_COOKIE: Final = "aktif-console-session"
REFRESH_HEADER: Final = "aktif-refresh"
"""What a page sends that asks for itself again: nobody did anything, so it keeps no session alive."""
_MAX_FIELDS: Final = 2000
_SHORTEST_REASON: Final = 3


@dataclass(frozen=True, slots=True)
class Visit:
    """A request, with all that a page needs to answer it."""

    request: Request
    desk: Desk
    pages: Pages
    browser: Browser
    session: Session | None

    @classmethod
    async def of(cls, request: Request) -> "Visit":
        """The visit of a request."""
        desk, pages = request.app.state.desk, request.app.state.pages
        cookies = cookies_of(request)
        secret = cookies.get(request, SESSION_COOKIE)
        session = None
        if secret:
            digests = [digest_of(key, secret) for key in desk.session_keys]
            is_act = REFRESH_HEADER not in request.headers
            session = await desk.look_up(sessions.find, digests, is_act=is_act)
        return cls(request, desk, pages, Browser.of(request, cookies, BROWSER_COOKIE), session)

    @property
    def person(self) -> Person:
        """Who asks; only asked for where somebody is logged in."""
        if self.session is None:
            raise HTTPException(403)
        return self.session.person

    @property
    def may_act(self) -> bool:
        """Whether this person may do more than look."""
        return self.session is not None and self.session.person.role is Role.OPERATOR

    def page(self, template: str, code: int = 200, **context: Any) -> Response:
        """A page whose forms are this browser's and this person's, with what was done, or not, just before."""
        known = self.request.query_params
        news, lost = said(known.get("said"), known.get("n")), not_done(known.get("lost"))
        csrf = self.browser.csrf(self.desk.session_keys[0], self._about)
        person = self.session.person if self.session else None
        context = {"news": news, "lost": lost, "here": self.request.url.path, "key": str(uuid4()), **context}
        response = self.pages.page(template, code, csrf=csrf, person=person, may_act=self.may_act, **context)
        self.browser.remember(response)
        return response

    async def form(self) -> FormData:
        """The form that was sent. Raises HTTPException 403 where it is not this browser's and this person's."""
        return await read_form(self.request, self.browser, self.desk.session_keys, self._about, max_fields=_MAX_FIELDS)

    @property
    def _about(self) -> str:
        """A person's forms outlive a session, so that what was typed in one is sent in the next."""
        return self.session.person.name if self.session else ""


def reason_of(form: FormData, faults: dict[str, str]) -> str:
    """The reason that was given for an act, IC numbers and addresses masked; where there is none, that is a fault.

    The field is `why`, since a filter of letters has a `reason` of its own.
    """
    reason = unpersonal(" ".join(typed(form, "why", LONGEST_REASON).split()))
    if len(reason) < _SHORTEST_REASON:
        faults["why"] = "Say why, for those who read the audit."
    return reason


def number_of(form: FormData, name: str, faults: dict[str, str], *, most: float, least: float = 1) -> float | None:
    """A number that may be left out; what is no number between the bounds is a fault."""
    given = typed(form, name).replace(",", "")
    if not given:
        return None
    try:
        found = float(given)
    except ValueError:
        found = -1
    if not least <= found <= most:
        faults[name] = f"Give a number from {least:g} to {most:,.0f}, or leave it empty."
        return None
    return found
