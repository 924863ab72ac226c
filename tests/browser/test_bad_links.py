"""Links that lead no further: each has its own page, and the next step stands on it."""

from collections.abc import Callable

import httpx
import pytest

from tests.browser.conftest import Visits
from tests.browser.people import ANSWERS, PASSWORD, Officer
from tests.support.visitor import Visitor
from tests.support.waiting import eventually

FIRST, *_ = ANSWERS
NEW_MAIL = "Mohon emel pengaktifan baharu"


def expired(visits: Visits, officer: Officer) -> Visitor:
    """The mail is 31 minutes old."""
    link = officer.is_registered().link()
    officer.half_an_hour_passes()
    return opened(visits, link)


def superseded(visits: Visits, officer: Officer) -> Visitor:
    """HR has corrected the address."""
    link = officer.is_registered().link()
    officer.is_registered(email=f"baharu.{officer.number}@example.gov.my")
    visitor = visits()
    eventually("the newer mail is sent", lambda: "Emel yang lebih baharu dihantar" in said_of(link))
    visitor.opens(link)
    return visitor


def elsewhere(visits: Visits, officer: Officer) -> Visitor:
    """Another browser has begun."""
    link = officer.is_registered().link()
    begun(visits, link)
    return opened(visits, link)


def active(visits: Visits, officer: Officer) -> Visitor:
    """All was done in another browser."""
    return opened(visits, officer.is_activated().link())


def withdrawn(visits: Visits, officer: Officer) -> Visitor:
    """HR has taken the registration back."""
    link = officer.is_registered().link()
    officer.is_withdrawn()
    return opened(visits, link)


def cut_off(visits: Visits, officer: Officer) -> Visitor:
    """The mail program broke the line."""
    return opened(visits, officer.is_registered().link()[:-3])


def altered(visits: Visits, officer: Officer) -> Visitor:
    """Somebody guesses."""
    link = officer.is_registered().link()
    return opened(visits, link[:-1] + ("A" if link[-1] != "A" else "B"))


def without_link(visits: Visits, _: Officer) -> Visitor:
    """Typed by hand, or cookies are refused."""
    return opened(visits, "/account/activation")


def over(visits: Visits, officer: Officer) -> Visitor:
    """Begun 31 minutes ago."""
    visitor = begun(visits, officer.is_registered().link())
    officer.half_an_hour_passes()
    visitor.reloads()
    return visitor


Reached = Callable[[Visits, Officer], Visitor]
CASES: dict[Reached, tuple[str, str, str]] = {
    expired: ("Pautan ini telah tamat tempoh", NEW_MAIL, "Emel Pengaktifan Akaun"),
    superseded: ("Emel yang lebih baharu telah dihantar", NEW_MAIL, "Emel Pengaktifan Akaun"),
    elsewhere: ("Pautan ini telah dibuka dalam pelayar lain", NEW_MAIL, "Emel Pengaktifan Akaun"),
    active: ("Akaun anda sudah aktif", "Log Masuk", "Log Masuk"),
    withdrawn: ("Pendaftaran ini telah ditarik balik", "Kembali Ke Log Masuk", "Log Masuk"),
    cut_off: ("Pautan ini tidak lengkap", NEW_MAIL, "Emel Pengaktifan Akaun"),
    altered: ("Pautan ini tidak lengkap", NEW_MAIL, "Emel Pengaktifan Akaun"),
    without_link: ("Sila buka pautan dalam emel anda", NEW_MAIL, "Emel Pengaktifan Akaun"),
    over: ("Masa anda telah tamat", NEW_MAIL, "Emel Pengaktifan Akaun"),
}


@pytest.mark.parametrize("reached", CASES, ids=lambda reached: reached.__name__)
def test_a_link_that_leads_no_further_says_why_and_what_to_do(
    visits: Visits, officer: Officer, reached: Reached
) -> None:
    title, next_step, leads_to = CASES[reached]

    visitor = reached(visits, officer)

    assert heading(visitor) == title
    assert visitor.page.title().startswith(title)
    assert officer.ic_number not in visitor.reads()
    visitor.follows(next_step)
    assert heading(visitor) == leads_to


