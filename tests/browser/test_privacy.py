"""What a browser keeps, and what it tells: neither token nor IC number in an address or a Referer."""

from tests.browser.conftest import Visits
from tests.browser.people import ANSWERS, PASSWORD, Officer


def test_neither_token_nor_number_stands_in_an_address_or_a_referer(visits: Visits, officer: Officer) -> None:
    visitor = visits()
    link = officer.is_registered().link()
    token = link.partition("token=")[2]

    visitor.opens(link)
    visitor.chooses(ANSWERS)
    visitor.goes_on()
    visitor.sets_password(PASSWORD)
    visitor.follows("Log Masuk")
    visitor.logs_in(officer.ic_number, PASSWORD)

    asked = [request.url for request in visitor.record.requests]
    assert [url for url in asked if token in url] == [link]
    assert not [url for url in [*asked, *visitor.addresses] if officer.ic_number in url]
    assert not [url for url in visitor.addresses if "?" in url]
    assert not any(request.all_headers().get("referer") for request in visitor.record.requests)
    log = officer.world.log_of("portal")
    assert token not in log
    assert officer.ic_number not in log


def test_scripts_cannot_read_our_cookies_and_other_sites_cannot_send_them(visits: Visits, officer: Officer) -> None:
    visitor = visits()
    visitor.opens(officer.is_registered().link())
    visitor.language = "en"
    visitor.presses("English")

    cookies = visitor.page.context.cookies()

    assert {cookie["name"] for cookie in cookies} == {"aktif", "aktif-activation", "aktif-language"}
    assert all(cookie["httpOnly"] and cookie["sameSite"] == "Lax" for cookie in cookies)
    assert all(cookie["expires"] > 0 for cookie in cookies), "a telephone may end the browser at any time"
    assert visitor.page.evaluate("document.cookie") == ""


def test_no_password_is_filled_in_again(visits: Visits, officer: Officer) -> None:
    visitor = visits()
    visitor.opens("/")

    visitor.logs_in(officer.ic_number, PASSWORD)

    assert PASSWORD not in visitor.page.content()
    visitor.reloads()
    assert PASSWORD not in visitor.page.content()
