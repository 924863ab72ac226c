"""Lupa Kata Laluan: from the mailed link over the three questions to a new password."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from schemas.events import QuestionsAnswered
from services.portal import link_steps, reading
from services.portal.limits import ANSWERS_OF_ACCOUNT, ANSWERS_OF_LINK
from services.portal.reading import Asked
from services.portal.standing import Standing
from services.portal.visit import LinkVisit
from shared.credentials import answer_matches, normalised_answer
from shared.links import Purpose
from shared.questions import QUESTIONS
from shared.web.forms import texts


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
    left = await _tries_left(visit)
    return await _page(visit, left) if left > 0 else visit.cannot_go_on(Standing.LOCKED)


async def submit(request: Request) -> Response:
    """Check all three answers, after the try is counted."""
    visit = await LinkVisit.of(request, Purpose.RECOVERY)
    if elsewhere := link_steps.lead_on(visit):
        return elsewhere
    form = await visit.visit.form(visit.link.link_id)
    desk = visit.visit.desk
    asked = await desk.in_database(reading.questions, visit.link.account_id)
    given = (texts(form, "answer") + [""] * len(asked))[: len(asked)]
    if any(not normalised_answer(answer) for answer in given):
        return await _page(visit, await _tries_left(visit), "problem.answer_missing", given)
    told = await link_steps.redeem(visit)
    if told is None:
        return await _page(visit, await _tries_left(visit), None, given, again=True)
    if not told.stands:
        return visit.rejected(told.reason)
    counts = await desk.count((ANSWERS_OF_LINK, str(visit.link.link_id)), (ANSWERS_OF_ACCOUNT, visit.link.ic_number))
    if counts.wait is not None:
        return visit.cannot_go_on(Standing.LOCKED)
    if not await _all_right(visit, asked, given):
        left = await _tries_left(visit)
        return await _page(visit, left, "problem.wrong_answers") if left > 0 else visit.cannot_go_on(Standing.LOCKED)
    return await _go_on(visit)


async def _tries_left(visit: LinkVisit) -> int:
    desk, link = visit.visit.desk, visit.link
    of_link = ANSWERS_OF_LINK.most - await desk.standing(ANSWERS_OF_LINK, str(link.link_id))
    return min(of_link, ANSWERS_OF_ACCOUNT.most - await desk.standing(ANSWERS_OF_ACCOUNT, link.ic_number))


async def _go_on(visit: LinkVisit) -> Response:
    event = QuestionsAnswered(link_id=visit.link.link_id, session_digest=visit.session_digest)
    event_id, told = await visit.visit.desk.tell(event, await visit.visit.desk.now())
    if told is None:
        return visit.wait(event_id, link_steps.WAIT[Purpose.RECOVERY])
    if not told.stands:
        return visit.rejected(told.reason)
    return visit.visit.pages.to(link_steps.PASSWORD[Purpose.RECOVERY])


async def _all_right(visit: LinkVisit, asked: Sequence[Asked], given: Sequence[str]) -> bool:
    """Checks each, also after a wrong one: the time tells nobody which it was."""
    desk = visit.visit.desk
    right = [
        await desk.hashing(answer_matches, one.digest, answer, desk.pepper_keys)
        for one, answer in zip(asked, given, strict=True)
    ]
    return bool(right) and all(right)


async def _page(
    visit: LinkVisit, tries_left: int, problem: str | None = None, given: Sequence[str] = (), *, again: bool = False
) -> Response:
    """The questions; `given` are answers that stand there again, since they were not tried yet."""
    asked = await visit.visit.desk.in_database(reading.questions, visit.link.account_id)
    malay = visit.visit.pages.language(visit.visit.request) == "ms"
    wordings = {one.question: QUESTIONS.get(one.question) for one in asked}
    return visit.page(
        "answer",
        422 if given and not again else 200,
        questions=[
            (code, (question.malay if malay else question.english) if question else code)
            for code, question in wordings.items()
        ],
        tries_left=max(tries_left, 0),
        problem=problem,
        problem_values={"tries": tries_left},
        answers=list(given),
        missing=[place for place, answer in enumerate(given) if not normalised_answer(answer)],
        again=again,
    )
