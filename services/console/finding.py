"""Finding accounts by what somebody knows of a person."""

from typing import Final
from uuid import UUID

from starlette.responses import Response

from services.console.pages import query, to
from services.console.searches import too_often
from services.console.typed import typed
from services.console.visit import Visit
from shared.operations import searching
from shared.operations.searching import Sought

_MOST: Final = 50
_SHORTEST: Final = 3
_ACCOUNT: Final = "account"
_FOUND: Final = "found"
_WANTED: Final = {
    True: "an IC number, an address or its beginning, or at least three letters of a name",
    False: "a whole IC number, a whole address, or at least two whole words of a name",
}
"""What is to be typed, by whether somebody may search by a part."""


async def show(visit: Visit) -> Response:
    """The field to search by, and the accounts that the address names."""
    given = visit.request.query_params
    if _FOUND not in given:
        return _page(visit)
    ids = [account for name in given.getlist(_ACCOUNT)[:_MOST] if (account := _id(name))]
    found = await visit.desk.in_database(searching.listed, ids)
    return _page(visit, found=found, has_more=given[_FOUND] == "more")


async def find(visit: Visit) -> Response:
    """Search, and lead to an address that names accounts by their ids: none holds a name or an IC number."""
    form = await visit.form()
    who = typed(form, "who")
    if len(who) < _SHORTEST:
        return _page(visit, 422, typed=who, faults={"who": f"Give {_WANTED[visit.may_act]}."})
    if wait := await too_often(visit):
        return _page(visit, 429, typed=who, faults={"who": wait})
    found = await visit.desk.in_database(
        searching.accounts, visit.person.name, Sought.of(who), in_part=visit.may_act, limit=_MOST + 1
    )
    number = "more" if len(found) > _MOST else len(found)
    return to(f"/accounts{query([(_FOUND, number), *((_ACCOUNT, account) for account in found[:_MOST])])}")


def _page(visit: Visit, code: int = 200, **more: object) -> Response:
    context = {"typed": "", "found": None, "has_more": False, "wanted": _WANTED[visit.may_act], **more}
    return visit.page("accounts", code, **context)


def _id(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None
