"""A filter: what it asks the database, and that it means the same after it was kept."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest

from shared.logs import unpersonal
from shared.operations.filters import Filter, Status, person_from, where

WHOLE = Filter(
    reason="gave_up",
    queue="mailer.bulk",
    type="MailRequested",
    text="6f0c",
    ic_number="850101030007",
    person=UUID("0a6f6f1e-5d0c-5f0a-8f5c-1c2d3e4f5a6b"),
    since=datetime(2021, 1, 11, tzinfo=UTC),
    until=datetime(2021, 1, 12, tzinfo=UTC),
    fingerprint="0123456789abcdef",
    status=Status.OPEN,
    letters=(1, 2),
)


@pytest.mark.parametrize("wanted", [Filter(), WHOLE, Filter(person=17)], ids=["nothing", "everything", "of a letter"])
def test_a_filter_that_was_kept_is_the_same(wanted: Filter) -> None:
    assert Filter.from_json(json.loads(json.dumps(wanted.as_json()))) == wanted


def test_nothing_asked_for_asks_for_nothing() -> None:
    assert where(Filter()) == ("true", {})


def test_no_value_ever_becomes_sql() -> None:
    condition, parameters = where(WHOLE)

    values = [str(value) for value in parameters.values()]
    assert len(values) == 10
    assert not any(value in condition for value in values)


def test_an_ic_number_is_masked_where_a_filter_is_told() -> None:
    assert WHOLE.masked()["ic_number"] == "8501********"
    assert "850101030007" not in json.dumps(WHOLE.masked())
    assert Filter(reason="x").masked() == {"reason": "x"}


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("850101-03-0007", "8501********"),
        ("hr/850101030007/2", "hr/8501********/2"),
        ("850101-03-0", "8501*******"),
        ("8501010", "8501***"),
        ("pegawai@example.gov.my", "p***@example.gov.my"),
        ("6f0c", "6f0c"),
    ],
)
def test_no_part_of_a_number_or_address_is_told_of_what_an_id_begins_with(text: str, masked: str) -> None:
    assert Filter(text=text).masked() == {"text": masked}
    assert unpersonal(Filter(reason=text).masked()["reason"]) == Filter(reason=text).masked()["reason"]


@pytest.mark.parametrize("typed", ["x", "", "-1", "1" * 40, "850101-03-0007"])
def test_what_names_nobody_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        person_from(typed)


def test_what_is_searched_for_is_a_text_and_no_pattern() -> None:
    assert where(Filter(text="50%_\\"))[1]["text"] == r"50\%\_\\" + "%"
