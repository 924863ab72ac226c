"""Dead letters: the causes with their counts, and the letters behind a filter, a page at a time."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.responses import Response

from schemas.events import EVENT_NAME, Lane
from schemas.fields import ic_number_from_input
from services.console.addresses import is_personal
from services.console.asked import Asked
from services.console.pages import query, to
from services.console.searches import too_often
from services.console.typed import typed
from services.console.visit import Visit
from shared.broker.topology import SERVICES, work_queue
from shared.clock import now
from shared.operations import groups as causes
from shared.operations import letters, notes, searching
from shared.operations.advice import ADVICE, advice
from shared.operations.filters import Status
from shared.operations.letters import Place

_A_PAGE: Final = 50
_FINGERPRINT: Final = 16


async def show(visit: Visit) -> Response:
    """Groups, and the letters of them."""
    given = visit.request.query_params
    return await _page(visit, Asked.of(given, now()), _place(given.get("after")))


async def choose(visit: Visit) -> Response:
    """Turn what was typed into an address that holds nothing personal, and lead there."""
    form = await visit.form()
    asked, faults = Asked.of(form, now()), dict[str, str]()
    sought = _sought(form, faults)
    if sought and not faults and (wait := await too_often(visit)):
        faults["ic"] = wait
    if faults:
        asked = replace(asked, faults={**asked.faults, **faults})
        return await _page(visit, asked, None, 429 if sought else 422, typed_ic=typed(form, "ic"))
    if sought:
        asked = asked.about(await visit.desk.in_database(searching.letters, visit.person.name, sought))
    return to(f"/letters{asked.query}")


async def note(visit: Visit) -> Response:
    """Write something down about a group."""
    form = await visit.form()
    fingerprint = typed(form, "fingerprint")
    if len(fingerprint) != _FINGERPRINT:
        raise HTTPException(404)
    words = typed(form, "note", notes.LONGEST)
    await visit.desk.in_database(notes.write, fingerprint, words, visit.person.name)
    return to(f"/letters{query([*Asked.back(form, now()).fields, ('said', 'noted')])}")


def _sought(form: FormData, faults: dict[str, str]) -> str:
    """The person that is looked for: an IC number in its own field, or what is personal in that of ids."""
    number, words = typed(form, "ic"), typed(form, "text")
    if not number:
        return words if is_personal([("text", words)]) else ""
    try:
        return ic_number_from_input(number)
    except ValueError:
        faults["ic"] = "Give 12 digits that begin with a date, such as 850101-03-0007."
        return ""


async def _page(visit: Visit, asked: Asked, place: Place | None, code: int = 200, *, typed_ic: str = "") -> Response:
    found = await visit.desk.in_database(_find, asked, place)
    following = found["page"].following
    more = _address(asked, following) if following else None
    context = {"asked": asked, "choices": _CHOICES, "advice": advice, "more": more, "is_first": place is None}
    is_live = visit.request.method == "GET"
    return visit.page("letters", code, **found, **context, faults=asked.faults, typed_ic=typed_ic, is_live=is_live)


def _find(connection: Connection, asked: Asked, place: Place | None) -> dict[str, Any]:
    groups = causes.groups(connection, asked.wanted)
    page = letters.page(connection, asked.wanted, limit=_A_PAGE, after=place)
    return {"groups": groups.shown, "left_out": groups.left_out, "page": page, "total": groups.letters}


def _address(asked: Asked, place: Place) -> str:
    return f"/letters{query([*asked.fields, ('after', f'{place.filed_at.isoformat()}/{place.letter_id}')])}"


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
