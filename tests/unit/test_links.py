"""The link: a token is genuine or nothing, and its minutes are counted from acceptance."""

import base64
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.links import (
    TOKEN_LENGTH,
    Acceptance,
    LinkLife,
    Purpose,
    can_be_mailed_again,
    expires_at,
    is_expired,
    parse,
    token,
)

KEYS = (b"k" * 32, b"l" * 32)
LIFE = LinkLife()
NOON = datetime(2021, 1, 11, 12, tzinfo=UTC)
BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

purposes = st.sampled_from(Purpose)
keys = st.binary(min_size=32, max_size=48)


@given(st.uuids(), purposes, keys)
def test_a_token_gives_back_its_link(link_id: UUID, purpose: Purpose, key: bytes) -> None:
    text = token(link_id, purpose, [key])

    assert parse(text, purpose, [key]) == link_id
    assert len(text) == TOKEN_LENGTH
    assert set(text) <= set(BASE64URL)


@given(st.uuids(), purposes)
def test_a_token_of_one_purpose_is_none_of_the_other(link_id: UUID, purpose: Purpose) -> None:
    other = next(p for p in Purpose if p is not purpose)

    assert parse(token(link_id, purpose, KEYS), other, KEYS) is None


@given(st.uuids(), purposes, keys, st.lists(keys, max_size=3))
def test_a_token_of_a_key_we_do_not_have_is_refused(
    link_id: UUID, purpose: Purpose, key: bytes, ours: list[bytes]
) -> None:
    assume(key not in ours)

    assert parse(token(link_id, purpose, [key]), purpose, ours) is None


@given(st.uuids(), purposes)
def test_the_first_key_signs_and_every_key_verifies(link_id: UUID, purpose: Purpose) -> None:
    old, new = KEYS

    from_before = token(link_id, purpose, [old])

    assert parse(from_before, purpose, [old, new]) == link_id
    assert parse(from_before, purpose, [new, old]) == link_id
    assert token(link_id, purpose, [new, old]) == token(link_id, purpose, [new])
    assert parse(from_before, purpose, [new]) is None


@given(st.data())
def test_no_changed_character_survives(data: st.DataObject) -> None:
    text = token(data.draw(st.uuids()), Purpose.ACTIVATION, KEYS)

    at = data.draw(st.integers(0, TOKEN_LENGTH - 1))
    character = data.draw(st.sampled_from(BASE64URL) | st.characters())
    assume(character != text[at])

    assert parse(text[:at] + character + text[at + 1 :], Purpose.ACTIVATION, KEYS) is None


@given(st.data())
def test_no_inserted_deleted_or_swapped_character_survives(data: st.DataObject) -> None:
    text = token(data.draw(st.uuids()), Purpose.ACTIVATION, KEYS)

    at = data.draw(st.integers(0, TOKEN_LENGTH - 2))
    character = data.draw(st.sampled_from(BASE64URL + "=+/ \n") | st.characters())
    swapped = text[:at] + text[at + 1] + text[at] + text[at + 2 :]

    assert parse(text[:at] + character + text[at:], Purpose.ACTIVATION, KEYS) is None
    assert parse(text[:at] + text[at + 1 :], Purpose.ACTIVATION, KEYS) is None
    assert swapped == text or parse(swapped, Purpose.ACTIVATION, KEYS) is None


@given(st.uuids())
def test_the_other_alphabet_and_padding_are_no_second_spelling(link_id: UUID) -> None:
    text = token(link_id, Purpose.ACTIVATION, KEYS)

    plain = base64.b64encode(base64.urlsafe_b64decode(text)).decode()

    assert plain == text or parse(plain, Purpose.ACTIVATION, KEYS) is None
    assert parse(text + "====", Purpose.ACTIVATION, KEYS) is None


@given(st.text(max_size=80))
def test_any_other_text_is_no_token(text: str) -> None:
    assert parse(text, Purpose.ACTIVATION, KEYS) is None


def test_without_keys_nothing_is_genuine() -> None:
    assert parse(token(UUID(int=1), Purpose.ACTIVATION, KEYS), Purpose.ACTIVATION, []) is None


def test_a_link_that_no_mail_server_took_does_not_age() -> None:
    assert expires_at(None, LIFE) is None
    assert not is_expired(None, NOON + timedelta(days=400), LIFE)
    assert can_be_mailed_again(None, NOON + timedelta(days=400), LIFE)


@pytest.mark.parametrize(
    ("after", "expired"),
    [(timedelta(0), False), (timedelta(minutes=30, microseconds=-1), False), (timedelta(minutes=30), True)],
)
def test_the_thirty_minutes_run_from_acceptance_and_end_sharp(after: timedelta, expired: bool) -> None:
    acceptance = Acceptance(NOON, NOON)

    assert is_expired(acceptance, NOON + after, LIFE) is expired


def test_a_newer_acceptance_starts_the_minutes_anew_until_the_24_hours_are_over() -> None:
    resent = Acceptance(NOON, NOON + timedelta(hours=2))
    late = Acceptance(NOON, NOON + timedelta(hours=23, minutes=50))

    assert expires_at(resent, LIFE) == NOON + timedelta(hours=2, minutes=30)
    assert expires_at(late, LIFE) == late.newest + timedelta(minutes=30)


@pytest.mark.parametrize(
    ("newest", "at", "again"),
    [
        (timedelta(0), timedelta(minutes=10), True),
        (timedelta(0), timedelta(minutes=30), False),
        (timedelta(hours=23, minutes=20), timedelta(hours=23, minutes=30), True),
        (timedelta(hours=23, minutes=20), timedelta(hours=23, minutes=31), False),
    ],
)
def test_a_link_is_mailed_again_only_while_it_can_promise_its_full_minutes(
    newest: timedelta, at: timedelta, again: bool
) -> None:
    acceptance = Acceptance(NOON, NOON + newest)

    assert can_be_mailed_again(acceptance, NOON + at, LIFE) is again
