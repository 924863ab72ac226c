"""Registering again: a form with the letter's fields, checked by the event's own schema."""

from typing import Any, Final

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from schemas.envelope import Outgoing
from services.console import letter as letter_page
from services.console.asked import line
from services.console.pages import to
from services.console.typed import typed
from services.console.visit import Visit, reason_of
from shared.clock import now
from shared.operations import letters, register_again
from shared.operations.letters import Letter
from shared.operations.register_again import FIELDS, Refused

_SOURCE: Final = "source"
_LONGEST: Final = 1000


async def ask(visit: Visit) -> Response:
    """The form, with what is personal in clear, which the audit tells before it is sent."""
    form, faults = await visit.form(), dict[str, str]()
    number, reason = visit.request.path_params["letter"], reason_of(form, faults)
    if faults:
        return await letter_page.page(visit, number, 422, faults={"register": faults["why"]})
    letter = await visit.desk.in_database(_opened, number, visit.person.name, reason)
    return _page(visit, letter, register_again.form(letter), reason)


async def publish(visit: Visit) -> Response:
    """Check all fields, write down what takes the letter's place, and publish it.

    Where the broker does not confirm, pressing once more does both again: it is the same event.
    """
    form, faults = await visit.form(), dict[str, str]()
    number, reason = visit.request.path_params["letter"], reason_of(form, faults)
    fields = {name: typed(form, name, _LONGEST) for name in (*FIELDS, _SOURCE)}
    letter = await visit.desk.in_database(_one, number)
    try:
        event = register_again.corrected(letter, fields, now())
    except Refused as refused:
        faults |= {fault.field: fault.detail for fault in refused.faults}
    if faults:
        return _page(visit, letter, fields, reason, 422, faults)
    await visit.desk.in_database(_close, letter, event, visit.person.name, reason)
    await visit.desk.publish([event])
    return to(f"/letters/{number}", said="registered")


def _page(
    visit: Visit,
    letter: Letter,
    fields: dict[str, str],
    reason: str,
    code: int = 200,
    faults: dict[str, str] | None = None,
) -> Response:
    command = line("dead", "register", str(letter.line.letter_id))
    context: dict[str, Any] = {"letter": letter, "fields": fields, "reason": reason, "register_line": command}
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


def _close(connection: Connection, letter: Letter, event: Outgoing, who: str, reason: str) -> None:
    register_again.close(connection, letter, event, who, reason)
