"""A double click, the back button, a reload, a second window, a portal that dies: none does any harm."""

from typing import TYPE_CHECKING, cast

from playwright.sync_api import expect

from tests.browser.conftest import Visits, is_ready
from tests.browser.people import ANSWERS, PASSWORD, Officer
from tests.support.visitor import Visitor
from tests.support.world import World

if TYPE_CHECKING:
    from playwright._impl._api_structures import SetCookieParam


def test_a_double_click_counts_once(visits: Visits, officer: Officer) -> None:
    for scripted in (True, False):
        someone = Officer.new(officer.world)
        visitor = visits(scripted=scripted)
        visitor.opens(someone.is_registered().link())
        visitor.chooses(ANSWERS)

        double_clicks(visitor, "Seterusnya")
        visitor.sees("Tetapan Kata Laluan")
        visitor.types("Kata Laluan", PASSWORD)
        visitor.types("Ulang Kata Laluan", PASSWORD)
        double_clicks(visitor, "Selesai")

        visitor.sees("Tahniah")
        assert someone.state() == "active"
        assert someone.redemptions() == 1


def test_back_after_the_password_leads_to_the_last_page(visits: Visits, officer: Officer) -> None:
    visitor = visits()
    visitor.opens(officer.is_registered().link())
    visitor.chooses(ANSWERS)
    visitor.goes_on()
    visitor.goes_back()
    visitor.sees("Tetapan Kata Laluan")
    visitor.sets_password(PASSWORD)

    visitor.goes_back()
    visitor.sees("Tahniah")
    visitor.opens(officer.link())

    visitor.sees("Tahniah")
    assert officer.state() == "active"


def test_each_page_may_be_reloaded(visits: Visits, officer: Officer) -> None:
    for scripted in (True, False):
        someone = Officer.new(officer.world)
        visitor = visits(scripted=scripted)
        visitor.opens("/")
        visitor.reloads()
        visitor.opens(someone.is_registered().link())
        visitor.reloads()
        visitor.chooses(ANSWERS)
        visitor.goes_on()
        visitor.reloads()
        visitor.sets_password("terlalu-lemah")
        visitor.reloads()
        visitor.sets_password(PASSWORD)
        visitor.reloads()
        visitor.sees("Tahniah")


def test_who_would_lose_chosen_questions_by_a_reload_is_asked_first(visits: Visits, officer: Officer) -> None:
    visitor = visits()
    visitor.opens(officer.is_registered().link())
    first = next(iter(ANSWERS))
    visitor.adds(first, ANSWERS[first])

    with visitor.page.expect_event("dialog") as asked:
        visitor.page.evaluate("setTimeout(() => location.reload())")

    assert asked.value.type == "beforeunload"
    asked.value.dismiss()
    visitor.sees("1 daripada 3 soalan telah dipilih.")


def test_without_scripts_a_reload_keeps_the_chosen_questions(visits: Visits, officer: Officer) -> None:
    visitor = visits(scripted=False)
    visitor.opens(officer.is_registered().link())
    first = next(iter(ANSWERS))
    visitor.adds(first, ANSWERS[first])

    visitor.reloads()

    visitor.sees("1 daripada 3 soalan telah dipilih.")


def test_of_two_windows_with_two_passwords_the_first_counts(visits: Visits, officer: Officer) -> None:
    visitor = visits()
    visitor.opens(officer.is_registered().link())
    visitor.chooses(ANSWERS)
    visitor.goes_on()
    page = visitor.page.context.new_page()
    second = Visitor(page, visitor.portal_url, visitor.pictures / "second")
    second.opens("/account/activation/password")

    visitor.sets_password(PASSWORD)
    second.sets_password("Payung-Kuning-58")

    second.sees("Kata laluan lain telah ditetapkan")
    second.follows("Log Masuk")
    second.logs_in(officer.ic_number, "Payung-Kuning-58")
    second.sees("kata laluan tidak betul")
    second.logs_in(officer.ic_number, PASSWORD)
    second.sees("kata laluan anda betul")


def test_who_closes_the_browser_and_opens_it_again_goes_on(visits: Visits, officer: Officer) -> None:
    """Of what a browser holds only cookies with an expiry survive that."""
    visitor, later = visits(), visits()
    visitor.opens(officer.is_registered().link())
    visitor.chooses(ANSWERS)
    visitor.goes_on()
    kept = [cookie for cookie in visitor.page.context.cookies() if cookie["expires"] > 0]
    visitor.leaves()

    later.page.context.add_cookies([cast("SetCookieParam", cookie) for cookie in kept])
    later.opens("/account/activation")
    later.sees("Tetapan Kata Laluan")
    later.sets_password(PASSWORD)

    later.sees("Tahniah")


def test_a_portal_that_was_killed_and_started_again_knows_where_the_person_was(
    visits: Visits, officer: Officer, aktif: World
) -> None:
    visitor = visits()
    visitor.opens(officer.is_registered().link())
    visitor.chooses(ANSWERS)
    visitor.goes_on()

    aktif.kill("portal")
    aktif.start("portal")
    is_ready(aktif)
    visitor.sets_password(PASSWORD)

    visitor.sees("Tahniah")
    assert officer.state() == "active"


def double_clicks(visitor: Visitor, label: str) -> None:
    """Two clicks, as fast as a hand."""
    visitor.marks_page()
    visitor.button(label).dblclick()
    visitor.waits_for_another_page()
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Pengaktifan Akaun")
