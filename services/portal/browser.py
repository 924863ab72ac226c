"""What a browser holds of the portal's: one secret, the token of a link, a language, the event it waits for."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from shared import links
from shared.credentials import session_digest
from shared.links import Purpose
from shared.web import browser
from shared.web.cookies import Cookies

_LANGUAGE: Final = "aktif-language"
_PENDING: Final = "aktif-pending"
_LANGUAGE_SECONDS: Final = 365 * 86400
_PENDING_SECONDS: Final = 3600


class Browser(browser.Browser):
    """The browser of a request, with a session for each link."""

    __slots__ = ()

    def session_digest(self, link_id: UUID) -> str:
        """What events and tables hold of its session; another for each link, so that no two accounts share one."""
        return session_digest(f"{self.secret}/{link_id}")


def held_link(request: Request, cookies: Cookies, purpose: Purpose, keys: Sequence[bytes]) -> UUID | None:
    """The link whose token the browser holds; None where it holds none, or no genuine one."""
    return links.parse(cookies.get(request, _link_cookie(purpose)), purpose, keys)


def hold_link(response: Response, cookies: Cookies, purpose: Purpose, token: str) -> None:
    """Let the browser hold a token, so that it need not stand in the address bar."""
    cookies.set(response, _link_cookie(purpose), token)


def language_cookie(request: Request, cookies: Cookies) -> str:
    """The language that a person chose; empty where none was."""
    return cookies.get(request, _LANGUAGE)


def keep_language(response: Response, cookies: Cookies, language: str) -> None:
    """Remember the language that a person chose, for a year."""
    cookies.set(response, _LANGUAGE, language, seconds=_LANGUAGE_SECONDS)


def pending_event(request: Request, cookies: Cookies) -> str:
    """The id of the event whose outcome this browser waits for; empty where there is none."""
    try:
        return str(UUID(cookies.get(request, _PENDING)))
    except ValueError:
        return ""


def await_event(response: Response, cookies: Cookies, event_id: str) -> None:
    """Remember which event a browser waits for."""
    cookies.set(response, _PENDING, event_id, seconds=_PENDING_SECONDS)


def _link_cookie(purpose: Purpose) -> str:
    return f"aktif-{purpose}"
