"""A staff list as HR exports it: what is good, and what is said of each bad row."""

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest

from schemas.envelope import decode
from schemas.events import Exchange, Lane, Registration
from services.cli.staff_list import BadHeader, StaffList, Terms, read

HEADER = "ic_number,name,email,registered_at"
GOOD = "850101030007,PEGAWAI CONTOH,pegawai@example.gov.my,2020-07-13T10:45:50"
TERMS = Terms("/hr/kelantan", datetime(2021, 1, 11, tzinfo=UTC), Lane.BULK)


def _read(*lines: str, terms: Terms = TERMS) -> StaffList:
    return read([f"{line}\n" for line in lines], terms)


def _registrations(found: StaffList) -> list[Registration]:
    data = [decode(event.body, Exchange.HR).data for event in found.events]
    assert all(isinstance(one, Registration) for one in data)
    return data  # type: ignore[return-value]


def _faults(found: StaffList) -> list[tuple[int, str]]:
    return [(fault.line, fault.field) for fault in found.faults]


def test_a_good_row_becomes_a_registration() -> None:
    found = _read(HEADER, GOOD)

    (registration,) = _registrations(found)
    assert registration.ic_number == "850101030007"
    assert registration.name == "PEGAWAI CONTOH"
    assert registration.email == "pegawai@example.gov.my"
    assert registration.registered_at.isoformat() == "2020-07-13T10:45:50+08:00"
    assert registration.notify
    assert found.events[0].routing_key == "bulk.ActivationRequested"
    assert json.loads(found.events[0].body)["time"] == "2021-01-11T00:00:00+00:00"


@pytest.mark.parametrize(
    ("lines", "ic_numbers"),
    [
        (["\ufeff" + HEADER, GOOD], ["850101030007"]),
        ([HEADER.replace(",", ";"), GOOD.replace(",", ";")], ["850101030007"]),
        ([HEADER.replace(",", "\t"), GOOD.replace(",", "\t")], ["850101030007"]),
        ([HEADER.upper(), GOOD], ["850101030007"]),
        (["email , Name,registered_at,ic_number", "a@example.gov.my,A,2020-07-13,850101-03-0007"], ["850101030007"]),
        ([HEADER, GOOD.replace("850101030007", "850101-03-0007")], ["850101030007"]),
        ([HEADER, GOOD.replace("850101030007", " 850101 03 0007 ")], ["850101030007"]),
        ([HEADER, GOOD.replace("PEGAWAI CONTOH", '"PEGAWAI, ""A"" CONTOH"')], ["850101030007"]),
        ([HEADER, "", GOOD, ",,,", "  ", GOOD.replace("850101", "850102")], ["850101030007", "850102030007"]),
        ([HEADER, GOOD + "\r"], ["850101030007"]),
        ([HEADER], []),
    ],
    ids=["BOM", "semicolons", "tabs", "capitals", "order", "dashes", "spaces", "quotes", "blank", "CRLF", "nobody"],
)
def test_what_spreadsheets_make_of_a_good_list_is_good(lines: Sequence[str], ic_numbers: Sequence[str]) -> None:
    found = _read(*lines)

    assert found.faults == []
    assert [registration.ic_number for registration in _registrations(found)] == list(ic_numbers)


