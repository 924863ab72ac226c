"""Log Masuk: lets a person try the password. It signs nobody in anywhere; that is the system's behind."""

from math import ceil
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from schemas.fields import ic_number_from_input
from services.portal import limits, reading
from services.portal.visit import Visit
from shared.credentials import MAX_PASSWORD_LENGTH, password_matches
from shared.web.forms import text

_MAX_TYPED: Final = 40
_SEE_OTHER: Final = 303


async def show(request: Request) -> Response:
    """The form."""
    return Visit.of(request).page("sign_in", ic_number="")


async def submit(request: Request) -> Response:
    """Try a password: the same answer and the same work for an unknown account and a wrong password."""
    visit = Visit.of(request)
    form = await visit.form()
    typed, password = text(form, "ic_number")[:_MAX_TYPED], text(form, "password")
    try:
        ic_number = ic_number_from_input(typed.strip())
    except ValueError:
        return visit.page("sign_in", 422, ic_number=typed, problem="problem.ic_number")
    if not password:
        return visit.page("sign_in", 422, ic_number=typed, problem="problem.password_missing")
    wait = (await visit.count(limits.SIGN_IN_OF_ACCOUNT, limits.SIGN_IN_FROM_ADDRESS, ic_number)).wait
    if wait is not None:
        values = {"minutes": ceil(wait.total_seconds() / 60)}
        return visit.page("sign_in", 429, ic_number=typed, problem="problem.too_often", problem_values=values)
    digest = await visit.desk.in_database(reading.password_digest, ic_number)
    if not await visit.desk.hashing(password_matches, digest, password[: MAX_PASSWORD_LENGTH + 1]):
        return visit.page("sign_in", 401, ic_number=typed, problem="problem.sign_in")
    home = visit.desk.settings.home_url
    return RedirectResponse(home, _SEE_OTHER) if home else visit.pages.to("/welcome")


async def welcome(request: Request) -> Response:
    """Where a right password leads when no other page is set."""
    return Visit.of(request).page("welcome")
