"""HR teams are told what every word means that their system's events can be answered with."""

import ast
import inspect
import json
import textwrap
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from schemas import envelope
from schemas.events import PUBLISHED_TO, EventData, Exchange, MailUndeliverable
from schemas.publish import PAGE, published
from schemas.reasons import REASONS, Answer
from services.state import batch, failures, lifecycle
from services.state.lifecycle import CONSUMED, NAMES_LINK, TRANSITIONS

FROM_HR = [model for model, exchanges in PUBLISHED_TO.items() if Exchange.HR in exchanges]
SAID_BY = {
    "Malformed": Answer.REFUSED,
    "Refused": Answer.REFUSED,
    "dead": Answer.REFUSED,
    "rejected": Answer.REJECTED,
    "ignored": Answer.IGNORED,
    "applied": Answer.APPLIED,
    "_applied": Answer.APPLIED,
}
NOT_OF_HR = {(Answer.REFUSED, word) for word in ("weak_digest", "unexpected_type", "unknown_link")}
"""That these cannot be said to HR has a test of its own below."""

Word = tuple[Answer, str]


def _source(of: Callable[..., Any] | ModuleType) -> ast.AST:
    return ast.parse(textwrap.dedent(inspect.getsource(of)))


def _words_of_calls(tree: ast.AST, names: dict[str, Any]) -> Iterator[Word]:
    """What calls such as `case.ignored("stale")` say; `names` are those that the code around it gives values to."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (answer := SAID_BY.get(_name(node))):
            for argument in node.args:
                word = names.get(argument.id) if isinstance(argument, ast.Name) else getattr(argument, "value", None)
                if isinstance(word, str):
                    yield answer, word
                    break


def _words_of_rule(rule: Callable[..., Any], seen: set[object]) -> Iterator[Word]:
    """What a rule says, and what it calls."""
    seen.add(rule)
    tree = _source(rule)
    yield from _words_of_calls(tree, dict(inspect.getclosurevars(rule).nonlocals))
    for node in ast.walk(tree):
        called = rule.__globals__.get(_name(node)) if isinstance(node, ast.Call) else None
        if inspect.isfunction(called) and called.__module__.startswith("services.state") and called not in seen:
            yield from _words_of_rule(called, seen)


def _words_of_choices(tree: ast.AST) -> Iterator[Word]:
    """`"database_error" if … else "internal_error"`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.IfExp) and isinstance(node.body, ast.Constant) and isinstance(node.body.value, str):
            assert isinstance(node.orelse, ast.Constant)
            yield from ((Answer.REFUSED, str(value.value)) for value in (node.body, node.orelse))


def _name(node: ast.Call) -> str:
    return str(getattr(node.func, "id", getattr(node.func, "attr", "")))


def _words_in_code() -> Iterator[Word]:
    yield from _words_of_calls(_source(envelope), {})
    yield from _words_of_choices(_source(envelope._from_validation))
    yield from ((Answer.REFUSED, word) for word in envelope._REASON_BY_ERROR.values())
    yield from _words_of_calls(_source(batch), {})
    yield from _words_of_choices(_source(failures.failed))
    yield from _words_of_rule(lifecycle.decide, set())
    for model in FROM_HR:
        for rule in TRANSITIONS[model, None]:
            yield from _words_of_rule(rule, set())
    results = MailUndeliverable.model_json_schema()["properties"]["result"]["enum"]
    yield from ((Answer.UNDELIVERABLE, result) for result in results)


WORDS = set(_words_in_code()) - NOT_OF_HR
ROWS = {(answer, word) for answer, rows in REASONS.items() for word in rows}


def test_the_code_was_really_searched() -> None:
    assert {
        (Answer.REFUSED, "bad_field"),
        (Answer.REFUSED, "id_reused"),
        (Answer.REFUSED, "time_in_future"),
        (Answer.REJECTED, "already_active"),
        (Answer.IGNORED, "throttled"),
        (Answer.APPLIED, "address_changed"),
    } <= WORDS


def test_every_word_has_a_row() -> None:
    assert sorted(WORDS - ROWS) == []


def test_no_row_is_for_nothing() -> None:
    assert sorted(ROWS - WORDS) == []


@pytest.mark.parametrize("model", FROM_HR)
def test_no_event_of_hr_has_digests_names_links_or_is_unknown_to_state(model: type[EventData]) -> None:
    assert "digest" not in json.dumps(model.model_json_schema())
    assert model in CONSUMED
    assert model not in NAMES_LINK


@pytest.mark.parametrize(("answer", "word"), sorted(ROWS))
def test_every_row_is_on_the_page_and_says_what_it_means_and_what_to_do(answer: Answer, word: str) -> None:
    reason = REASONS[answer][word]

    assert reason.means.endswith(".")
    assert reason.do.endswith(".")
    assert f"| `{word}` | {reason.means} | {reason.do} |" in published()[PAGE]
