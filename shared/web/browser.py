"""The browser of a request: one secret that only it holds, and by it what proves that a form is ours."""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from starlette.requests import Request
from starlette.responses import Response

from shared.web.cookies import Cookies

_SECRET_LENGTH: Final = 43
_SECRET_SECONDS: Final = 86400
"""Telephones end a browser while its owner reads the mail, and what it has begun is to go on after that."""


@dataclass(frozen=True, slots=True)
class Browser:
    """The browser of a request. Its secret is in its cookie and nowhere else; `is_new`: it is still to be given it."""

    secret: str
    is_new: bool
    cookies: Cookies
    cookie: str = "aktif"
    """Ports of one host share cookies, so portal and console name theirs differently."""

    @classmethod
    def of(cls, request: Request, cookies: Cookies, cookie: str = "aktif") -> Self:
        """The one that sent a request; a new secret where it has none."""
        sent = cookies.get(request, cookie)
        if len(sent) == _SECRET_LENGTH and sent.isascii():
            return cls(sent, False, cookies, cookie)
        return cls(secrets.token_urlsafe(32), True, cookies, cookie)

    def remember(self, response: Response, *, anew: bool = False) -> None:
        """Give it its secret, if it has none, or let it keep it for another day."""
        if self.is_new or anew:
            self.cookies.set(response, self.cookie, self.secret, seconds=_SECRET_SECONDS)

    def csrf(self, key: bytes, about: object = None) -> str:
        """What a form of ours carries: bound to the browser, and to what the form is about, if that is given.

        So a form that was opened about one thing is refused after the same browser went over to another.
        """
        return hmac.digest(key, f"aktif/form/{self.secret}/{about or ''}".encode(), "sha256").hex()

    def sent_form(self, token: str, keys: Sequence[bytes], about: object = None) -> bool:
        """Whether a form is one that we gave to this browser; tries every key always."""
        given = token.encode("utf-8", "surrogatepass")
        genuine = [hmac.compare_digest(given, self.csrf(key, about).encode()) for key in keys]
        return any(genuine) and not self.is_new
