"""What our headers say, and how much body is read."""

import asyncio

import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from services.portal.security import headers
from shared.settings import Settings
from shared.web.headers import BoundedBodies, SecurityHeaders


def policy(**settings: str) -> dict[str, str]:
    """The content security policy by its parts."""
    said = headers(Settings(**settings))["Content-Security-Policy"]  # type: ignore[arg-type]
    return {name: values for name, _, values in (part.strip().partition(" ") for part in said.split(";"))}


def test_a_page_may_load_our_own_files_and_nothing_else() -> None:
    said = policy()

    assert said["default-src"] == said["base-uri"] == said["frame-ancestors"] == "'none'"
    assert {said[kind] for kind in ("style-src", "script-src", "img-src", "connect-src", "form-action")} == {"'self'"}


@pytest.mark.parametrize(("url", "is_told"), [("https://aktif.example", True), ("http://localhost:8080", False)])
def test_browsers_are_told_to_stay_with_https_where_links_are_https(url: str, is_told: bool) -> None:
    assert ("Strict-Transport-Security" in headers(Settings(portal_url=url))) is is_told


@pytest.mark.parametrize(("scheme", "is_told"), [("https", True), ("http", False)])
def test_a_browser_that_came_by_https_is_told_to_stay_with_it(scheme: str, is_told: bool) -> None:
    sent = list[Message]()

    async def app(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(SecurityHeaders(app, headers(Settings()))({"type": "http", "scheme": scheme}, receive, send))

    assert (b"strict-transport-security" in dict(sent[0]["headers"])) is is_told


@pytest.mark.parametrize(
    ("pieces", "is_refused"), [([b"12345", b"67890"], False), ([b"12345", b"678901"], True), ([b"1" * 11], True)]
)
def test_a_body_is_read_up_to_its_bound_and_no_further(pieces: list[bytes], is_refused: bool) -> None:
    read = list[bytes]()

    async def app(_: Scope, receive: Receive, __: Send) -> None:
        for _piece in pieces:
            read.append((await receive())["body"])

    coming = iter(pieces)

    async def receive() -> Message:
        return {"type": "http.request", "body": next(coming), "more_body": True}

    async def send(_: Message) -> None:
        raise AssertionError("nobody answers")

    asked = BoundedBodies(app, 10)({"type": "http"}, receive, send)
    if is_refused:
        with pytest.raises(HTTPException) as refused:
            asyncio.run(asked)
        assert refused.value.status_code == 413
        assert sum(map(len, read)) <= 10
    else:
        asyncio.run(asked)
        assert read == pieces
