"""Lupa Kata Laluan: from the mailed link over the three questions to a new password."""

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from schemas.events import QuestionsAnswered
from services.portal import link_steps, reading
from services.portal.limits import ANSWERS_OF_LINK
from services.portal.reading import Asked
from services.portal.standing import Standing
from services.portal.visit import LinkVisit
from shared.credentials import answer_matches
from shared.links import Purpose
from shared.questions import QUESTIONS
from shared.web.forms import texts

_MAX_TYPED: Final = 100


async def take_link(request: Request) -> Response:
    """From the mail."""
    if "token" in request.query_params:
        return link_steps.take_token(request, Purpose.RECOVERY)
    return (await LinkVisit.of(request, Purpose.RECOVERY)).visit.pages.to(link_steps.START[Purpose.RECOVERY])


async def show(request: Request) -> Response:
    """The three questions that the person chose. Writes nothing."""
    visit = await LinkVisit.of(request, Purpose.RECOVERY)
    if elsewhere := link_steps.lead_on(visit):
        return elsewhere
    tries = await visit.visit.desk.standing(ANSWERS_OF_LINK, str(visit.link.link_id))
    if tries >= ANSWERS_OF_LINK.most:
        return visit.cannot_go_on(Standing.LOCKED)
    return await _page(visit, ANSWERS_OF_LINK.most - tries)


async def submit(request: Request) -> Response:
    """Check all three answers, after the try is counted."""
    visit = await LinkVisit.of(request, Purpose.RECOVERY)
    if elsewhere := link_steps.lead_on(visit):
        return elsewhere
    form = await visit.visit.form(visit.link.link_id)
    desk, link_id = visit.visit.desk, visit.link.link_id
    told = await link_steps.redeem(visit)
    if told is None:
        left = ANSWERS_OF_LINK.most - await desk.standing(ANSWERS_OF_LINK, str(link_id))
        return await _page(visit, left, again=texts(form, "answer"))
    if not told.stands:
        return visit.rejected(told.reason)
    counts = await desk.count((ANSWERS_OF_LINK, str(link_id)))
    if counts.wait is not None:
        return visit.cannot_go_on(Standing.LOCKED)
    asked = await desk.in_database(reading.questions, visit.link.account_id)
    if not await _all_right(visit, asked, texts(form, "answer")):
        left = ANSWERS_OF_LINK.most - counts.counts[ANSWERS_OF_LINK.kind]
        return await _page(visit, left, "problem.wrong_answers") if left > 0 else visit.cannot_go_on(Standing.LOCKED)
    return await _go_on(visit)


async def _go_on(visit: LinkVisit) -> Response:
    event = QuestionsAnswered(link_id=visit.link.link_id, session_digest=visit.session_digest)
    event_id, told = await visit.visit.desk.tell(event, visit.link.now)
    if told is None:
        return visit.wait(event_id, link_steps.WAIT[Purpose.RECOVERY])
    if not told.stands:
        return visit.rejected(told.reason)
    return visit.visit.pages.to(link_steps.PASSWORD[Purpose.RECOVERY])


async def _all_right(visit: LinkVisit, asked: Sequence[Asked], given: Sequence[str]) -> bool:
    """Checks each, also after a wrong one: the time tells nobody which it was."""
    desk = visit.visit.desk
    padded = [*given, *[""] * len(asked)]
    right = [
        await desk.hashing(answer_matches, one.digest, answer[:_MAX_TYPED], desk.pepper_keys)
        for one, answer in zip(asked, padded, strict=False)
    ]
    return bool(right) and all(right)


async def _page(
    visit: LinkVisit, tries_left: int, problem: str | None = None, *, again: Sequence[str] | None = None
) -> Response:
    """The questions; `again` are the answers that were given while the link is still being worked."""
    asked = await visit.visit.desk.in_database(reading.questions, visit.link.account_id)
    malay = visit.visit.pages.language(visit.visit.request) == "ms"
    wordings = {one.question: QUESTIONS.get(one.question) for one in asked}
    return visit.page(
        "answer",
        questions=[
            (code, (question.malay if malay else question.english) if question else code)
            for code, question in wordings.items()
        ],
        tries_left=max(tries_left, 0),
        problem=problem,
        problem_values={"tries": tries_left},
        again=again is not None,
        answers=list(again or ()),
    )
