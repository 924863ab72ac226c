"""`aktif register` with what HR really exports: the good rows are published, the bad ones are kept to be mended."""

import os
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Aktif, Queues

HEADER = "Bil;No. Kad Pengenalan;NAMA;E-mel;Tarikh Pendaftaran;;\r\n"
ROWS = [
    "1;850101-03-0007;PEGAWAI SATU;satu@example.gov.my;13/07/2020 10:45:50 AM;;\r\n",
    "2;8.50102E+11;PEGAWAI DUA;dua@example.gov.my;13/07/2020 10:45:50 AM;;\r\n",
    ";;;;;;\r\n",
    "3;850103030007;PEGAWAI TIGA;tiga;44025,4485;;\r\n",
    "4;850104030007;RAJÛ, A/L CONTOH;empat@example.gov.my;14/7/2020;;\r\n",
]


@pytest.fixture
def staff(tmp_path: Path) -> Path:
    """A list out of Excel, in Malay, with two good rows and two bad ones."""
    path = tmp_path / "staf.csv"
    path.write_bytes((HEADER + "".join(ROWS)).encode("utf-8-sig"))
    return path


def test_bad_rows_are_kept_beside_the_list_and_mended_there_are_registered(
    aktif: Aktif, staff: Path, queues: Queues
) -> None:
    said = aktif("register", str(staff))

    assert said.code == 1
    assert [line.split(": ")[0:2] for line in said.err.splitlines()] == [
        [str(staff), "columns not used"],
        [f"{staff}:3", "ic_number"],
        [f"{staff}:5", "email"],
        [f"{staff}:5", "registered_at"],
    ]
    bad = staff.with_name("staf.bad.csv")
    assert said.out.splitlines()[0] == "staf.csv: 4 rows, 2 published on lane bulk, 2 bad and left out."
    assert said.out.splitlines()[-1] == f"Mend the bad ones in {bad} and register that file."
    assert {event["data"]["name"] for event in queues.take("state.bulk")} == {"PEGAWAI SATU", "RAJÛ, A/L CONTOH"}

    mended = (
        bad.read_text("utf-8-sig").replace("8.50102E+11", "850102-03-0007").replace("tiga;", "tiga@example.gov.my;")
    )
    bad.write_text(mended.replace("44025,4485", "13/7/2020 10:45"), "utf-8-sig")
    again = aktif("register", str(bad))

    assert (again.code, again.err) == (0, f"{bad}: columns not used: Bil\n")
    told = {event["data"]["name"]: event["data"] for event in queues.take("state.bulk")}
    assert told["PEGAWAI DUA"]["ic_number"] == "850102030007"
    assert told["PEGAWAI TIGA"]["registered_at"] == "2020-07-13T10:45:00+08:00"


def test_a_dry_run_keeps_the_bad_rows_too_and_needs_no_server(reader: Aktif, staff: Path) -> None:
    first, second = (reader("register", str(staff), "--dry-run", "--json") for _ in range(2))

    assert first.code == 1
    assert first.json["bad_rows"] == second.json["bad_rows"] == str(staff.with_name("staf.bad.csv"))
    assert (first.json["rows"], first.json["good"], first.json["published"]) == (4, 2, 0)
    assert [(bad["line"], bad["field"]) for bad in first.json["bad"]] == [
        (3, "ic_number"),
        (5, "email"),
        (5, "registered_at"),
    ]


def test_the_bad_rows_go_where_they_are_asked_for(reader: Aktif, staff: Path, tmp_path: Path) -> None:
    wanted = tmp_path / "mend.csv"

    reader("register", str(staff), "--dry-run", "--bad-rows", str(wanted))

    assert wanted.read_text("utf-8-sig").count("\n") == 3
    assert not staff.with_name("staf.bad.csv").exists()


@pytest.mark.parametrize("name", ["staf.csv", "mend.csv"])
def test_no_file_that_is_there_is_written_over(reader: Aktif, staff: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "mend.csv").write_text("half mended")
    before = (tmp_path / name).read_bytes()

    said = reader("register", str(staff), "--dry-run", "--bad-rows", str(tmp_path / name))

    assert said.code == 2
    assert "is there already; name a new file" in said.err
    assert (tmp_path / name).read_bytes() == before


def test_bad_rows_that_cannot_be_kept_where_they_are_asked_for_stop_it_before_anything_is_published(
    aktif: Aktif, staff: Path, queues: Queues
) -> None:
    said = aktif("register", str(staff), "--bad-rows", str(staff.parent / "nowhere" / "bad.csv"))

    assert said.code == 1
    assert said.err.endswith("nowhere/bad.csv: No such file or directory\n")
    assert queues.take("state.bulk") == []


def test_bad_rows_that_cannot_be_kept_beside_the_list_are_all_told(reader: Aktif, staff: Path) -> None:
    long = staff.rename(staff.with_name("s" * 250 + ".csv"))
    with long.open("a", encoding="utf-8") as file:
        file.writelines(f"{n};x;X;x@example.gov.my;2020-07-13;;\n" for n in range(50))

    said = reader("register", str(long), "--dry-run")

    assert said.code == 1
    assert "the bad rows were not kept" in said.err
    assert said.err.count(": ic_number: ") == 51


def test_of_many_bad_rows_the_first_are_told_and_all_are_kept(reader: Aktif, staff: Path) -> None:
    staff.write_text(HEADER + "".join(f"{n};x;X;x@example.gov.my;2020-07-13;;\n" for n in range(500)))

    said = reader("register", str(staff), "--dry-run")

    kept = staff.with_name("staf.bad.csv")
    assert said.err.count(": ic_number: ") == 20
    assert said.err.endswith(f"… and 480 more, all of them in {kept}\n")
    assert kept.read_text("utf-8-sig").count("\n") == 501


def test_a_list_that_comes_through_a_pipe_has_its_bad_rows_told_and_kept_in_no_file(reader: Aktif, staff: Path) -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, staff.read_bytes())
    os.close(write_end)

    said = reader("register", f"/dev/fd/{read_end}", "--dry-run", "--json")

    os.close(read_end)
    assert (said.json["rows"], said.json["bad_rows"]) == (4, None)
    assert not list(Path().glob("*.bad.csv"))


def test_without_bad_rows_there_is_no_file_and_all_is_well(reader: Aktif, staff: Path, tmp_path: Path) -> None:
    staff.write_text(HEADER + ROWS[0])

    said = reader("register", str(staff), "--dry-run", "--bad-rows", str(tmp_path / "bad.csv"))

    assert said.code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["staf.csv"]


def test_a_file_in_another_encoding_is_one_line_that_says_how_to_export_it(reader: Aktif, staff: Path) -> None:
    staff.write_bytes((HEADER + "".join(ROWS)).encode("cp1252"))

    said = reader("register", str(staff))

    assert said.code == 1
    assert said.err == (
        f"aktif: {staff}:6: the file is not UTF-8, but Windows-1252 or the like; in Excel, save it as CSV UTF-8 "
        "(Comma delimited)\n"
    )
