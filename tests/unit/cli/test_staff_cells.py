"""What spreadsheets make of IC numbers and dates is read where it is plain, and refused with a way out where not."""

import pytest

from services.cli.staff_cells import Order, ic_number, instant


@pytest.mark.parametrize("text", ["850101030007", "850101-03-0007", "850101 03 0007", "850101\u00a003\u00a00007"])
def test_an_ic_number_is_read_with_dashes_and_spaces(text: str) -> None:
    assert ic_number(text) == "850101030007"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("8.50101E+11", "number by the spreadsheet; format the column as text"),
        ("8,50101E+11", "number by the spreadsheet"),
        ("8.5e11", "number by the spreadsheet"),
        ("850101030007.0", "number by the spreadsheet"),
        ("422030202", "has 9 digits instead of 12; spreadsheets drop leading zeros: format the column as text"),
        ("851301030007", "the first six digits must be a date of birth"),
        ("8501010300071", "must be 12 digits$"),
        ("X", "must be 12 digits$"),
    ],
)
def test_a_spoilt_ic_number_is_refused_with_what_to_do(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ic_number(text)


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2020-07-13T10:45:50+08:00", "2020-07-13T10:45:50+08:00"),
        ("2020-07-13T02:45:50Z", "2020-07-13T02:45:50+00:00"),
        ("2020-07-13T10:45:50", "2020-07-13T10:45:50+08:00"),
        ("2020-07-13 10:45", "2020-07-13T10:45:00+08:00"),
        ("2020-07-13", "2020-07-13T00:00:00+08:00"),
        ("2020-07-13 10:45:50 PM", "2020-07-13T22:45:50+08:00"),
        ("13/07/2020 10:45:50 AM", "2020-07-13T10:45:50+08:00"),
        ("13/07/2020 10:45:50\u202fpm", "2020-07-13T22:45:50+08:00"),
        ("13/07/2020 12:45:50 AM", "2020-07-13T00:45:50+08:00"),
        ("13/07/2020 12:45:50 PM", "2020-07-13T12:45:50+08:00"),
        ("13/7/2020 1:05 PTG", "2020-07-13T13:05:00+08:00"),
        ("13/7/2020 1:05 PG", "2020-07-13T01:05:00+08:00"),
        ("13/7/2020 22:45", "2020-07-13T22:45:00+08:00"),
        ("13/7/2020", "2020-07-13T00:00:00+08:00"),
        ("13-07-2020", "2020-07-13T00:00:00+08:00"),
        ("13.07.2020, 10:45:50", "2020-07-13T10:45:50+08:00"),
        ("7/8/2020", "2020-08-07T00:00:00+08:00"),
    ],
)
def test_a_time_is_read_in_iso_8601_and_in_the_forms_of_spreadsheets_day_first(text: str, iso: str) -> None:
    assert instant(text).at.isoformat() == iso


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("44025", "date number of Excel's; format the column as yyyy-mm-dd hh:mm:ss"),
        ("44025.4485", "date number of Excel's"),
        ("44025,4485", "date number of Excel's"),
        ("########", "widen the column"),
        ("13/7/20", "year of four digits"),
        ("7/13/2020", "month first.*day first"),
        ("31/6/2020", "a day that there is not"),
        ("13/13/2020", "a day that there is not"),
        ("13/7/2020 24:00", "a time that there is not"),
        ("13/7/2020 10:60", "a time that there is not"),
        ("13/7/2020 13:00 PM", "has the hour 13 with PM"),
        ("13/7/2020 0:00 AM", "has the hour 0 with AM"),
        ("13/7-2020", "must be 2020-07-13 10:45:50 or 13/07/2020"),
        ("semalam", "must be 2020-07-13 10:45:50 or 13/07/2020"),
        ("1020-07-13", "years 1900 to 2200"),
    ],
)
def test_a_time_that_is_none_or_could_be_another_is_refused_with_what_to_do(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        instant(text)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("7/8/2020", Order.EITHER),
        ("13/8/2020", Order.DAY_FIRST),
        ("7/7/2020", Order.NOTHING),
        ("2020-07-08", Order.NOTHING),
    ],
)
def test_a_date_tells_what_it_can_of_the_order_of_day_and_month(text: str, order: Order) -> None:
    assert instant(text).order is order
