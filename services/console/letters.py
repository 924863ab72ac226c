"""Dead letters: the causes with their counts, and the letters behind a filter, a page at a time."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from schemas.events import EVENT_NAME, Lane
from services.console.asked import Asked
from services.console.pages import query, to
from services.console.typed import typed
from services.console.visit import Visit
from shared.broker.topology import SERVICES, work_queue
from shared.clock import now
from shared.operations import letters, notes
from shared.operations.advice import ADVICE, advice
from shared.operations.filters import Status
from shared.operations.letters import Place
from shared.web.forms import text

_A_PAGE: Final = 50
_FINGERPRINT: Final = 16


async def show(visit: Visit) -> Response:
    """Groups, and the letters of them."""
    given = visit.request.query_params
    asked = Asked.of(given, now())
    place = _place(given.get("after"))
    found = await visit.desk.in_database(_find, asked, place)
    following = found["page"].following
    more = _address(asked, following) if following else None
    return visit.page(
        "letters", **found, asked=asked, choices=_CHOICES, advice=advice, more=more, is_first=place is None
    )


async def note(visit: Visit) -> Response:
    """Write something down about a group."""
    form = await visit.form()
    fingerprint = text(form, "fingerprint")
    if len(fingerprint) != _FINGERPRINT:
        raise HTTPException(404)
    words = typed(form, "note", notes.LONGEST)
    await visit.desk.in_database(notes.write, fingerprint, words, visit.person.name)
    return to("/letters", **Asked.back(form, now()).typed, said="noted")


def _find(connection: Connection, asked: Asked, place: Place | None) -> dict[str, Any]:
    groups = letters.groups(connection, asked.wanted)
    page = letters.page(connection, asked.wanted, limit=_A_PAGE, after=place)
    return {"groups": groups, "page": page, "total": sum(group.letters for group in groups)}


def _address(asked: Asked, place: Place) -> str:
    return f"/letters{query({**asked.typed, 'after': f'{place.filed_at.isoformat()}/{place.letter_id}'})}"


def _place(given: str | None) -> Place | None:
    moment, _, letter_id = (given or "").rpartition("/")
    try:
        at = datetime.fromisoformat(moment)
        return Place(at, int(letter_id)) if at.tzinfo and len(letter_id) < 16 else None
    except ValueError:
        return None


_CHOICES: Final = {
    "status": [status.value for status in Status],
    "reason": sorted(ADVICE),
    "queue": [*SERVICES, *(work_queue(service, lane) for service in SERVICES for lane in Lane)],
    "type": sorted(set(EVENT_NAME.values())),
}
