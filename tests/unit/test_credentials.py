"""Passwords, answers and sessions: the guide's rules, and digests that verify and tell nothing."""

import re
import unicodedata
from collections.abc import Callable

import pytest
from argon2 import PasswordHasher
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from schemas.fields import Argon2idDigest, QuestionCode, SessionDigest
from shared.credentials import (
    MAX_PASSWORD_LENGTH,
    PASSWORD_RULES,
    TOO_LONG,
    answer_digest,
    answer_matches,
    broken_rules,
    normalised_answer,
    password_digest,
    password_matches,
    session_digest,
)
from shared.questions import QUESTIONS, QUESTIONS_TO_PICK

GOOD = "Rahsia-Contoh-1"
OLD, NEW = b"lama" * 8, b"baru" * 8
few_hashes = settings(max_examples=10, deadline=None)


def _codes(password: str) -> list[str]:
    return [rule.code for rule in broken_rules(password)]


def _lines(text: str) -> list[str]:
    return [line.removeprefix("- ") for line in text.strip().splitlines()]


def test_the_five_lines_are_the_guides_and_in_its_order() -> None:
    guide = """
- Panjang aksara mesti tidak kurang daripada 12.
- Mesti mengandungi aksara berhuruf kecil.
- Mesti mengandungi aksara berhuruf besar.
- Mesti mengandungi aksara bermomor.
- Mesti mengandungi aksara khas.
"""

    assert [rule.malay for rule in PASSWORD_RULES] == _lines(guide)
    assert all(rule.english for rule in PASSWORD_RULES)


@pytest.mark.parametrize(
    ("password", "broken"),
    [
        (GOOD, []),
        ("", ["length", "lower", "upper", "digit", "special"]),
        ("Rahsia-1234", ["length"]),
        ("Rahsia-12345", []),
        ("RAHSIA-CONTOH-1", ["lower"]),
        ("rahsia-contoh-1", ["upper"]),
        ("Rahsia-Contoh-X", ["digit"]),
        ("RahsiaContoh12", ["special"]),
        ("Rahsia Contoh 1", []),
        ("Rahsia1陳大文陳大文陳", ["special"]),
        ("Ｒａｈｓｉａ－Ｃｏｎｔｏｈ１", []),
        ("e\u0301" * 5 + "A1-", ["length"]),
        ("Aa1-" * 32, []),
        ("Aa1-" * 32 + "x", ["too_long"]),
        ("ﷺ" * 8 + "Aa1-", ["too_long"]),
    ],
)
def test_each_rule_is_judged_by_itself(password: str, broken: list[str]) -> None:
    assert _codes(password) == broken


@given(st.text(max_size=MAX_PASSWORD_LENGTH * 2))
def test_any_text_is_judged_without_an_error(password: str) -> None:
    assert set(broken_rules(password)) <= {*PASSWORD_RULES, TOO_LONG}


@few_hashes
@given(st.text(max_size=20), st.text(max_size=20))
def test_a_password_matches_its_own_digest_only(password: str, other: str) -> None:
    assume(unicodedata.normalize("NFKC", other) != unicodedata.normalize("NFKC", password))

    digest = password_digest(password)

    assert password_matches(digest, password)
    assert not password_matches(digest, other)


def test_the_system_behind_checks_a_password_with_any_argon2_library_and_without_our_pepper() -> None:
    digest = password_digest(GOOD)

    assert PasswordHasher().verify(digest, GOOD)


def test_a_password_typed_in_another_unicode_form_is_the_same_password() -> None:
    digest = password_digest("Rahsia-Conto\u0301h-1")

    assert password_matches(digest, "Rahsia-Cont\u00f3h-1")
    assert not password_matches(digest, "Rahsia-Contoh-1")


@pytest.mark.parametrize("digest", ["", "x", "$argon2id$v=19$m=19456,t=2,p=1$YQ$YQ", "$2b$12$abcdefghijklmnopqrstuv"])
def test_nothing_matches_a_digest_that_is_none(digest: str) -> None:
    assert not password_matches(digest, GOOD)
    assert not answer_matches(digest, "ibu", [OLD])


