"""Malay first, English by the browser's language or by the switch."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.browser.people import CODES, PASSWORD, Officer

IN_ENGLISH = dict(zip(("Mother's name?", "Name of your first school?", "Your first car?"), CODES.values(), strict=True))


def test_an_english_browser_is_served_in_english_from_the_first_page_to_the_last(
    visits: Visits, officer: Officer
) -> None:
    visitor = visits(locale="en-GB")
    officer.is_registered(notify=False)

    visitor.asks_for_mail(officer.ic_number)
    visitor.opens(officer.link())
    visitor.chooses(IN_ENGLISH)
    visitor.goes_on()
    visitor.sets_password("short")
    visitor.sees("It must have at least 12 characters.")
    visitor.sets_password(PASSWORD)
    visitor.sees("Congratulations. Your account has been activated.")
    visitor.follows("Log in")
    visitor.logs_in(officer.ic_number, PASSWORD)

    visitor.sees("Your password is right")


def test_a_browser_of_any_other_language_is_served_in_malay(visits: Visits) -> None:
    visits(locale="zh-CN").opens("/")


def test_the_switch_keeps_the_page_and_is_remembered(visits: Visits, officer: Officer) -> None:
    visitor = visits()
    visitor.opens("/account/resend")

    visitor.language = "en"
    visitor.follows("English")
    assert visitor.path == "/account/resend"
    visitor.follows("Back to log in")
    visitor.opens(officer.is_registered().link())
    assert visitor.path == "/account/activation"
    visitor.language = "ms"
    visitor.presses("Bahasa Melayu")

    assert visitor.path == "/account/activation"
    assert visitor.page.url.endswith("/account/activation")
    visitor.sees(officer.ic_number)


@pytest.mark.parametrize("scripted", [True, False], ids=["with-javascript", "without-javascript"])
def test_the_switch_keeps_chosen_questions_and_what_is_typed(visits: Visits, officer: Officer, scripted: bool) -> None:
    visitor = visits(scripted=scripted)
    visitor.opens(officer.is_registered().link())
    visitor.language = "en"
    visitor.presses("English")
    assert officer.redemptions() == 0
    mother, school, car = IN_ENGLISH
    visitor.adds(mother, IN_ENGLISH[mother])
    visitor.page.get_by_label("Question", exact=True).select_option(label=school)
    visitor.types("Answer", IN_ENGLISH[school])

    visitor.language = "ms"
    visitor.presses("Bahasa Melayu")

    visitor.sees("1 daripada 3 soalan telah dipilih.")
    expect(visitor.page.get_by_role("row").filter(has_text="Nama Ibu?")).to_contain_text(IN_ENGLISH[mother])
    expect(visitor.page.get_by_label("Jawapan", exact=True)).to_have_value(IN_ENGLISH[school])
    visitor.presses("Tambah")
    visitor.language = "en"
    visitor.presses("English")
    visitor.sees("2 of 3 questions")
    visitor.adds(car, IN_ENGLISH[car])
    visitor.goes_on()
    visitor.sees("Set your password")
