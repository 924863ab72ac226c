"""The constrained types: what each takes, what each refuses, and with which word."""

from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from schemas.fields import (
    Argon2idDigest,
    Detail,
    IcNumber,
    Instant,
    PersonName,
    PublisherId,
    Source,
    StaffEmail,
    ic_number_from_input,
)

SALT, HASH = "Y29udG9oIHNhbGFoIDAwMA", "4S6yWEYeqBLpNtcYdjkT6fVQ5a9C6sVHZ3KlXjZuMrw"


def _take(kind: Any, value: object) -> Any:
    return TypeAdapter(kind).validate_python(value)


def _refusal(kind: Any, value: object) -> str:
    with pytest.raises(ValidationError) as raised:
        _take(kind, value)
    return raised.value.errors()[0]["type"]


def _is_date(digits: str) -> bool:
    for century in (1900, 2000):
        try:
            date(century + int(digits[:2]), int(digits[2:4]), int(digits[4:6]))
        except ValueError:
            continue
        return True
    return False


@pytest.mark.parametrize(
    "text", ["850101030007", "900827065245", "000229030007", "040229030007", "770305021234", "991231999999"]
)
def test_an_ic_number_with_a_real_date_is_taken(text: str) -> None:
    assert _take(IcNumber, text) == text


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("123456789012", "ic_date"),
        ("771305021234", "ic_date"),
        ("870229875542", "ic_date"),
        ("850431030007", "ic_date"),
        ("850100030007", "ic_date"),
        ("850001030007", "ic_date"),
        ("85010103000", "ic_number"),
        ("8501010300070", "ic_number"),
        ("850101-03-0007", "ic_number"),
        ("850101030007\n", "ic_number"),
        ("８50101030007", "ic_number"),
        ("٨50101030007", "ic_number"),
        ("", "ic_number"),
        (850101030007, "string_type"),
        (None, "string_type"),
        (True, "string_type"),
    ],
)
def test_what_is_no_ic_number_is_refused_with_its_word(text: object, refusal: str) -> None:
    assert _refusal(IcNumber, text) == refusal


def test_the_date_rule_agrees_with_the_calendar_on_every_day_of_every_year() -> None:
    days = [f"{y:02d}{m:02d}{d:02d}" for y in range(100) for m in range(14) for d in range(33)]

    assert [digits for digits in days if _is_ic(f"{digits}030007") is not _is_date(digits)] == []


def _is_ic(text: str) -> bool:
    try:
        return bool(ic_number_from_input(text))
    except ValueError:
        return False


@pytest.mark.parametrize("typed", ["850101-03-0007", "850101 03 0007", " 850101030007 ", "850101\u00a003\u00a00007"])
def test_dashes_and_spaces_are_allowed_where_people_type(typed: str) -> None:
    assert ic_number_from_input(typed) == "850101030007"


@pytest.mark.parametrize("name", ["A", "SITI A/P RAJU", "MUHAMMAD 'AFIF @ ALI", "陳大文", "x" * 200, "😀" * 200])
def test_a_persons_name_is_any_printable_text(name: str) -> None:
    assert _take(PersonName, name) == name


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("", "string_too_short"),
        (" ", "blank"),
        ("\u3000", "blank"),
        ("A\u0000", "control_character"),
        ("A\nB", "control_character"),
        ("A\u007f", "control_character"),
        ("A\u0085", "control_character"),
        ("A\u2028B", "control_character"),
        ("A\u202eB", "control_character"),
        ("A\u2066B", "control_character"),
        ("A\ud800", "string_unicode"),
        ("x" * 201, "string_too_long"),
        ("陳" * 201, "string_too_long"),
        (5, "string_type"),
        (["A"], "string_type"),
    ],
)
def test_a_name_that_a_database_or_a_page_could_choke_on_is_refused(name: object, refusal: str) -> None:
    assert _refusal(PersonName, name) == refusal


@pytest.mark.parametrize(
    "address",
    [
        "pegawai.contoh@example.gov.my",
        "o'neil+tag@example.gov.my",
        "a@b.my",
        "a" * 64 + "@example.gov.my",
        "a@" + "b" * 63 + ".my",
        "a@xn--bcher-kva.example",
    ],
)
def test_a_plain_mail_address_is_taken(address: str) -> None:
    assert _take(StaffEmail, address) == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "pegawai",
        "@example.gov.my",
        "a@localhost",
        "a@b..my",
        ".a@b.my",
        "a.@b.my",
        "a@-b.my",
        "a b@c.my",
        "a@b.my\n",
        "a@b.my\nBcc: c@d.my",
        "A <a@b.my>",
        "a@b.my,c@d.my",
        '"a b"@c.my',
        "a@[127.0.0.1]",
        "é@b.my",
        "a" * 65 + "@example.gov.my",
        "a@" + "b" * 64 + ".my",
        "a@" + "b.my" * 80,
    ],
)
def test_what_is_no_plain_mail_address_is_refused(address: str) -> None:
    assert _refusal(StaffEmail, address) in {"email", "string_too_long"}


@pytest.mark.parametrize(
    "text",
    [
        "2021-01-11T08:00:00+08:00",
        "2021-01-11T00:00:00Z",
        "2021-01-11t00:00:00.123456789z",
        "1900-01-01T00:00:00-12:00",
    ],
)
def test_a_time_with_an_offset_is_taken(text: str) -> None:
    assert _take(Instant, text).utcoffset() is not None


