"""Log Masuk: lets a person try the password. It signs nobody in anywhere; that is the system's behind."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from schemas.fields import ic_number_from_input
from services.portal import browser, reading
from services.portal.visit import Visit
from shared.credentials import password_matches
from shared.web.forms import text

_MAX_TYPED: Final = 40


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
    if (wait := await visit.count(visit.desk.sign_ins, ic_number)) is not None:
        return visit.too_often("sign_in", wait, typed)
    digest = await visit.desk.in_database(reading.password_digest, ic_number)
    if not await visit.desk.hashing(password_matches, digest, password):
        return visit.page("sign_in", 401, ic_number=typed, problem="problem.sign_in")
    response = visit.pages.to("/welcome")
    browser.let_in(response, visit.browser, visit.desk.session_keys[0])
    return response


async def welcome(request: Request) -> Response:
    """Where a right password leads, and from there to AKTIF_HOME_URL, if it is set."""
    visit = Visit.of(request)
    if not browser.was_let_in(request, visit.browser, visit.desk.session_keys):
        return visit.pages.to("/")
    return visit.page("welcome", home=visit.desk.settings.home_url)
