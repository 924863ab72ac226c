"""Discarding letters, with a reason, and taking that back."""

from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection
from starlette.responses import Response

from services.console.asked import Asked
from services.console.pages import to
from services.console.visit import Visit, number_of, reason_of
from shared.clock import now
from shared.operations import discard as discarding
from shared.operations import letters
from shared.operations.filters import Status

_MOST: Final = 10_000_000


async def ask(visit: Visit) -> Response:
    """How many that would be, and why."""
    given = visit.request.query_params
    return await _asking(visit, Asked.of(given, now()), Asked.back(given, now()))


async def discard(visit: Visit) -> Response:
    """Discard what is still open of them; no more than were counted, for what was filed since was not meant."""
    form, faults = await visit.form(), dict[str, str]()
    asked, back = Asked.of(form, now()), Asked.back(form, now())
    reason = reason_of(form, faults)
    if faults or asked.faults:
        return await _asking(visit, asked, back, 422, faults)
    wanted, most = asked.open_only().wanted, number_of(form, "shown", faults, most=_MOST)
    done = await visit.desk.in_database(
        discarding.discard, wanted, visit.person.name, reason, most=int(most) if most else None
    )
    return to("/letters", **back.typed, said="discarded", n=done)


async def undo(visit: Visit) -> Response:
    """Open discarded letters again."""
    form = await visit.form()
    asked, back = Asked.of(form, now()), Asked.back(form, now())
    reason = reason_of(form, {}) or "taken back"
    done = await visit.desk.in_database(discarding.undo, asked.wanted.letters, visit.person.name, reason)
    if len(asked.wanted.letters) == 1:
        return to(f"/letters/{asked.wanted.letters[0]}", said="opened", n=done)
    return to("/letters", **back.typed, said="opened", n=done)


async def _asking(
    visit: Visit, asked: Asked, back: Asked, code: int = 200, faults: dict[str, str] | None = None
) -> Response:
    found = await visit.desk.in_database(_count, asked.open_only())
    return visit.page("discard", code, asked=asked, back=back, faults=faults or {}, **found)


def _count(connection: Connection, asked: Asked) -> dict[str, Any]:
    wanted = replace(asked.wanted, status=asked.wanted.status or Status.OPEN)
    return {"number": letters.count(connection, wanted), "groups": letters.groups(connection, wanted, limit=20)}
