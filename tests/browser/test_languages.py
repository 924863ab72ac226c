"""Malay first, English by the browser's language or by the switch."""

from tests.browser.conftest import Visits
from tests.browser.people import CODES, PASSWORD, Officer
from tests.support.visitor import Visitor

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

    switches(visitor, "English", "en")
    assert visitor.path == "/account/resend"
    visitor.follows("Back to log in")
    visitor.opens(officer.is_registered().link())
    assert visitor.path == "/account/activation"
    switches(visitor, "Bahasa Melayu", "ms")

    assert visitor.path == "/account/activation"
    assert visitor.page.url.endswith("/account/activation")
    visitor.sees(officer.ic_number)


def switches(visitor: Visitor, link: str, language: str) -> None:
    """Follows the switch."""
    visitor.language = language
    visitor.follows(link)
