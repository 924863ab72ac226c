"""The file of bad rows survives Excel, is mended there, and is fed again as it is."""

import csv
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest

from schemas.events import Lane
from services.cli.bad_rows import keep, report
from services.cli.staff_file import decode
from services.cli.staff_list import StaffList, Terms, read

HEADER = "ic_number,name,email,registered_at"
GOOD = "850101030007,PEGAWAI CONTOH,pegawai@example.gov.my,2020-07-13 10:45:50"
BAD = GOOD.replace("pegawai@", "pegawai")
TERMS = Terms("/hr/kelantan", datetime(2021, 1, 11, tzinfo=UTC), Lane.BULK)


def _report(*lines: str) -> str:
    text = "\n".join(lines)
    return decode(report(text, read(text, TERMS)))


def _rows(report: str, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(StringIO(report), delimiter=delimiter))


def _again(report: str) -> StaffList:
    return read(report, TERMS)


def test_bad_rows_have_their_line_and_reason_before_all_columns_of_the_list() -> None:
    head, *rows = _rows(
        _report("Bil," + HEADER + ",Jabatan", f"1,{GOOD.replace('0101', '0102')},Kastam", f"2,{BAD},Imigresen")
    )

    assert head == ["aktif_line", "aktif_reason", "Bil", *HEADER.split(","), "Jabatan"]
    assert len(rows) == 1
    assert rows[0][0] == "3"
    assert rows[0][1].startswith("email must be a plain mail address")
    assert rows[0][2:] == ["2", "850101-03-0007", "PEGAWAI CONTOH", "pegawaiexample.gov.my",
                           "2020-07-13T10:45:50+08:00", "Imigresen"]  # fmt: skip


def test_the_report_fed_again_says_the_same_of_each_row() -> None:
    lines = [HEADER, BAD, GOOD + ",more", "850102030007", GOOD.replace("850101030007", "8.5E+11")]
    text = "\n".join(lines)
    first = read(text, TERMS)

    again = _again(decode(report(text, first)))

    assert [fault.field for fault in first.faults] == ["email", "row", "row", "ic_number"]
    assert [(fault.line, fault.field) for fault in again.faults] == [
        (2, "email"),
        (3, "row"),
        (4, "name"),
        (4, "email"),
        (4, "registered_at"),
        (5, "ic_number"),
    ], "a row that was too short is complete now, and blank"


def test_the_report_mended_is_good() -> None:
    mended = _again(_report(HEADER, BAD).replace("pegawaiexample", "pegawai@example"))

    assert (mended.faults, len(mended.good)) == ([], 1)


def test_a_row_whose_quote_is_not_closed_is_reported_as_far_as_it_can_be_read() -> None:
    (_, row) = _rows(_report(HEADER, '850101030007,"PEGAWAI,pegawai@example.gov.my,2020-07-13'))

    assert row[2:4] == ["850101-03-0007", "PEGAWAI,pegawai@example.gov.my,2020-07-13"]


def test_the_report_of_a_report_does_not_pile_up_columns() -> None:
    first = _report(HEADER, BAD)

    assert _rows(decode(report(first, _again(first))))[0] == _rows(first)[0]


def test_a_report_has_the_separator_of_the_list_and_the_mark_by_which_excel_knows_utf_8() -> None:
    text = f"{HEADER}\n{BAD}".replace(",", ";")
    raw = report(text, read(text, TERMS))

    assert raw.startswith(b"\xef\xbb\xbfaktif_line;aktif_reason;ic_number;")
    assert raw.endswith(b"\r\n")
    assert _rows(_report(HEADER.replace(",", "\t"), BAD.replace(",", "\t")))[0][:3] == [
        "aktif_line", "aktif_reason", "ic_number"]  # fmt: skip


@pytest.mark.parametrize("name", ["=HYPERLINK(0)", "+60123456789", "-1+1", "@SUM(A1)", "'AFIF", "RAJÛ"])
def test_no_cell_is_a_formula_and_every_text_comes_back_as_it_was(name: str) -> None:
    (_, row) = _rows(_report(HEADER, BAD.replace("PEGAWAI CONTOH", name)))

    assert row[3][0] not in "=+-@"
    mended = _report(HEADER, BAD.replace("PEGAWAI CONTOH", name)).replace("pegawaiexample", "pegawai@example")
    assert [event.body.decode().count(f'"{name}"') for event in _again(mended).events()] == [1]


def test_a_date_that_was_refused_as_ambiguous_is_not_decided_by_the_report() -> None:
    rows = [
        GOOD.replace("0101", f"010{n}").replace("2020-07-13", date) for n, date in ((1, "7/8/2020"), (2, "7/13/2020"))
    ]

    assert [row[5] for row in _rows(_report(HEADER, *rows))[1:]] == ["7/8/2020 10:45:50", "7/13/2020 10:45:50"]


def test_a_report_is_the_owners_alone_and_overwrites_no_other(tmp_path: Path) -> None:
    staff = tmp_path / "staff.csv"

    first, same, other = keep(b"a", staff), keep(b"a", staff), keep(b"b", staff)
    of_a_report = keep(b"c", first)

    assert [path.name for path in (first, same, other, of_a_report)] == [
        "staff.bad.csv", "staff.bad.csv", "staff.bad-2.csv", "staff.bad-3.csv"]  # fmt: skip
    assert [path.read_bytes() for path in (first, other, of_a_report)] == [b"a", b"b", b"c"]
    assert first.stat().st_mode & 0o777 == 0o600
