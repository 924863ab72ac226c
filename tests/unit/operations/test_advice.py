"""An operator is told what to do about every reason word that a dead letter can have."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from services.cli.__main__ import app
from shared.operations.advice import ADVICE, UNSAFE, Action, advice

COMMANDS = get_command(app).commands  # type: ignore[attr-defined]
ROOT = Path(__file__).parents[3]
SAID_BY = {"Malformed", "Dead", "dead", "Refused"}
PLACES = ("schemas", "shared/broker", "services/state", "services/mailer", "services/archivist")
BY_BROKER = {"delivery_limit", "unroutable", "rejected", "expired", "maxlen"}


def _words_in_code() -> Iterator[str]:
    for place in PLACES:
        for path in (ROOT / place).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAID_BY:
                    word = node.args[0] if node.args else None
                    if isinstance(word, ast.Constant) and isinstance(word.value, str):
                        yield word.value


def _words_of_fields() -> set[str]:
    from schemas.envelope import _REASON_BY_ERROR

    return set(_REASON_BY_ERROR.values()) | {"bad_field", "bad_envelope"}


WORDS = sorted({*_words_in_code(), *_words_of_fields(), *BY_BROKER, "internal_error", "database_error"})


@pytest.mark.parametrize("word", WORDS)
def test_every_reason_has_a_meaning_and_an_action(word: str) -> None:
    assert word in ADVICE
    assert advice(word).means
    assert advice(word).do.endswith(".")


def test_the_code_was_really_searched() -> None:
    assert {"id_reused", "unknown_link", "gave_up", "wrong_exchange", "breaks_dependency"} <= set(WORDS)


@pytest.mark.parametrize("word", ADVICE)
def test_an_advice_names_only_commands_that_there_are(word: str) -> None:
    named = re.findall(r"`aktif (\w+)", advice(word).do)

    assert set(named) <= set(COMMANDS)
    assert not re.search(r"\b([Rr]eplay|[Dd]iscard)\b", advice(word).do)


def test_a_word_of_another_version_is_answered_too() -> None:
    assert advice("of_tomorrow").do


@pytest.mark.parametrize("word", ADVICE)
def test_an_advice_ends_with_an_action(word: str) -> None:
    assert advice(word).action in Action


def test_what_only_a_correction_mends_is_not_suggested_to_be_replayed() -> None:
    mended_by_hr = {"bad_ic_number", "bad_field", "control_character", "bad_envelope"}

    assert {advice(word).action for word in mended_by_hr} == {Action.REGISTER}
    assert {advice(word).action for word in BY_BROKER | {"gave_up", "database_error"}} == {Action.REPLAY}


def test_what_may_be_forged_is_never_suggested_to_be_replayed() -> None:
    assert {advice(word).action for word in UNSAFE} == {Action.DISCARD}