@pytest.mark.parametrize(
    ("row", "fields"),
    [
        (GOOD.replace("850101030007", "851301030007"), ["ic_number"]),
        (GOOD.replace("850101030007", "85010103000"), ["ic_number"]),
        (GOOD.replace("850101030007", "8.50101E+11"), ["ic_number"]),
        (GOOD.replace("850101030007", ""), ["ic_number"]),
        (GOOD.replace("PEGAWAI CONTOH", ""), ["name"]),
        (GOOD.replace("PEGAWAI CONTOH", "X" * 201), ["name"]),
        (GOOD.replace("PEGAWAI", "PEG\x1bAWAI"), ["name"]),
        (GOOD.replace("PEGAWAI", "PEG\u202eAWAI"), ["name"]),
        (GOOD.replace("PEGAWAI", "PEG\udce9AWAI"), ["name"]),
        (GOOD.replace("@example.gov.my", ""), ["email"]),
        (GOOD.replace("2020-07-13T10:45:50", "13/07/2020 10:45"), ["registered_at"]),
        (GOOD.replace("2020-07-13T10:45:50", "1020-07-13"), ["registered_at"]),
        (GOOD.replace("850101030007", "1").replace("pegawai@", "@"), ["ic_number", "email"]),
        (GOOD + ",more", ["row"]),
        ("850101030007", ["row"]),
        (GOOD.replace("PEGAWAI", '"PEGAWAI'), ["row"]),
        (GOOD.replace("PEGAWAI", "X" * 20_000), ["row"]),
    ],
)
def test_a_bad_row_is_named_with_every_bad_field_and_spoils_no_other(row: str, fields: Sequence[str]) -> None:
    found = _read(HEADER, row, GOOD.replace("850101", "850102"))

    assert _faults(found) == [(2, field) for field in fields]
    assert all(fault.reason for fault in found.faults)
    assert [registration.ic_number for registration in _registrations(found)] == ["850102030007"]


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("", "empty"),
        ("ic_number,name,email", "lacks registered_at"),
        (HEADER + ",phone", "phone"),
        (HEADER + ",", "unnamed"),
        (HEADER + ",name", "twice"),
        (GOOD, "lacks ic_number, name, email, registered_at"),
        ("\udcff\udcfei\x00c\x00_\x00", "UTF-16"),
    ],
)
def test_a_wrong_header_is_said(header: str, words: str) -> None:
    with pytest.raises(BadHeader, match=words):
        _read(header)


def test_two_rows_with_one_ic_number_are_both_refused_and_name_each_other() -> None:
    found = _read(HEADER, GOOD, GOOD.replace("850101", "850102"), GOOD.replace("850101030007", "850101-03-0007"))

    assert _faults(found) == [(2, "ic_number"), (4, "ic_number")]
    assert "line 4" in found.faults[0].reason
    assert "line 2" in found.faults[1].reason
    assert len(found.events) == 1


def test_an_offset_in_the_file_is_kept() -> None:
    (registration,) = _registrations(_read(HEADER, GOOD.replace("10:45:50", "10:45:50Z")))

    assert registration.registered_at == datetime(2020, 7, 13, 10, 45, 50, tzinfo=UTC)


def _ids(*lines: str, notify: bool = True, salt: str = "") -> list[str]:
    terms = Terms(TERMS.source, datetime.now(UTC), Lane.LIVE, notify, salt)
    return [event.id for event in _read(*lines, terms=terms).events]


def test_ids_derive_from_what_a_row_says_and_not_from_how_it_is_written_or_when() -> None:
    first = _ids(HEADER, GOOD)

    assert first == _ids(HEADER.replace(",", ";"), GOOD.replace(",", ";").replace("850101030007", "850101-03-0007"))
    assert first == _ids(HEADER, GOOD.replace("10:45:50", "10:45:50+08:00"))


def test_ids_differ_where_the_content_does_and_with_again() -> None:
    variants = [
        _ids(HEADER, GOOD),
        _ids(HEADER, GOOD.replace("CONTOH", "LAIN")),
        _ids(HEADER, GOOD, notify=False),
        _ids(HEADER, GOOD, salt="run 1"),
        _ids(HEADER, GOOD, salt="run 2"),
    ]

    assert len({id_ for ids in variants for id_ in ids}) == len(variants)


def test_50_000_rows_are_read_in_seconds(record_property: Callable[[str, object], None]) -> None:
    rows = [
        f"{20 + n % 80:02}{1 + n % 12:02}{1 + n % 28:02}{n // 28:06},PEGAWAI {n},p{n}@example.gov.my,2020-07-13"
        for n in range(50_000)
    ]
    begun = time.perf_counter()

    found = _read(HEADER, *rows)

    seconds = time.perf_counter() - begun
    record_property("seconds", seconds)
    assert found.rows == len(found.events) == 50_000
    assert seconds < 30
