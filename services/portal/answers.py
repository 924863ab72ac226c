"""The rules of picking three security questions and answering them. Pure."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Final

from services.portal.policy import PARENTAGE, Person, bare, folded, squeezed
from shared.credentials import normalised_answer
from shared.questions import QUESTIONS, QUESTIONS_TO_PICK

MIN_ANSWER_LENGTH: Final = 2
MAX_ANSWER_LENGTH: Final = 100
_MIN_NAME_LENGTH: Final = 3


@dataclass(frozen=True, slots=True)
class Chosen:
    """A question of the catalogue, by its code, and the answer as typed."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong: a key of the catalogue of words, the field of the form to mend, and what the wording names."""

    key: str
    field: str | None = None
    values: Mapping[str, str | int] = dataclasses.field(default_factory=dict)


def with_added(chosen: Sequence[Chosen], question: str, answer: str, person: Person) -> tuple[Chosen, ...] | Problem:
    """The chosen ones and one more, or the first thing that speaks against it."""
    if len(chosen) >= QUESTIONS_TO_PICK:
        return Problem("problem.answers_three")
    return _problem_with(chosen, question, answer, person) or (*chosen, Chosen(question, answer))


def without(chosen: Sequence[Chosen], position: int) -> tuple[Chosen, ...]:
    """The chosen ones but that at a position, counted from 0. One that does not exist takes nothing away."""
    return tuple(one for place, one in enumerate(chosen) if place != position)


def read(questions: Sequence[str], answers: Sequence[str]) -> tuple[Chosen, ...]:
    """The chosen ones from a form's repeated fields: the first three that can be ours, and nothing else.

    A forged form harms only who forged it, so what cannot come from our page is left out without a word.
    """
    pairs = zip(questions, answers, strict=False)
    ours = (Chosen(q, a) for q, a in pairs if q in QUESTIONS and len(a) <= MAX_ANSWER_LENGTH)
    return tuple(one for one, _ in zip(ours, range(QUESTIONS_TO_PICK), strict=False))


def complete(chosen: Sequence[Chosen], person: Person) -> Problem | None:
    """What speaks against going on: not exactly three, or a rule that one of them breaks. Trusts no hidden field."""
    for place, one in enumerate(chosen):
        if problem := _problem_with(chosen[:place], one.question, one.answer, person):
            return replace(problem, field=None)
    if len(chosen) != QUESTIONS_TO_PICK:
        return Problem("problem.answers_three", "add" if len(chosen) < QUESTIONS_TO_PICK else None)
    return None


def _problem_with(chosen: Sequence[Chosen], question: str, answer: str, person: Person) -> Problem | None:
    return _problem_with_question(chosen, question) or _problem_with_answer(chosen, answer, person)


def _problem_with_question(chosen: Sequence[Chosen], question: str) -> Problem | None:
    if not question:
        return Problem("problem.question_missing", "next_question")
    if question not in QUESTIONS:
        return Problem("problem.question_unknown", "next_question")
    if any(one.question == question for one in chosen):
        return Problem("problem.question_twice", "next_question")
    return None


def _problem_with_answer(chosen: Sequence[Chosen], answer: str, person: Person) -> Problem | None:
    counted = normalised_answer(answer)
    if not counted:
        return Problem("problem.answer_missing", "next_answer")
    if len(squeezed(folded(answer))) < MIN_ANSWER_LENGTH:
        return Problem("problem.answer_short", "next_answer", {"length": MIN_ANSWER_LENGTH})
    if len(answer) > MAX_ANSWER_LENGTH:
        return Problem("problem.answer_long", "next_answer", {"length": MAX_ANSWER_LENGTH})
    if any(normalised_answer(one.answer) == counted for one in chosen):
        return Problem("problem.answer_twice", "next_answer")
    if squeezed(folded(answer)) == person.ic_number:
        return Problem("problem.answer_is_ic", "next_answer")
    if squeezed(folded(answer)) in _names_of(person.name):
        return Problem("problem.answer_is_name", "next_answer")
    return None


def _names_of(name: str) -> frozenset[str]:
    """What a stranger who knows the name would try, folded and squeezed.

    The whole name; the person's own, which stands before BIN, BINTI, A/L…; and each word of that, of three letters or
    more, also an alias after @. Not the father's name, nor a part of it: relatives and friends share it, and an honest
    answer about them must not be refused. A name without BIN is the person's own throughout.
    """
    words = name.replace("@", " @ ").split()
    own = words[:1] + list(takewhile(lambda word: bare(word) not in PARENTAGE, words[1:]))
    single = (word for word in own if len(squeezed(word)) >= _MIN_NAME_LENGTH)
    together = (*" ".join(own).split("@"), name, *single)
    return frozenset(squeezed(folded(text)) for text in together) - {""}
