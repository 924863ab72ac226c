"""What a browser holds of ours: one secret, the token of a link, a language; and what proves that a form is ours.

Cookies are `HttpOnly` and `SameSite=Lax`: strict ones would be missing when a person comes from the mail. Behind https
they are Secure and bound to our host by their name (RFC 6265bis §4.1.3.2).
"""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from shared import links
from shared.credentials import session_digest
from shared.links import Purpose

_SECRET: Final = "aktif"  # noqa: S105
_WELCOME: Final = "aktif-welcome"
_LANGUAGE: Final = "aktif-language"
_PENDING: Final = "aktif-pending"
_SECRET_LENGTH: Final = 43
_LANGUAGE_SECONDS: Final = 365 * 86400
_PENDING_SECONDS: Final = 3600
_SECRET_SECONDS: Final = 86400
"""Telephones end a browser while its owner reads the mail, and what it has begun is to go on after that."""
_WELCOME_SECONDS: Final = 600


@dataclass(frozen=True, slots=True)
class Cookies:
    """How our cookies are named and set where links lead to this URL."""

    is_secure: bool

    @classmethod
    def of(cls, portal_url: str) -> "Cookies":
        """Those of a portal behind this URL."""
        return cls(urlsplit(portal_url).scheme == "https")

    def name(self, plain: str) -> str:
        """The name under which a cookie goes out."""
        return f"__Host-{plain}" if self.is_secure else plain

    def get(self, request: Request, plain: str) -> str:
        """What the browser sent; empty where it sent nothing."""
        return request.cookies.get(self.name(plain), "")

    def set(self, response: Response, plain: str, value: str, *, seconds: int | None = None) -> None:
        """Set one, until the browser is closed or for some seconds."""
        response.set_cookie(
            self.name(plain), value, max_age=seconds, path="/", secure=self.is_secure, httponly=True, samesite="lax"
        )


@dataclass(frozen=True, slots=True)
class Browser:
    """The browser of a request. Its secret is in its cookie and nowhere else; `is_new`: it is still to be given it."""

    secret: str
    is_new: bool
    cookies: Cookies

    @classmethod
    def of(cls, request: Request, cookies: Cookies) -> "Browser":
        """The one that sent a request; a new secret where it has none."""
        sent = cookies.get(request, _SECRET)
        if len(sent) == _SECRET_LENGTH and sent.isascii():
            return cls(sent, False, cookies)
        return cls(secrets.token_urlsafe(32), True, cookies)

    def remember(self, response: Response, *, anew: bool = False) -> None:
        """Give it its secret, if it has none, or let it keep it for another day."""
        if self.is_new or anew:
            self.cookies.set(response, _SECRET, self.secret, seconds=_SECRET_SECONDS)

    def session_digest(self, link_id: UUID) -> str:
        """What events and tables hold of its session; another for each link, so that no two accounts share one."""
        return session_digest(f"{self.secret}/{link_id}")

    def csrf(self, key: bytes, link_id: UUID | None = None) -> str:
        """What a form of ours carries: bound to the browser, and where it is about a link to that link.

        So a form that was opened for one person is refused after the same browser opened another's link.
        """
        return hmac.digest(key, f"aktif/form/{self.secret}/{link_id or ''}".encode(), "sha256").hex()

    def sent_form(self, token: str, keys: Sequence[bytes], link_id: UUID | None = None) -> bool:
        """Whether a form is one that we gave to this browser; tries every key always."""
        given = token.encode("utf-8", "surrogatepass")
        genuine = [hmac.compare_digest(given, self.csrf(key, link_id).encode()) for key in keys]
        return any(genuine) and not self.is_new


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
