"""Logging in and out."""

import secrets
from math import ceil
from typing import Final

import structlog
from sqlalchemy import Connection
from starlette.responses import Response

from services.console import limits, sessions
from services.console.pages import cookies_of, to
from services.console.sessions import digest_of
from services.console.typed import typed
from services.console.visit import SESSION_COOKIE, Visit
from shared.credentials import password_matches
from shared.operations import audit, people
from shared.web import forms
from shared.web.limits import Counts, network_of, subject

_MAX_TYPED: Final = 60
_CONSOLE: Final = "console"
_log = structlog.get_logger()


async def show(visit: Visit) -> Response:
    """The form; whoever is logged in has no need of it."""
    following = _ours(visit.request.query_params.get("next"))
    if visit.session is not None:
        return to(following)
    return visit.page("login", name="", following=following)


async def submit(visit: Visit) -> Response:
    """Try a password: the same answer and the same work for an unknown name and a wrong password."""
    form = await visit.form()
    name, password = typed(form, "name", _MAX_TYPED), forms.text(form, "password")
    following = _ours(forms.text(form, "next"))

    def again(code: int, **faults: str) -> Response:
        return visit.page("login", code, name=name, following=following, faults=faults)

    if not name or not password:
        return again(
            422,
            **({} if name else {"name": "Give your name."}),
            **({} if password else {"password": "Give your password."}),
        )
    wait = (await _count(visit, name)).wait
    if wait is not None:
        _log.warning("login_throttled", address=_address(visit))
        return again(429, name=f"Tried too often. Try again in {ceil(wait.total_seconds() / 60)} min.")
    digest = await visit.desk.in_database(people.digest_of, name)
    if not await visit.desk.hashing(password_matches, digest, password):
        _log.warning("login_failed", address=_address(visit))
        return again(401, password="Name or password is not right.")  # noqa: S106
    key, secret = visit.desk.session_keys[0], secrets.token_urlsafe(32)
    await visit.desk.in_database(_begin, digest_of(key, secret), name, subject(key, limits.OF_NAME, name))
    response = to(following)
    visit.browser.cookies.set(response, SESSION_COOKIE, secret)
    return response


async def leave(visit: Visit) -> Response:
    """Log out: the session is over, wherever its cookie may be."""
    await visit.form()
    if visit.session is not None:
        await visit.desk.in_database(_end, visit.session.digest, visit.person.name)
    response = to("/login")
    response.delete_cookie(cookies_of(visit.request).name(SESSION_COOKIE), path="/")
    return response


def _ours(path: str | None) -> str:
    """A path of this console: nobody is led elsewhere by a forged link."""
    is_ours = path is not None and path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if path and is_ours else "/"


async def _count(visit: Visit, name: str) -> Counts:
    key = visit.desk.session_keys[0]
    tried = [
        (limits.OF_NAME, subject(key, limits.OF_NAME, name)),
        (limits.FROM_ADDRESS, subject(key, limits.FROM_ADDRESS, network_of(_address(visit)))),
    ]
    return await visit.desk.in_database(limits.LIMITS.count, tried)


def _address(visit: Visit) -> str:
    return visit.request.client.host if visit.request.client else ""


def _begin(connection: Connection, digest: bytes, name: str, tried: bytes) -> None:
    limits.LIMITS.clear(connection, limits.OF_NAME, tried)
    sessions.begin(connection, digest, name)
    audit.write(connection, name, "login", _CONSOLE)


def _end(connection: Connection, digest: bytes, name: str) -> None:
    sessions.end(connection, digest)
    audit.write(connection, name, "logout", _CONSOLE)