@pytest.mark.parametrize(
    "value",
    [
        "2021-01-11T08:00:00",
        "2021-01-11 08:00:00+08:00",
        "2021-01-11T08:00+08:00",
        "2021-01-11T08:00:00+0800",
        "2021-01-11T08:00:00,5+08:00",
        "2021-01-11T08:00:00\u221208:00",
        "2021-01-11",
        "20210111T08",
        "20210111T080000Z",
        "1610323200",
        "1610323200T",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "1899-12-31T23:59:59Z",
        "2201-01-01T00:00:00Z",
        "2021-02-29T08:00:00Z",
        "2021-01-11T24:00:00Z",
        "2021-01-11T23:59:60Z",
        "2021-01-11T08:00:00+24:00",
        "2021-01-11T08:00:00+08:00\n",
        "２021-01-11T08:00:00Z",
        "",
        1610323200,
        1610323200.5,
        True,
        None,
        [],
    ],
)
def test_a_time_that_could_mean_two_moments_or_none_is_refused(value: object) -> None:
    assert _refusal(Instant, value).startswith(("instant", "datetime"))


@given(
    st.datetimes(datetime(1901, 1, 1), datetime(2199, 1, 1)),
    st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_a_time_as_python_writes_it_is_taken_and_stays_that_moment(moment: datetime, zone: timezone) -> None:
    text = moment.replace(tzinfo=zone).isoformat()

    assert _take(Instant, text).isoformat() == text


@pytest.mark.parametrize(
    "parameters",
    ["m=19456,t=2,p=1", "m=47104,t=1,p=1", "m=12288,t=3,p=1", "m=9216,t=4,p=1", "m=7168,t=5,p=1", "m=65536,t=3,p=4"],
)
def test_a_digest_of_owasps_strength_is_taken(parameters: str) -> None:
    digest = f"$argon2id$v=19${parameters}${SALT}${HASH}"

    assert _take(Argon2idDigest, digest) == digest


@pytest.mark.parametrize(
    ("digest", "refusal"),
    [
        (f"$argon2id$v=19$m=19455,t=2,p=1${SALT}${HASH}", "weak_digest"),
        (f"$argon2id$v=19$m=19456,t=1,p=1${SALT}${HASH}", "weak_digest"),
        (f"$argon2id$v=19$m=7167,t=64,p=1${SALT}${HASH}", "weak_digest"),
        (f"$argon2id$v=19$m=8,t=1,p=1${SALT}${HASH}", "weak_digest"),
        (f"$argon2i$v=19$m=19456,t=2,p=1${SALT}${HASH}", "digest"),
        (f"$argon2id$v=16$m=19456,t=2,p=1${SALT}${HASH}", "digest"),
        (f"$argon2id$v=19$m=1048577,t=2,p=1${SALT}${HASH}", "digest"),
        (f"$argon2id$v=19$m=19456,t=65,p=1${SALT}${HASH}", "digest"),
        (f"$argon2id$v=19$m=19456,t=2,p=17${SALT}${HASH}", "digest"),
        (f"$argon2id$v=19$m=019456,t=2,p=1${SALT}${HASH}", "digest"),
        (f"$argon2id$v=19$m=19456,t=2,p=1${SALT[:-1]}${HASH}", "digest"),
        (f"$argon2id$v=19$m=19456,t=2,p=1${SALT}${HASH[:-1]}", "digest"),
        (f"$argon2id$v=19$m=19456,t=2,p=1${SALT[:-1]}B${HASH}", "digest"),
        (f"$argon2id$v=19$m=19456,t=2,p=1${SALT}${HASH}AA", "digest"),
        (f"$argon2id$v=19$m=19456,t=2,p=1${SALT}${HASH}\n", "digest"),
        ("$2b$12$abcdefghijklmnopqrstuv", "digest"),
        ("Rahsia-Contoh-1", "digest"),
        ("", "digest"),
        ("$" * 256, "string_too_long"),
    ],
)
def test_a_digest_that_is_weak_or_cannot_be_verified_is_refused(digest: str, refusal: str) -> None:
    assert _refusal(Argon2idDigest, digest) == refusal


@pytest.mark.parametrize("source", ["/hr/kelantan", "urn:hr:kelantan", "https://hr.example.gov.my/x?y=1#z", "hr", "/"])
def test_a_source_is_a_uri_reference(source: str) -> None:
    assert _take(Source, source) == source


@pytest.mark.parametrize("source", ["", "hr kelantan", "/hr/\u00e9", "/hr\n", "/hr\u0000", "x" * 201, "<script>", 5])
def test_what_is_no_source_is_refused(source: object) -> None:
    assert _refusal(Source, source).startswith("string_")


@given(st.text(max_size=140))
def test_an_id_is_any_clean_text_of_up_to_128_characters_and_is_never_changed(text: str) -> None:
    try:
        taken = _take(PublisherId, text)
    except ValidationError:
        return

    assert taken == text
    assert 1 <= len(text) <= 128
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in text)


def test_a_detail_has_a_bound() -> None:
    assert _take(Detail, "x" * 500)
    assert _refusal(Detail, "x" * 501) == "string_too_long"
