"""Cookies: `HttpOnly` and `SameSite=Lax`; strict ones would be missing when somebody follows a link from elsewhere.

Behind https they are Secure and bound to our host by their name (RFC 6265bis §4.1.3.2).
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response


@dataclass(frozen=True, slots=True)
class Cookies:
    """How our cookies are named and set where links lead to this URL."""

    is_secure: bool

    @classmethod
    def of(cls, url: str) -> "Cookies":
        """Those of pages behind this URL."""
        return cls(urlsplit(url).scheme == "https")

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
