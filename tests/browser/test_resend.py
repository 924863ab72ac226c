"""Steps 2 to 5: asking for the mail again."""

from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.browser.people import Officer
from tests.support.registrations import ic_number

NOBODY = ic_number(9_000_001)


def test_a_known_and_an_unknown_number_are_answered_with_the_same_words(visits: Visits, officer: Officer) -> None:
    officer.is_registered(notify=False)
    known, unknown = visits(), visits()

    known.asks_for_mail(officer.ic_number)
    unknown.asks_for_mail(NOBODY)

    assert known.reads() == unknown.reads()
    assert known.page.url == unknown.page.url
    known.opens(officer.link())
    known.sees(officer.ic_number)


def test_a_number_may_be_typed_with_dashes(visits: Visits, officer: Officer) -> None:
    officer.is_registered(notify=False)
    visitor = visits()
    digits = officer.ic_number

    visitor.asks_for_mail(f"{digits[:6]}-{digits[6:8]}-{digits[8:]}")

    officer.mailbox.waits_for_mail()


def test_a_malformed_number_is_told_at_once_and_stays_in_its_field(visits: Visits) -> None:
    visitor = visits()

    visitor.asks_for_mail("851301030007")

    field = visitor.page.get_by_label(visitor.labels.user_id, exact=True)
    visitor.sees("No Kad Pengenalan tidak sah.")
    expect(field).to_have_value("851301030007")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(visitor.page.locator("[data-summary]")).to_be_focused()
    assert visitor.page.title().startswith("Ralat:")
    assert visitor.path == "/account/resend"


def test_the_notice_says_how_to_ask_again_and_the_way_back(visits: Visits) -> None:
    visitor = visits()
    visitor.asks_for_mail(NOBODY)

    visitor.reloads()
    visitor.follows("mohon sekali lagi")
    assert visitor.path == "/account/resend"

    visitor.follows("Kembali Ke Log Masuk")
    assert visitor.path == "/"


def test_who_asks_too_often_is_told_when_to_come_back(visits: Visits) -> None:
    visitor = visits()
    for _ in range(5):
        visitor.asks_for_mail(ic_number(9_000_002))

    visitor.asks_for_mail(ic_number(9_000_002))

    visitor.sees("Terlalu banyak percubaan. Sila cuba lagi selepas 15 minit.")
