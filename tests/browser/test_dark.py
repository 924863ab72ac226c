"""For whoever has set the device to dark colours."""

from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.browser.people import ANSWERS, PASSWORD, Officer


def test_every_step_can_be_read_in_the_dark(visits: Visits, officer: Officer) -> None:
    """Each page that a visitor meets is given to axe, which measures the contrast; this one meets all kinds of them."""
    visitor = visits(dark=True)
    officer.is_registered(notify=False)

    visitor.asks_for_mail("1")
    expect(visitor.page.locator("body")).to_have_css("background-color", "rgb(16, 24, 29)")
    visitor.asks_for_mail(officer.ic_number)
    visitor.opens("/account/activation")
    visitor.opens(officer.link())
    first = next(iter(ANSWERS))
    visitor.adds(first, "")
    visitor.chooses(ANSWERS)
    visitor.goes_on()
    visitor.sets_password("lemah", again="berbeza")
    visitor.sets_password(PASSWORD)
    visitor.sees("Tahniah")
    visitor.follows("Log Masuk")
    visitor.logs_in(officer.ic_number, PASSWORD)
    visitor.sees("kata laluan anda betul")