def test_who_comes_too_late_asks_for_a_new_mail_and_goes_on(visits: Visits, officer: Officer) -> None:
    visitor = expired(visits, officer)

    visitor.follows(NEW_MAIL)
    visitor.types(visitor.labels.user_id, officer.ic_number)
    visitor.presses("Hantar")
    visitor.opens(officer.link(2))
    visitor.chooses(ANSWERS)
    visitor.goes_on()

    visitor.sees("Tetapan Kata Laluan")


def test_a_link_that_ends_while_the_form_is_open_says_so_at_the_first_press(visits: Visits, officer: Officer) -> None:
    visitor = opened(visits, officer.is_registered().link())
    officer.half_an_hour_passes()

    visitor.adds(FIRST, "Ibu Sulung")

    assert heading(visitor) == "Pautan ini telah tamat tempoh"
    visitor.follows(NEW_MAIL)


def test_a_withdrawal_while_the_password_is_typed_is_told(visits: Visits, officer: Officer) -> None:
    visitor = opened(visits, officer.is_registered().link())
    visitor.chooses(ANSWERS)
    visitor.goes_on()
    officer.is_withdrawn()

    visitor.sets_password(PASSWORD)

    assert heading(visitor) == "Pendaftaran ini telah ditarik balik"


def test_two_browsers_race_for_one_link_and_one_of_them_wins(visits: Visits, officer: Officer) -> None:
    link = officer.is_registered().link()
    racers = [opened(visits, link), opened(visits, link)]

    for racer in racers:
        racer.marks_page()
        racer.page.get_by_label("Soalan", exact=True).select_option(label=FIRST)
        racer.types("Jawapan", "Ibu Sulung")
    for racer in racers:
        racer.page.evaluate("() => { setTimeout(() => document.querySelector('#add').click()) }")
    for racer in racers:
        racer.waits_for_another_page()

    lost = [racer for racer in racers if heading(racer) == "Pautan ini telah dibuka dalam pelayar lain"]
    assert len(lost) == 1
    (winner,) = (racer for racer in racers if racer not in lost)
    winner.sees("1 daripada 3 soalan telah dipilih.")
    assert officer.redemptions() == 1


def test_mail_scanners_may_fetch_a_link_as_often_as_they_like(visits: Visits, officer: Officer) -> None:
    link = officer.is_registered().link()

    for _ in range(20):
        assert said_of(link)
    scanner = opened(visits, link)
    scanner.page.context.close()

    assert officer.redemptions() == 0
    assert officer.state() == "registered"
    begun(visits, link).sees("1 daripada 3 soalan telah dipilih.")


def test_a_form_of_another_browser_is_refused(visits: Visits) -> None:
    visitor = opened(visits, "/account/resend")
    visitor.page.context.clear_cookies()

    visitor.types(visitor.labels.user_id, "850101030007")
    visitor.presses("Hantar")

    assert heading(visitor) == "Borang ini tidak sah lagi"
    visitor.follows("Kembali Ke Log Masuk")


def test_a_page_that_is_not_there_leads_back(visits: Visits) -> None:
    visitor = opened(visits, "/account/tiada")

    assert heading(visitor) == "Halaman tidak ditemui"
    visitor.follows("Kembali Ke Log Masuk")
    assert visitor.path == "/"


def opened(visits: Visits, link: str) -> Visitor:
    """A fresh browser that opened a link."""
    visitor = visits()
    visitor.opens(link)
    return visitor


def begun(visits: Visits, link: str) -> Visitor:
    """A browser that holds the link for itself."""
    visitor = opened(visits, link)
    visitor.adds(FIRST, "Ibu Sulung")
    return visitor


def heading(visitor: Visitor) -> str:
    """What the page is called."""
    return visitor.page.get_by_role("heading", level=1).inner_text()


def said_of(link: str) -> str:
    """What a program without cookies of its own gets to read behind a link."""
    with httpx.Client(follow_redirects=True, headers={"Accept-Language": "ms"}) as client:
        return client.get(link).text
