"""A staff list as HR exports it: what is good, and what is said of each bad row."""

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest

from schemas import envelope
from schemas.events import Exchange, Lane, Registration
from services.cli.staff_file import BadFile, decode
from services.cli.staff_list import StaffList, Terms, read

HEADER = "ic_number,name,email,registered_at"
GOOD = "850101030007,PEGAWAI CONTOH,pegawai@example.gov.my,2020-07-13T10:45:50"
TERMS = Terms("/hr/kelantan", datetime(2021, 1, 11, tzinfo=UTC), Lane.BULK)


def _read(*lines: str, terms: Terms = TERMS) -> StaffList:
    return read("".join(f"{line}\n" for line in lines), terms)


def _registrations(found: StaffList) -> list[Registration]:
    data = [envelope.decode(event.body, Exchange.HR).data for event in found.events()]
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
    (event,) = found.events()
    assert event.routing_key == "bulk.ActivationRequested"
    assert json.loads(event.body)["time"] == "2021-01-11T00:00:00+00:00"


@pytest.mark.parametrize(
    ("lines", "ic_numbers"),
    [
        ([HEADER.replace(",", ";"), GOOD.replace(",", ";")], ["850101030007"]),
        ([HEADER.replace(",", "\t"), GOOD.replace(",", "\t")], ["850101030007"]),
        ([HEADER.upper(), GOOD], ["850101030007"]),
        (["No. Kad Pengenalan,NAMA,E-mel,Tarikh Pendaftaran", GOOD], ["850101030007"]),
        (["ic no;Full Name;e-mail;registration_date", GOOD.replace(",", ";")], ["850101030007"]),
        (["sep=;", HEADER.replace(",", ";"), GOOD.replace(",", ";")], ["850101030007"]),
        (["Bil," + HEADER + ",Jabatan", "1," + GOOD + ",Kastam"], ["850101030007"]),
        ([HEADER + ",,", GOOD, GOOD.replace("850101", "850102") + ",,,,"], ["850101030007", "850102030007"]),
        ([HEADER, GOOD.replace("850101030007", "'850101030007")], ["850101030007"]),
        ([HEADER, GOOD.replace("850101030007", '="850101030007"')], ["850101030007"]),
        ([HEADER, GOOD.replace("2020-07-13T10:45:50", "13/07/2020 10:45:50 AM")], ["850101030007"]),
        (["email , Name,registered_at,ic_number", "a@example.gov.my,A,2020-07-13,850101-03-0007"], ["850101030007"]),
        ([HEADER, GOOD.replace("850101030007", "850101-03-0007")], ["850101030007"]),
        ([HEADER, GOOD.replace("850101030007", " 850101 03 0007 ")], ["850101030007"]),
        ([HEADER, GOOD.replace("PEGAWAI CONTOH", '"PEGAWAI, ""A"" CONTOH"')], ["850101030007"]),
        ([HEADER, "", GOOD, ",,,", "  ", GOOD.replace("850101", "850102")], ["850101030007", "850102030007"]),
        ([HEADER, GOOD + "\r"], ["850101030007"]),
        ([HEADER], []),
    ],
    ids=[
        *("semicolons", "tabs", "capitals", "Malay", "synonyms", "hint", "more columns", "trailing", "apostrophe"),
        *("formula", "Excel's date", "order", "dashes", "spaces", "quotes", "blank", "CRLF", "nobody"),
    ],
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
        (GOOD.replace("@example.gov.my", ""), ["email"]),
        (GOOD.replace("2020-07-13T10:45:50", "07/13/2020 10:45"), ["registered_at"]),
        (GOOD.replace("2020-07-13T10:45:50", "44025.4485"), ["registered_at"]),
        (",,pegawai@example.gov.my,", ["ic_number", "name", "registered_at"]),
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
        (" \n\n", "empty"),
        (",,,", "empty"),
        ("ic_number,name,email", "lacks registered_at"),
        (HEADER + ",Nama", "name twice: name and Nama"),
        (GOOD, "lacks ic_number, name, email, registered_at"),
    ],
)
def test_a_wrong_header_is_said(header: str, words: str) -> None:
    with pytest.raises(BadFile, match=words):
        _read(header)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_is_read_in_each_encoding_that_says_what_it_is(encoding: str) -> None:
    raw = "\r\n".join([HEADER, GOOD.replace("CONTOH", "RAJÛ")]).encode(encoding)

    (registration,) = _registrations(read(decode(raw), TERMS))

    assert registration.name == "PEGAWAI RAJÛ"


