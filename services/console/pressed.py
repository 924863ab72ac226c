"""What a form carries of the page it stands on: a key of its own, and the moment that its numbers are of.

With its key a form that is sent again, since the answer never came, does what it did before and nothing more. With the
moment it means what was shown, and nothing that came to it since. Pure.
"""

from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from services.console.typed import typed

_NOT_OURS: Final = 400


def key_of(form: FormData) -> UUID:
    """The key of the form. Raises HTTPException 400 where it has none: no page of ours sends such a form."""
    try:
        return UUID(typed(form, "key"))
    except ValueError:
        raise HTTPException(_NOT_OURS) from None


def event_of(form: FormData, act: str) -> str:
    """The id of the event that a form asks for by an act: the same, however often it is sent."""
    return str(uuid5(key_of(form), act))


def shown_at(form: FormData) -> datetime:
    """When what the form is about was looked up, by the database's clock. Raises HTTPException 400 as `key_of`."""
    try:
        moment = datetime.fromisoformat(typed(form, "shown_at"))
    except ValueError:
        raise HTTPException(_NOT_OURS) from None
    if moment.tzinfo is None:
        raise HTTPException(_NOT_OURS)
    return moment
