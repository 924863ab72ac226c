"""What a browser holds of the portal's: one secret, the token of a link, a language, the event it waits for."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
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
_WELCOME: Final = "aktif-welcome"
_WELCOME_SECONDS: Final = 600


class Browser(browser.Browser):
    """The browser of a request, with a session for each link."""

    __slots__ = ()

    def session_digest(self, link_id: UUID) -> str:
        """What events and tables hold of its session; another for each link, so that no two accounts share one."""
        return session_digest(f"{self.secret}/{link_id}")


def let_in(response: Response, browser: Browser, key: bytes) -> None:
    """Remember for some minutes that the password was right; it opens nothing but the page that says so."""
    browser.cookies.set(response, _WELCOME, _welcome(browser, key), seconds=_WELCOME_SECONDS)


def was_let_in(request: Request, browser: Browser, keys: Sequence[bytes]) -> bool:
    """Whether this browser gave a right password some minutes ago."""
    given = browser.cookies.get(request, _WELCOME).encode("utf-8", "surrogatepass")
    genuine = [hmac.compare_digest(given, _welcome(browser, key).encode()) for key in keys]
    return any(genuine)


def _welcome(browser: Browser, key: bytes) -> str:
    return hmac.digest(key, f"aktif/welcome/{browser.secret}".encode(), "sha256").hex()


def held_link(request: Request, cookies: Cookies, purpose: Purpose, keys: Sequence[bytes]) -> UUID | None:
    """The link whose token the browser holds; None where it holds none, or no genuine one."""
    return links.parse(cookies.get(request, _link_cookie(purpose)), purpose, keys)


def hold_link(response: Response, cookies: Cookies, purpose: Purpose, token: str, *, seconds: int) -> None:
    """Let the browser hold a token for a while, so that it need not stand in the address bar."""
    cookies.set(response, _link_cookie(purpose), token, seconds=seconds)


def language_cookie(request: Request, cookies: Cookies) -> str:
    """The language that a person chose; empty where none was."""
    return cookies.get(request, _LANGUAGE)


def keep_language(response: Response, cookies: Cookies, language: str) -> None:
    """Remember the language that a person chose, for a year."""
    cookies.set(response, _LANGUAGE, language, seconds=_LANGUAGE_SECONDS)


@dataclass(frozen=True, slots=True)
class Pending:
    """The event whose outcome a browser waits for, and since when."""

    event_id: str
    since: datetime


def pending_event(request: Request, cookies: Cookies) -> Pending | None:
    """What this browser waits for; None where it waits for nothing."""
    event_id, _, since = cookies.get(request, _PENDING).partition(".")
    try:
        return Pending(str(UUID(event_id)), datetime.fromtimestamp(int(since), UTC))
    except (ValueError, OverflowError, OSError):
        return None


def await_event(response: Response, cookies: Cookies, event_id: str, since: datetime) -> None:
    """Remember which event a browser waits for."""
    cookies.set(response, _PENDING, f"{event_id}.{int(since.timestamp())}", seconds=_PENDING_SECONDS)


def _link_cookie(purpose: Purpose) -> str:
    return f"aktif-{purpose}"