def test_nobodys_account_costs_a_hash_of_the_same_strength_and_never_matches() -> None:
    from shared.credentials import _NOBODYS

    TypeAdapter(Argon2idDigest).validate_python(_NOBODYS)
    assert not password_matches(None, GOOD)
    assert not password_matches(None, "")


@pytest.mark.parametrize("make", [password_digest, lambda text: answer_digest(text, [OLD])])
def test_digests_are_salted_and_of_the_strength_the_wire_demands(make: Callable[[str], str]) -> None:
    first, second = make("ibu"), make("ibu")

    assert first != second
    assert re.fullmatch(r"\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}", first)
    assert TypeAdapter(Argon2idDigest).validate_python(first) == first


def test_a_digest_of_other_parameters_still_matches() -> None:
    other = PasswordHasher(time_cost=1, memory_cost=47104, parallelism=1).hash(GOOD)

    assert password_matches(other, GOOD)


@pytest.mark.parametrize(
    "typed", ["Siti Aminah", "  siti   AMINAH ", "SITI\tAMINAH\n", "ｓｉｔｉ　aminah", "siti\u00a0aminah"]
)
def test_an_answer_is_told_by_its_letters_not_by_how_it_was_typed(typed: str) -> None:
    assert normalised_answer(typed) == "siti aminah"


@given(st.text())
def test_spaces_around_and_case_never_change_an_answer(text: str) -> None:
    assert normalised_answer(f"  {text}\t ") == normalised_answer(text)
    assert normalised_answer(text.replace(" ", "   ")) == normalised_answer(text)


@given(st.text(alphabet=st.characters(max_codepoint=0x17F)))
def test_capitals_never_change_an_answer_in_latin_letters(text: str) -> None:
    assume("\u0131" not in text)  # the Turkish dotless i has the capital of another letter

    assert normalised_answer(text.upper()) == normalised_answer(text)


@few_hashes
@given(st.text(min_size=1, max_size=20))
def test_an_answer_matches_its_digest_however_it_was_typed(answer: str) -> None:
    assume(normalised_answer(answer))

    digest = answer_digest(answer, [OLD])

    assert answer_matches(digest, f"  {answer} ", [OLD])
    assert not answer_matches(digest, answer + "x", [OLD])


def test_without_the_pepper_a_guessed_answer_proves_nothing() -> None:
    digest = answer_digest("ibu", [OLD])

    assert not password_matches(digest, "ibu")
    assert not answer_matches(digest, "ibu", [NEW])
    assert not answer_matches(digest, "ibu", [])


def test_the_first_pepper_key_makes_digests_and_every_key_checks_them() -> None:
    before, after = answer_digest("ibu", [OLD]), answer_digest("ibu", [NEW, OLD])

    assert answer_matches(before, "ibu", [OLD, NEW])
    assert answer_matches(before, "ibu", [NEW, OLD])
    assert answer_matches(after, "ibu", [NEW])
    assert not answer_matches(after, "ibu", [OLD])


@pytest.mark.parametrize("blank", ["", "  ", "\u3000\t"])
def test_a_blank_answer_gets_no_digest(blank: str) -> None:
    with pytest.raises(ValueError, match="blank"):
        answer_digest(blank, [OLD])


def test_secrets_that_differ_have_digests_that_differ_as_the_wire_takes_them() -> None:
    first = session_digest("a secret")

    assert first == session_digest("a secret") != session_digest("another")
    assert TypeAdapter(SessionDigest).validate_python(first) == first


def test_the_catalogue_holds_the_guides_three_questions_first() -> None:
    in_malay = [question.malay for question in QUESTIONS.values()]

    assert in_malay[:3] == ["Nama Ibu?", "Nama Sekolah Pertama Anda?", "Kereta Pertama Anda?"]
    assert next(iter(QUESTIONS)) == "mother_name"


def test_the_catalogue_offers_at_least_twelve_different_questions_in_two_languages() -> None:
    questions = QUESTIONS.values()

    assert len(questions) >= 12 > QUESTIONS_TO_PICK
    assert len({q.malay for q in questions}) == len({q.english for q in questions}) == len(questions)
    assert all(q.malay.endswith("?") and q.english.endswith("?") for q in questions)
    for code, question in QUESTIONS.items():
        assert TypeAdapter(QuestionCode).validate_python(code) == question.code