@pytest.mark.parametrize(
    ("raw", "line", "words"),
    [
        (f"{HEADER}\n{GOOD}\n{GOOD.replace('CONTOH', 'RAJÛ')}".encode("cp1252"), 3, "Windows-1252.*CSV UTF-8"),
        (HEADER.encode("utf-16-le"), 1, "UTF-16 without a byte order mark.*CSV UTF-8"),
        (HEADER.encode("utf-16")[:-1], 1, "torn UTF-16"),
        (b"PK\x03\x04" + bytes(100), 1, "Excel workbook.*CSV UTF-8"),
    ],
    ids=["Windows-1252", "no mark", "torn", "xlsx"],
)
def test_another_encoding_is_refused_with_its_line_and_what_to_do(raw: bytes, line: int, words: str) -> None:
    with pytest.raises(BadFile, match=words) as refused:
        decode(raw)

    assert refused.value.line == line


def test_a_file_too_large_for_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.cli.staff_file.MAX_BYTES", 1 << 20)

    with pytest.raises(BadFile, match="more than 1 MiB; split it"):
        decode(bytes((1 << 20) + 1))


def test_two_rows_with_one_ic_number_are_both_refused_and_name_each_other() -> None:
    found = _read(HEADER, GOOD, GOOD.replace("850101", "850102"), GOOD.replace("850101030007", "850101-03-0007"))

    assert _faults(found) == [(2, "ic_number"), (4, "ic_number")]
    assert "line 4" in found.faults[0].reason
    assert "line 2" in found.faults[1].reason
    assert len(found.good) == 1


def test_many_rows_with_one_ic_number_name_a_few_others() -> None:
    found = _read(HEADER, *[GOOD] * 5000)

    assert [fault.reason for fault in found.faults][:2] == [
        "is also on lines 3, 4, 5 and 4,996 more; only one row may have it",
        "is also on lines 2, 4, 5 and 4,996 more; only one row may have it",
    ]
    assert len(found.faults) == 5000


def _dated(*dates: str) -> list[str]:
    return [GOOD.replace("0101", f"010{n}").replace("2020-07-13T10:45:50", date) for n, date in enumerate(dates, 1)]


def test_dates_that_could_be_either_are_refused_in_a_file_that_writes_the_month_first() -> None:
    found = _read(HEADER, *_dated("07/08/2020", "07/13/2020", "07/07/2020", "2020-07-08"))

    assert _faults(found) == [(2, "registered_at"), (3, "registered_at")]
    assert found.faults[0].reason == "may have its month first, as line 3 has"


def test_one_slip_of_day_and_month_spoils_no_other_row_in_a_file_that_writes_the_day_first() -> None:
    found = _read(HEADER, *_dated("07/08/2020", "07/13/2020", "13/07/2020"))

    assert _faults(found) == [(3, "registered_at")]


@pytest.mark.parametrize(("old", "new", "field"), [("pegawai@", "x", "email"), ("2020-", "20-", "registered_at")])
def test_a_good_row_is_refused_where_a_bad_one_has_its_ic_number(old: str, new: str, field: str) -> None:
    found = _read(HEADER, GOOD, GOOD.replace(old, new))

    assert _faults(found) == [(2, "ic_number"), (3, field)]


def test_a_blank_cell_is_said_to_be_missing() -> None:
    found = _read(HEADER, ",,,2020-07-13")

    assert [(fault.field, fault.reason) for fault in found.faults] == [
        (name, "is missing") for name in ("ic_number", "name", "email")
    ]


def test_a_comma_in_a_name_without_quotes_never_cuts_the_name_short() -> None:
    header, row = "email,registered_at,ic_number,name,", "a@example.gov.my,2020-07-13,850101030007,ALI, BIN ABU"

    assert _faults(_read(header, row)) == [(2, "row")]


def test_columns_that_are_not_used_are_known() -> None:
    assert _read("aktif_line,aktif_reason,Bil," + HEADER + ",,Jabatan").layout.unused == ["Bil", "Jabatan"]


def test_an_offset_in_the_file_is_kept() -> None:
    (registration,) = _registrations(_read(HEADER, GOOD.replace("10:45:50", "10:45:50Z")))

    assert registration.registered_at == datetime(2020, 7, 13, 10, 45, 50, tzinfo=UTC)


def _ids(*lines: str, notify: bool = True, salt: str = "") -> list[str]:
    terms = Terms(TERMS.source, datetime.now(UTC), Lane.LIVE, notify, salt)
    return [event.id for event in _read(*lines, terms=terms).events()]


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
    assert found.rows == len(found.good) == 50_000
    assert seconds < 30
