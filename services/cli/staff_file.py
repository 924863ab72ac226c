"""The file of a staff list as HR's programs write it: its encoding, its separator, and what its columns are called."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Final, NamedTuple

COLUMNS: Final = ("ic_number", "name", "email", "registered_at")
REPORT_COLUMNS: Final = ("aktif_line", "aktif_reason")
"""What a file of bad rows has besides; ignored where it is fed again."""
MAX_BYTES: Final = 128 << 20
_SYNONYMS: Final[Mapping[str, str]] = {
    **{column: column for column in COLUMNS},
    **dict.fromkeys(("no_kad_pengenalan", "kad_pengenalan", "no_kp", "nokp", "no_ic", "ic_no", "ic"), "ic_number"),
    **dict.fromkeys(("nama", "nama_penuh", "full_name"), "name"),
    **dict.fromkeys(("emel", "e_mel", "alamat_emel", "alamat_e_mel", "e_mail", "email_address"), "email"),
    **dict.fromkeys(("tarikh_pendaftaran", "tarikh_daftar", "registration_date"), "registered_at"),
}
_DELIMITERS: Final = ",;\t"
_MAX_LINE: Final = 10_000
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_SAVE: Final = "in Excel, save it as CSV UTF-8 (Comma delimited)"
_AS_FORMULA: Final = re.compile(r'="(.*)"')
_DISARMED: Final = re.compile(r"'(?=[=+@-])")


class BadFile(ValueError):
    """No row of the file can be read; `line` says where that shows."""

    def __init__(self, reason: str, line: int = 1) -> None:
        super().__init__(reason)
        self.line = line


class Row(NamedTuple):
    """A line below the header. `cells` is None where its quotes or its length make it unreadable."""

    line: int
    text: str
    cells: list[str] | None


@dataclass(frozen=True, slots=True)
class Layout:
    """What the header says: the separator, the names as they are written, and where each of our columns is."""

    delimiter: str
    names: Sequence[str]
    places: Mapping[str, int]

    @property
    def unused(self) -> list[str]:
        """The columns of the file that we have no use for."""
        used = {*self.places.values()}
        return [
            name for place, name in enumerate(self.names) if name and place not in used and name not in REPORT_COLUMNS
        ]


def decode(raw: bytes) -> str:
    """The text of a file. Raises BadFile where it is neither UTF-8 nor UTF-16 with a byte order mark."""
    if len(raw) > MAX_BYTES:
        raise BadFile(f"the file has more than {MAX_BYTES >> 20} MiB; split it")
    if raw.startswith(_WORKBOOKS):
        raise BadFile(f"the file is an Excel workbook; {_SAVE}")
    encoding = "utf-16" if raw.startswith(_UTF16) else "utf-8-sig"
    if encoding != "utf-16" and 0 in raw[:4]:
        raise BadFile(f"the file is UTF-16 without a byte order mark; {_SAVE}")
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        what = "torn UTF-16" if encoding == "utf-16" else "not UTF-8, but Windows-1252 or the like"
        raise BadFile(f"the file is {what}; {_SAVE}", line) from None


def read_rows(text: str) -> tuple[Layout, Iterator[Row]]:
    """The layout, and the rows that are not blank. Raises BadFile for a header that lacks one of our columns.

    A line is a row: no valid field holds a line break, so an unclosed quote spoils its own line and no other.
    """
    lines = ((number, line.rstrip("\n")) for number, line in enumerate(StringIO(text, newline=None), start=1))
    number, line = next((found for found in lines if found[1].strip()), (1, ""))
    delimiter = max(_DELIMITERS, key=line.count)
    if line.lower().startswith("sep="):  # an Excel hint
        delimiter = line[4:5] or delimiter
        number, line = next(lines, (number, ""))
    return _layout(number, line, delimiter), _rows(lines, delimiter)


def lenient_cells(row: Row, delimiter: str) -> list[str]:
    """The cells of a row, of an unreadable one as well as may be."""
    if row.cells is not None:
        return row.cells
    try:
        return next(csv.reader([row.text], delimiter=delimiter), [])
    except csv.Error:
        return [row.text]


def _rows(lines: Iterator[tuple[int, str]], delimiter: str) -> Iterator[Row]:
    for number, line in lines:
        cells = _cells(line, delimiter)
        if cells is None or any(cells):
            yield Row(number, line, cells)


def _cells(line: str, delimiter: str) -> list[str] | None:
    if len(line) > _MAX_LINE:
        return None
    try:
        cells = next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return None
    return [_plain(cell) for cell in cells]


def _plain(cell: str) -> str:
    """Trimmed, without what others (`="0123"`) and we (`'=1+1`) write around a text for the sake of spreadsheets."""
    cell = cell.strip()
    if cell[:1] in {"=", "'"}:
        return _DISARMED.sub("", _AS_FORMULA.sub(r"\1", cell, count=1), count=1).strip()
    return cell


def _layout(number: int, line: str, delimiter: str) -> Layout:
    names = _cells(line, delimiter) or []
    places = dict[str, int]()
    wanted = f"it must name {','.join(COLUMNS)} (or No Kad Pengenalan, Nama, Emel, Tarikh Pendaftaran)"
    if not any(names):
        raise BadFile(f"the file is empty; its first line is the header, and {wanted}")
    for place, name in enumerate(names):
        column = _SYNONYMS.get(re.sub(r"[\W_]+", "_", name.casefold()).strip("_"))
        if column in places:
            raise BadFile(f"the header has {column} twice: {names[places[column]]} and {name}", number)
        if column is not None:
            places[column] = place
    if missing := [column for column in COLUMNS if column not in places]:
        raise BadFile(f"the header lacks {', '.join(missing)}; {wanted}", number)
    return Layout(delimiter, names, places)
