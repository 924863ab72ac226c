"""What activation and recovery share: from the mail's link into the browser, redeeming, waiting, and the last page."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from schemas.events import TokenRedeemed
from services.portal import browser
from services.portal.outcomes import Told
from services.portal.standing import Standing
from services.portal.visit import LinkVisit, Visit
from shared import clock, links
from shared.links import Purpose

REFRESH_SECONDS: Final = 2

START: Final = {Purpose.ACTIVATION: "/account/activation", Purpose.RECOVERY: "/account/recovery/questions"}
"""The first step of a link, which leads on to where its browser stands."""
PASSWORD: Final = {Purpose.ACTIVATION: "/account/activation/password", Purpose.RECOVERY: "/account/recovery/password"}
DONE: Final = {Purpose.ACTIVATION: "/account/activation/done", Purpose.RECOVERY: "/account/recovery/done"}
WAIT: Final = {Purpose.ACTIVATION: "/account/activation/wait", Purpose.RECOVERY: "/account/recovery/wait"}


def take_token(request: Request, purpose: Purpose) -> Response:
    """From the mail: the token goes from the address bar into a cookie. Writes nothing, so scanners may come often."""
    visit = Visit.of(request)
    token = request.query_params["token"]
    if links.parse(token, purpose, visit.desk.link_keys) is None:
        return LinkVisit(visit, purpose, None, Standing.FORGED).cannot_go_on()
    response = visit.pages.to(START[purpose])
    life = visit.desk.life
    seconds = int((life.after_newest + life.session).total_seconds())
    browser.hold_link(response, visit.pages.cookies, purpose, token, seconds=seconds)
    visit.browser.remember(response, anew=True)
    return response


def lead_on(visit: LinkVisit) -> Response | None:
    """Where a browser belongs that is past the first step, or can go no further; None where it is at it."""
    if visit.standing is Standing.ANSWERED:
        return visit.visit.pages.to(PASSWORD[visit.purpose])
    if visit.standing is Standing.DONE:
        return visit.visit.pages.to(DONE[visit.purpose])
    if visit.standing in {Standing.OPEN, Standing.BEGUN}:
        return None
    return visit.cannot_go_on()


async def redeem(visit: LinkVisit) -> Told | None:
    """The first POST binds the link to this browser. None where that is not known yet. Raises BrokerAway."""
    if visit.standing is not Standing.OPEN:
        return Told("applied", "redeemed")
    now = visit.link.now
    redeemed = TokenRedeemed(link_id=visit.link.link_id, session_digest=visit.session_digest, redeemed_at=now)
    return (await visit.visit.desk.tell(redeemed, now))[1]


async def wait(request: Request, purpose: Purpose) -> Response:
    """The page that refreshes itself until the outcome is there."""
    visit = await LinkVisit.of(request, purpose)
    pending = browser.pending_event(request, visit.visit.pages.cookies)
    told = await visit.visit.desk.told_of(pending.event_id) if pending else None
    if pending and told is None:
        waited = max(0, int((clock.now() - pending.since).total_seconds()))
        return visit.visit.page("wait", kind=purpose.value, seconds=REFRESH_SECONDS, waited=waited)
    if told is None or told.stands or visit.standing is Standing.DONE:
        return visit.visit.pages.to(START[purpose])
    return visit.rejected(told.reason)


async def done(request: Request, purpose: Purpose) -> Response:
    """The last page, for the browser that set the password."""
    visit = await LinkVisit.of(request, purpose)
    return visit.page("done") if visit.standing is Standing.DONE else visit.visit.pages.to(START[purpose])
