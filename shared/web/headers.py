"""The headers of every answer: what a browser may do with our pages.

https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html
"""

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Browsers judge where a form's redirects end too, so every form ends at a page of ours, which may lead on."""
_ALWAYS: Final = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "X-Robots-Tag": "noindex, nofollow",
}
_HOLD: Final = "Strict-Transport-Security"
_HSTS: Final = "max-age=31536000"


def headers(*, is_secure: bool) -> dict[str, str]:
    """The headers; with https they hold browsers to it."""
    return _ALWAYS | ({_HOLD: _HSTS} if is_secure else {})


class BoundedBodies:
    """Refuses a body while it is read, with HTTPException 413, so that the answer is a page of ours.

    Starlette's own bound answers with a plain line where the length was said beforehand.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI wants it."""
        read = 0

        async def receive_bounded() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._most:
                raise HTTPException(413)
            return message

        await self._app(scope, receive_bounded, send)


class SecurityHeaders:
    """Adds headers to each answer; what says nothing of caching is kept by nobody, and https is to be held to."""

    def __init__(self, app: ASGIApp, given: dict[str, str]) -> None:
        self._app = app
        self._headers = given

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI wants it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = MutableHeaders(scope=message)
                given.update(self._headers)
                if scope["scheme"] == "https":
                    given.setdefault(_HOLD, _HSTS)
                given.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)
