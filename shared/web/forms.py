"""Forms as browsers send them."""

from collections.abc import Sequence

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request

from shared.web.browser import Browser


async def read_form(
    request: Request, browser: Browser, keys: Sequence[bytes], about: object = None, *, max_fields: int
) -> FormData:
    """The form that was sent. Raises HTTPException 403 where it is not one that this browser got from us."""
    form = await request.form(max_files=0, max_fields=max_fields)
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise HTTPException(403)
    if not browser.sent_form(text(form, "csrf"), keys, about):
        raise HTTPException(403)
    return form


def text(form: FormData, name: str) -> str:
    """A field of a form; empty where it is missing or a file."""
    value = form.get(name)
    return value if isinstance(value, str) else ""


def texts(form: FormData, name: str) -> list[str]:
    """All fields of a name, in order."""
    return [value for value in form.getlist(name) if isinstance(value, str)]
