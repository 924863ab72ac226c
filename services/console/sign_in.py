"""Logging in and out."""

import secrets
from math import ceil
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import structlog
from sqlalchemy import Connection
from starlette.responses import Response

from services.console import limits, sessions
from services.console.addresses import is_personal
from services.console.pages import cookies_of, to
from services.console.said import not_done
from services.console.sessions import digest_of
from services.console.typed import typed
from services.console.visit import SESSION_COOKIE, Visit
from shared.credentials import password_matches
from shared.operations import audit, people
from shared.web import forms
from shared.web.limits import network_of

_MAX_TYPED: Final = 60
_CONSOLE: Final = "console"
_UNKNOWN: Final = "unknown"
_log = structlog.get_logger()


async def show(visit: Visit) -> Response:
    """The form; whoever is logged in has no need of it."""
    following = _ours(visit.request.query_params.get("next"))
    if visit.session is not None:
        return to(following)
    return _form(visit, following)


async def still(visit: Visit) -> Response:
    """Nothing but whether somebody is logged in: asked by pages that show what does not change."""
    del visit
    return Response(status_code=204)


async def submit(visit: Visit) -> Response:
    """Try a password: the same answer and the same work for an unknown name and a wrong password."""
    form = await visit.form()
    name, password = typed(form, "name", _MAX_TYPED), forms.text(form, "password")
    following = _ours(forms.text(form, "next"))

    def again(code: int, **faults: str) -> Response:
        return _form(visit, following, code, name=name, faults=faults)

    if not name or not password:
        return again(
            422,
            **({} if name else {"name": "Give your name."}),
            **({} if password else {"password": "Give your password."}),
        )
    key, network = visit.desk.session_keys[0], network_of(_address(visit))
    counts = await visit.desk.look_up(limits.count, key, name, network)
    if counts.wait is not None:
        _log.warning("login_throttled", address=_address(visit))
        if limits.is_first_refused(counts):
            await visit.desk.in_database(_note, name, "login_throttled")
        return again(429, name=f"Tried too often. Try again in {ceil(counts.wait.total_seconds() / 60)} min.")
    digest = await visit.desk.look_up(people.digest_of, name)
    if not await visit.desk.hashing(password_matches, digest, password):
        _log.warning("login_failed", address=_address(visit))
        await visit.desk.in_database(_note, name, "login_failed")
        return again(401, password="Name or password is not right.")  # noqa: S106
    secret = secrets.token_urlsafe(32)
    await visit.desk.in_database(_begin, key, digest_of(key, secret), name, network)
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
    is_ours = is_ours and not is_personal([("next", path or "")])
    return path if path and is_ours else "/"


def _form(visit: Visit, following: str, code: int = 200, *, name: str = "", faults: Any = None) -> Response:
    lost = not_done(parse_qs(urlsplit(following).query).get("lost", [None])[0])
    had_session = bool(visit.browser.cookies.get(visit.request, SESSION_COOKIE))
    return visit.page(
        "login", code, name=name, following=following, lost=lost, had_session=had_session, faults=faults or {}
    )


def _address(visit: Visit) -> str:
    return visit.request.client.host if visit.request.client else ""


def _note(connection: Connection, name: str, what: str) -> None:
    """What was typed is nobody's to read where it is no name of ours: it may be a password."""
    audit.write(connection, name if people.find(connection, name) else _UNKNOWN, what, _CONSOLE)


def _begin(connection: Connection, key: bytes, digest: bytes, name: str, network: str) -> None:
    limits.clear(connection, key, name, network)
    sessions.begin(connection, digest, name)
    audit.write(connection, name, "login", _CONSOLE)


def _end(connection: Connection, digest: bytes, name: str) -> None:
    sessions.end(connection, digest)
    audit.write(connection, name, "logout", _CONSOLE)
