"""Three questions and their answers: what is taken, what is refused and why, and what a forged form comes to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.portal.answers import Chosen, Problem, complete, read, with_added, without
from services.portal.policy import Person
from shared.questions import QUESTIONS

MOTHER, SCHOOL, CAR, TEACHER = list(QUESTIONS)[:4]
THREE = (Chosen(MOTHER, "Salmah"), Chosen(SCHOOL, "SK Contoh"), Chosen(CAR, "Kancil Hijau"))

codes = st.sampled_from([*QUESTIONS, "", "no_such_question"])


def person(name: str = "NURAMALINA RAJÛ BINTI SALLEH", ic_number: str = "850127030007") -> Person:
    return Person(ic_number, name, "pegawai@example.gov.my")


def added(answer: str, whose: Person | None = None) -> str | None:
    """The key of what speaks against an answer; None when it is taken."""
    outcome = with_added([], CAR, answer, whose or person())
    return outcome.key if isinstance(outcome, Problem) else None


def test_questions_are_added_one_after_the_other_as_typed() -> None:
    chosen: tuple[Chosen, ...] = ()
    for one in THREE:
        outcome = with_added(chosen, one.question, one.answer, person())
        assert not isinstance(outcome, Problem)
        chosen = outcome

    assert chosen == THREE
    assert complete(chosen, person()) is None


@pytest.mark.parametrize(
    ("question", "key"),
    [
        ("", "problem.question_missing"),
        ("no_such_question", "problem.question_unknown"),
        (MOTHER, "problem.question_twice"),
    ],
)
def test_a_question_that_cannot_be_added_is_told_at_its_field(question: str, key: str) -> None:
    assert with_added(THREE[:1], question, "Kancil", person()) == Problem(key, "next_question")


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("", Problem("problem.answer_missing", "next_answer")),
        (" \t\u3000", Problem("problem.answer_missing", "next_answer")),
        (" x ", Problem("problem.answer_short", "next_answer", {"length": 2})),
        ("x" * 101, Problem("problem.answer_long", "next_answer", {"length": 100})),
        ("  SALMAH ", Problem("problem.answer_twice", "next_answer")),
        ("850127030007", Problem("problem.answer_is_ic", "next_answer")),
        ("Nuramalina", Problem("problem.answer_is_name", "next_answer")),
    ],
)
def test_an_answer_that_cannot_be_added_is_told_at_its_field(answer: str, problem: Problem) -> None:
    assert with_added(THREE[:1], CAR, answer, person()) == problem


@pytest.mark.parametrize("answer", ["xy", "x" * 100, "12", "陈大", "Salmah binti Ali"])
def test_answers_at_the_bounds_are_taken(answer: str) -> None:
    assert with_added(THREE[:1], CAR, answer, person()) == (THREE[0], Chosen(CAR, answer))


def test_a_fourth_question_is_refused() -> None:
    assert with_added(THREE, TEACHER, "Cikgu Contoh", person()) == Problem("problem.answers_three")


@pytest.mark.parametrize("answer", ["850127-03-0007", "850127 03 0007", " 8501270-30007", "８５０１２７０３０００７"])
def test_the_ic_number_is_no_answer_however_it_is_typed(answer: str) -> None:
    assert added(answer) == "problem.answer_is_ic"


@pytest.mark.parametrize(
    "answer",
    ["NURAMALINA RAJÛ BINTI SALLEH", "nuramalina  raju binti salleh", "Nuramalina Raju", "nuramalina-raju", "raju"],
)
def test_the_persons_whole_name_and_own_names_are_no_answers(answer: str) -> None:
    assert added(answer) == "problem.answer_is_name"


@pytest.mark.parametrize("answer", ["Salleh", "binti Salleh", "Nuramalina Salleh", "Nuramalina binti Ali", "Rajuna"])
def test_the_fathers_name_and_what_only_resembles_the_persons_are_answers(answer: str) -> None:
    assert added(answer) is None


@pytest.mark.parametrize(
    ("name", "refused", "taken"),
    [
        ("ALI BIN ABU", ["Ali", "Ali bin Abu"], ["Abu"]),
        ("MUTHU A/L RAMAN", ["Muthu", "muthu a/l raman"], ["Raman"]),
        ("MEENA A/P RAMAN", ["Meena"], ["Raman"]),
        ("AHMAD B. SALLEH", ["Ahmad"], ["Salleh"]),
        ("B. RAMESH A/L RAMAN", ["Ramesh", "B Ramesh"], ["Raman"]),
        ("JAU ANAK MANDING", ["Jau"], ["Manding"]),
        ("TAN AH KOW @ ALI", ["Tan", "Tan Ah Kow", "tan ahkow @ ali", "Kow", "Ali"], ["Ah"]),
        ("SITI@AINI BINTI ABU", ["Siti", "Aini"], ["Abu"]),
        ("NUR 'AIN BINTI ABU", ["Ain", "Nur Ain", "nur'ain"], ["Abu"]),
        ("BINTI CONTOH", ["binti contoh"], ["Salmah"]),
    ],
)
def test_own_names_are_told_from_the_fathers_as_names_are_written_here(
    name: str, refused: list[str], taken: list[str]
) -> None:
    assert [added(answer, person(name)) for answer in refused] == ["problem.answer_is_name"] * len(refused)
    assert [added(answer, person(name)) for answer in taken] == [None] * len(taken)


def test_a_person_without_a_name_may_give_any_answer() -> None:
    assert added("Ali", person("")) is None


@pytest.mark.parametrize("answer", ["--", "..", "\u200b\u200b", "a!", "- - -"])
def test_an_answer_has_letters_or_digits(answer: str) -> None:
    assert added(answer) == "problem.answer_short"


def test_one_is_taken_away_by_its_position() -> None:
    assert without(THREE, 1) == (THREE[0], THREE[2])


@pytest.mark.parametrize("position", [-1, 3, 99])
def test_a_position_that_does_not_exist_takes_nothing_away(position: int) -> None:
    assert without(THREE, position) == THREE


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_than_three_are_not_complete(count: int) -> None:
    assert complete(THREE[:count], person()) == Problem("problem.answers_three", "add")


def test_more_than_three_are_not_complete() -> None:
    assert complete((*THREE, Chosen(TEACHER, "Cikgu Contoh")), person()) == Problem("problem.answers_three")


@pytest.mark.parametrize(
    ("third", "key"),
    [
        (Chosen("no_such_question", "Kancil"), "problem.question_unknown"),
        (Chosen(MOTHER, "Kancil"), "problem.question_twice"),
        (Chosen(CAR, "salmah"), "problem.answer_twice"),
        (Chosen(CAR, " "), "problem.answer_missing"),
        (Chosen(CAR, "850127030007"), "problem.answer_is_ic"),
        (Chosen(CAR, "nuramalina"), "problem.answer_is_name"),
    ],
)
def test_hidden_fields_are_judged_as_if_they_were_typed_now(third: Chosen, key: str) -> None:
    for order in ((*THREE[:2], third), (third, *THREE[:2])):
        problem = complete(order, person())
        assert problem is not None
        assert (problem.key, problem.field) == (key, None)


def test_a_form_is_read_in_its_order() -> None:
    assert read([one.question for one in THREE], [one.answer for one in THREE]) == THREE


def test_what_is_not_of_our_page_is_left_out_and_the_pairs_stay_together() -> None:
    questions = [MOTHER, "no_such_question", SCHOOL, CAR, TEACHER, CAR]

    chosen = read(questions, ["satu", "dua", "x" * 101, "empat", "lima", "enam"])

    assert chosen == (Chosen(MOTHER, "satu"), Chosen(CAR, "empat"), Chosen(TEACHER, "lima"))


@given(st.lists(codes | st.text()), st.lists(st.text()))
def test_any_form_is_read_to_at_most_three_of_the_catalogue(questions: list[str], answers: list[str]) -> None:
    chosen = read(questions, answers)

    assert len(chosen) <= 3
    assert {one.question for one in chosen} <= QUESTIONS.keys()
    assert {one.answer for one in chosen} <= set(answers)


@given(st.lists(st.builds(Chosen, codes, st.text()), max_size=5), codes, st.text(), st.text())
def test_any_choice_is_judged_without_an_error(chosen: list[Chosen], question: str, answer: str, name: str) -> None:
    outcome = with_added(chosen, question, answer, person(name))

    assert isinstance(outcome, Problem) or outcome == (*chosen, Chosen(question, answer))
    assert len(chosen) == 3 or complete(chosen, person(name)) is not None


@given(st.permutations(list(QUESTIONS)), st.lists(st.text(), max_size=6))
def test_what_was_added_step_by_step_is_complete_when_it_is_three(questions: list[str], answers: list[str]) -> None:
    chosen: tuple[Chosen, ...] = ()
    for question, answer in zip(questions, answers, strict=False):
        outcome = with_added(chosen, question, answer, person())
        chosen = chosen if isinstance(outcome, Problem) else outcome

    assert (complete(chosen, person()) is None) == (len(chosen) == 3)
