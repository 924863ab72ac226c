"""Steps 6 to 8 of the guide: the link, what was registered, and three security questions."""

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from schemas.events import Answer, QuestionsSet
from services.portal import answers, link_steps
from services.portal.answers import Chosen, Problem
from services.portal.policy import Person
from services.portal.standing import Standing
from services.portal.visit import LinkVisit
from shared.credentials import answer_digest
from shared.links import Purpose
from shared.questions import QUESTIONS, QUESTIONS_TO_PICK
from shared.web.forms import text, texts

_LANGUAGE: Final = "lang-"


async def show(request: Request) -> Response:
    """What was registered, and the questions to choose from. Writes nothing."""
    if "token" in request.query_params:
        return link_steps.take_token(request, Purpose.ACTIVATION)
    visit = await LinkVisit.of(request, Purpose.ACTIVATION)
    return link_steps.lead_on(visit) or _page(visit, ())


async def submit(request: Request) -> Response:
    """One question more or less, or all three. The first POST redeems the link."""
    visit = await LinkVisit.of(request, Purpose.ACTIVATION)
    # Chosen again from the same session replaces, until a password is set: a second window is believed as the first.
    if visit.standing is not Standing.ANSWERED and (elsewhere := link_steps.lead_on(visit)):
        return elsewhere
    form = await visit.visit.form(visit.link.link_id)
    chosen = answers.read(texts(form, "question"), texts(form, "answer"))
    entry = text(form, "next_question"), text(form, "next_answer")
    action = text(form, "action")
    if action.startswith(_LANGUAGE):
        return visit.visit.in_language(action.removeprefix(_LANGUAGE), lambda: _page(visit, chosen, entry))
    told = await link_steps.redeem(visit)
    if told is None:
        return _page(visit, chosen, entry, again=True)
    if not told.stands:
        return visit.rejected(told.reason)
    if action == "add":
        return _added(visit, chosen, entry)
    if action.startswith("remove-"):
        return _page(visit, answers.without(chosen, int(action[-1])) if action[-1].isdecimal() else chosen, entry)
    return await _completed(visit, chosen, entry)


def _added(visit: LinkVisit, chosen: Sequence[Chosen], entry: tuple[str, str]) -> Response:
    added = answers.with_added(chosen, *entry, _person(visit))
    return _page(visit, chosen, entry, added) if isinstance(added, Problem) else _page(visit, added)


async def _completed(visit: LinkVisit, chosen: Sequence[Chosen], entry: tuple[str, str]) -> Response:
    """All three: hashed here, so that no answer leaves this process. An entry not yet added is taken along."""
    if any(entry) and len(chosen) < QUESTIONS_TO_PICK:
        added = answers.with_added(chosen, *entry, _person(visit))
        if isinstance(added, Problem):
            return _page(visit, chosen, entry, added)
        chosen, entry = added, ("", "")
    if problem := answers.complete(chosen, _person(visit)):
        return _page(visit, chosen, entry, problem)
    desk = visit.visit.desk
    first, second, third = [
        Answer(question=one.question, digest=await desk.hashing(answer_digest, one.answer, desk.pepper_keys))
        for one in chosen
    ]
    event = QuestionsSet(
        link_id=visit.link.link_id, session_digest=visit.session_digest, answers=(first, second, third)
    )
    event_id, told = await desk.tell(event, await desk.now())
    if told is None:
        return visit.wait(event_id, link_steps.WAIT[Purpose.ACTIVATION])
    if not told.stands:
        return visit.rejected(told.reason)
    return visit.visit.pages.to(link_steps.PASSWORD[Purpose.ACTIVATION])


def _page(
    visit: LinkVisit,
    chosen: Sequence[Chosen],
    entry: tuple[str, str] = ("", ""),
    problem: Problem | None = None,
    *,
    again: bool = False,
) -> Response:
    language = visit.visit.pages.language(visit.visit.request)
    taken = {one.question for one in chosen}

    def wording(code: str) -> str:
        question = QUESTIONS[code]
        return question.malay if language == "ms" else question.english

    return visit.page(
        "questions",
        chosen=[(one.question, wording(one.question), one.answer) for one in chosen],
        choices=[(code, wording(code)) for code in QUESTIONS if code not in taken],
        next_question=entry[0] if entry[0] in QUESTIONS else "",
        next_answer=entry[1],
        is_full=len(chosen) == QUESTIONS_TO_PICK,
        problem=problem.key if problem else None,
        problem_field=problem.field if problem else None,
        problem_values=problem.values if problem else {},
        again=again,
    )


def _person(visit: LinkVisit) -> Person:
    found = visit.link
    return Person(found.ic_number, found.name or "", found.email or "")
