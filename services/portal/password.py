"""Step 9 of the guide, and the last of a recovery: a new password."""

from math import ceil
from typing import Final

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from schemas.events import PasswordSet
from services.portal import link_steps, policy, reading
from services.portal.desk import Desk
from services.portal.policy import Person
from services.portal.standing import Standing
from services.portal.visit import LinkVisit
from services.portal.words import say
from shared.credentials import (
    MAX_PASSWORD_LENGTH,
    PASSWORD_RULES,
    TOO_LONG,
    answer_matches,
    broken_rules,
    password_digest,
    password_matches,
)
from shared.links import Purpose
from shared.web.forms import text

_RULE_CODES: Final = frozenset(rule.code for rule in PASSWORD_RULES)


async def show(request: Request, purpose: Purpose) -> Response:
    """The form, with the five rules of the guide."""
    visit = await LinkVisit.of(request, purpose)
    return _page(visit, _RULE_CODES) if visit.standing is Standing.ANSWERED else _elsewhere(visit)


async def submit(request: Request, purpose: Purpose) -> Response:
    """Check the password once more here, and set it."""
    visit = await LinkVisit.of(request, purpose)
    if visit.standing not in {Standing.ANSWERED, Standing.DONE}:
        return _elsewhere(visit)
    form = await visit.visit.form(visit.link.link_id)
    password, again = text(form, "password"), text(form, "again")
    if visit.standing is Standing.DONE:
        return await _set_before(visit, password)
    unmet = {rule.code for rule in broken_rules(password)}
    problems = await _objections(visit, password) if not unmet else []
    if unmet or problems or password != again:
        if TOO_LONG.code in unmet:
            problems = [_say(visit, "password.too_long", length=MAX_PASSWORD_LENGTH)]
        missing = "problem.password_missing" if not password else None
        return _page(
            visit, frozenset(unmet & _RULE_CODES), problems, mismatch=password != again, problem=missing, judged=True
        )
    return await _set(visit, password)


async def _set(visit: LinkVisit, password: str) -> Response:
    desk = visit.visit.desk
    digest = await desk.hashing(password_digest, password)
    event = PasswordSet(link_id=visit.link.link_id, session_digest=visit.session_digest, password_digest=digest)
    # Of two at once the earlier counts. By the time of the visit that could be the one that is published later, after
    # the other's browser was told that its password stands.
    event_id, told = await desk.tell(event, await desk.now())
    if told is None:
        return visit.wait(event_id, link_steps.WAIT[visit.purpose])
    if told.stands:
        return visit.visit.pages.to(link_steps.DONE[visit.purpose])
    after = await LinkVisit.of(visit.visit.request, visit.purpose)
    return await _set_before(after, password) if after.standing is Standing.DONE else visit.rejected(told.reason)


async def _set_before(visit: LinkVisit, password: str) -> Response:
    """A second click, or a second window: the first password counts, so it is told whether this one is the same."""
    desk = visit.visit.desk
    if (wait := await visit.visit.count(desk.sign_ins, visit.link.ic_number)) is not None:
        raise HTTPException(429, headers={"Retry-After": str(ceil(wait.total_seconds()))})
    digest = await desk.in_database(reading.password_digest, visit.link.ic_number)
    if await desk.hashing(password_matches, digest, password):
        return visit.visit.pages.to(link_steps.DONE[visit.purpose])
    return visit.cannot_go_on(Standing.OTHER_PASSWORD)


async def _objections(visit: LinkVisit, password: str) -> list[Markup]:
    """What speaks against a password that meets the five rules, in the reader's words."""
    found, desk = visit.link, visit.visit.desk
    person = Person(found.ic_number, found.name or "", found.email or "")
    said = [_say(visit, one.key, **one.values) for one in policy.objections(password, person)]
    if not said and await _equals_answer(desk, visit, password):
        said.append(_say(visit, "password.equals_answer"))
    return said


async def _equals_answer(desk: Desk, visit: LinkVisit, password: str) -> bool:
    """Against all digests, whichever matches first; an answer's digest is of its folded form."""
    asked = await desk.in_database(reading.questions, visit.link.account_id)
    matches = [await desk.hashing(answer_matches, one.digest, password, desk.pepper_keys) for one in asked]
    return any(matches)


def _elsewhere(visit: LinkVisit) -> Response:
    if visit.standing in {Standing.OPEN, Standing.BEGUN}:
        return visit.visit.pages.to(link_steps.START[visit.purpose])
    return link_steps.lead_on(visit) or visit.cannot_go_on()


def _page(
    visit: LinkVisit,
    unmet: frozenset[str],
    problems: list[Markup] | None = None,
    *,
    mismatch: bool = False,
    problem: str | None = None,
    judged: bool = False,
) -> Response:
    malay = visit.visit.pages.language(visit.visit.request) == "ms"
    return visit.page(
        "password",
        rules=[(rule.code, rule.malay if malay else rule.english) for rule in PASSWORD_RULES],
        unmet=unmet,
        problems=problems or [],
        mismatch=mismatch,
        problem=problem,
        judged=judged,
    )


def _say(visit: LinkVisit, key: str, **values: object) -> Markup:
    return say(visit.visit.pages.language(visit.visit.request), key, **values)
