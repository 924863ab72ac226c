"""A filter: what it asks the database, and that it means the same after it was kept."""

import json
from datetime import UTC, datetime

import pytest

from shared.operations.filters import Filter, Status, where

WHOLE = Filter(
    reason="gave_up",
    queue="mailer.bulk",
    type="MailRequested",
    text="6f0c",
    ic_number="850101030007",
    since=datetime(2021, 1, 11, tzinfo=UTC),
    until=datetime(2021, 1, 12, tzinfo=UTC),
    fingerprint="0123456789abcdef",
    status=Status.OPEN,
    letters=(1, 2),
)


@pytest.mark.parametrize("wanted", [Filter(), WHOLE], ids=["nothing", "everything"])
def test_a_filter_that_was_kept_is_the_same(wanted: Filter) -> None:
    assert Filter.from_json(json.loads(json.dumps(wanted.as_json()))) == wanted


def test_nothing_asked_for_asks_for_nothing() -> None:
    assert where(Filter()) == ("true", {})


def test_no_value_ever_becomes_sql() -> None:
    condition, parameters = where(WHOLE)

    values = [str(value) for value in parameters.values()]
    assert len(values) == 9
    assert not any(value in condition for value in values)


def test_an_ic_number_is_masked_where_a_filter_is_told() -> None:
    assert WHOLE.masked()["ic_number"] == "8501********"
    assert "850101030007" not in json.dumps(WHOLE.masked())
    assert Filter(reason="x").masked() == {"reason": "x"}


def test_what_is_searched_for_is_a_text_and_no_pattern() -> None:
    assert where(Filter(text="50%_\\"))[1]["text"] == r"50\%\_\\" + "%"
