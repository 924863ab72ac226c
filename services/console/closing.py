"""Discarding letters, with a reason, and taking that back."""

from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from services.console.asked import Asked
from services.console.pages import to
from services.console.pressed import shown_at
from services.console.visit import Visit, reason_of
from shared.clock import now
from shared.operations import discard as discarding
from shared.operations.groups import groups


async def ask(visit: Visit) -> Response:
    """How many that would be, and why."""
    given = visit.request.query_params
    return await _asking(visit, Asked.of(given, now()), Asked.back(given, now()))


async def discard(visit: Visit) -> Response:
    """Discard what is still open of them; what was filed since they were counted is not meant."""
    form, faults = await visit.form(), dict[str, str]()
    asked, back = Asked.of(form, now()), Asked.back(form, now())
    reason = reason_of(form, faults)
    if faults or asked.faults:
        return await _asking(visit, asked, back, 422, faults)
    wanted = asked.wanted.before(shown_at(form))
    done = await visit.desk.in_database(discarding.discard, wanted, visit.person.name, reason)
    return to("/letters", **back.typed, said="discarded" if done else "none_discarded", n=done or None)


async def undo(visit: Visit) -> Response:
    """Open discarded letters again."""
    form = await visit.form()
    asked, back = Asked.of(form, now()), Asked.back(form, now())
    reason = reason_of(form, {}) or "taken back"
    done = await visit.desk.in_database(discarding.undo, asked.wanted.letters, visit.person.name, reason)
    if len(asked.wanted.letters) == 1:
        kept = back.query.removeprefix("?")
        return to(f"/letters/{asked.wanted.letters[0]}", back=kept, said="opened", n=done)
    return to("/letters", **back.typed, said="opened", n=done)


async def _asking(
    visit: Visit, asked: Asked, back: Asked, code: int = 200, faults: dict[str, str] | None = None
) -> Response:
    found = await visit.desk.in_database(_count, asked)
    return visit.page("discard", code, asked=asked, back=back, faults=faults or {}, **found)


def _count(connection: Connection, asked: Asked) -> dict[str, Any]:
    plan = discarding.plan(connection, asked.wanted)
    meant = discarding.meant(asked.wanted).before(plan.at)
    return {"plan": plan, "groups": groups(connection, meant, limit=20)}
