"""Registering again: a form with the letter's fields, checked by the event's own schema."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from services.console import letter as letter_page
from services.console.asked import Asked
from services.console.pages import to
from services.console.typed import typed
from services.console.visit import Visit, reason_of
from shared.clock import now
from shared.operations import letters, register_again
from shared.operations.letters import Closing, Letter
from shared.operations.register_again import FIELDS, Overtaken, Refused
from shared.wording import at

_SEEN: Final = "seen"
_SOURCE: Final = "source"
_LONGEST: Final = 1000


async def ask(visit: Visit) -> Response:
    """The form, with what is personal in clear, which the audit tells before it is sent."""
    form, faults = await visit.form(), dict[str, str]()
    number, reason = visit.request.path_params["letter"], reason_of(form, faults)
    if faults:
        return await letter_page.page(visit, number, 422, faults={"register": faults["why"]})
    letter = await visit.desk.in_database(_opened, number, visit.person.name, reason)
    seen = letter.closing.at.isoformat() if letter.closing else ""
    return _page(visit, letter, register_again.form(letter), reason, seen)


async def publish(visit: Visit) -> Response:
    """Check all fields, write down who asks for what, publish it, and only then close the letter.

    Where the broker does not confirm, the letter stays open, and pressing once more is the same event.
    """
    form, faults = await visit.form(), dict[str, str]()
    number, reason = visit.request.path_params["letter"], reason_of(form, faults)
    fields = {name: typed(form, name, _LONGEST) for name in (*FIELDS, _SOURCE)}
    letter = await visit.desk.in_database(_one, number)
    try:
        event = register_again.corrected(letter, fields, now())
    except Refused as refused:
        faults |= {fault.field: fault.detail.removeprefix(f"{fault.field}: ") for fault in refused.faults}
    if faults:
        return _page(visit, letter, fields, reason, typed(form, _SEEN), 422, faults)
    who, seen = visit.person.name, _moment(typed(form, _SEEN))
    try:
        await visit.desk.in_database(register_again.ask, letter, event, who, reason, seen)
    except Overtaken as overtaken:
        return await letter_page.page(visit, number, 409, faults={"why": _told(overtaken.closing)})
    await visit.desk.publish([event])
    await visit.desk.in_database(register_again.close, letter, event, who, reason)
    back = Asked.back(visit.request.query_params, now()).query.removeprefix("?")
    return to(f"/letters/{number}", back=back, said="registered")


def _page(
    visit: Visit,
    letter: Letter,
    fields: dict[str, str],
    reason: str,
    seen: str,
    code: int = 200,
    faults: dict[str, str] | None = None,
) -> Response:
    command = letter_page.commands(letter)["register"]
    context: dict[str, Any] = {
        "letter": letter,
        "fields": fields,
        "reason": reason,
        "seen": seen,
        "back": Asked.back(visit.request.query_params, now()),
        "register_line": command,
    }
    return visit.page("register", code, **context, faults=faults or {})


def _one(connection: Connection, number: int) -> Letter:
    letter = letters.one(connection, number)
    if letter is None or not letter.can_register:
        raise HTTPException(404)
    return letter


def _opened(connection: Connection, number: int, who: str, reason: str) -> Letter:
    letter = _one(connection, number)
    letters.reveal(connection, letter, who, reason)
    return letter


def _told(closing: Closing) -> str:
    """What a colleague did meanwhile."""
    return f"Nothing was done: {closing.who} has {closing.kind} the letter meanwhile, at {at(closing.at)}."


def _moment(seen: str) -> datetime | None:
    """When the letter was closed, as far as the form knows; None where it knew of no closing."""
    try:
        return datetime.fromisoformat(seen)
    except ValueError:
        return None
