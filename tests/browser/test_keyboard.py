"""All of it with Tab, Enter and typing."""

from playwright.sync_api import Locator, expect

from tests.browser.conftest import Visits
from tests.browser.people import ANSWERS, PASSWORD, Officer
from tests.support.visitor import Visitor

_MOST_TABS = 40


def test_the_ten_steps_need_no_mouse(visits: Visits, officer: Officer) -> None:
    officer.is_registered(notify=False)
    visitor = visits()
    page = visitor.page
    field = page.get_by_label

    visitor.opens("/")
    enters(visitor, page.get_by_role("link", name="di sini"))
    types_into(visitor, field(visitor.labels.user_id, exact=True), officer.ic_number)
    enters(visitor)
    visitor.opens(officer.link())
    for question, answer in ANSWERS.items():
        types_into(visitor, field("Soalan", exact=True), question[:12])
        types_into(visitor, field("Jawapan", exact=True), answer)
        enters(visitor)
    expect(visitor.button("Seterusnya")).to_be_focused()
    enters(visitor)
    types_into(visitor, field("Kata Laluan", exact=True), PASSWORD)
    types_into(visitor, field("Ulang Kata Laluan", exact=True), PASSWORD)
    enters(visitor)
    visitor.sees("Tahniah")
    enters(visitor, page.get_by_role("link", name="Log Masuk"))
    types_into(visitor, field("No Kad Pengenalan", exact=True), officer.ic_number)
    types_into(visitor, field("Kata Laluan", exact=True), PASSWORD)
    enters(visitor)

    visitor.sees("kata laluan anda betul")
    assert officer.state() == "active"


def test_the_first_tab_skips_to_the_content(visits: Visits) -> None:
    visitor = visits()
    visitor.opens("/")

    visitor.page.keyboard.press("Tab")
    expect(visitor.page.get_by_role("link", name="Langkau ke kandungan")).to_be_focused()
    visitor.looks()
    visitor.page.keyboard.press("Enter")
    visitor.page.keyboard.press("Tab")

    expect(visitor.page.get_by_label("No Kad Pengenalan", exact=True)).to_be_focused()


def test_after_an_error_the_summary_has_the_focus_and_leads_to_the_field(visits: Visits) -> None:
    visitor = visits()
    visitor.opens("/")

    types_into(visitor, visitor.page.get_by_label("No Kad Pengenalan", exact=True), "1234")
    enters(visitor)

    expect(visitor.page.locator("[data-summary]")).to_be_focused()
    visitor.page.keyboard.press("Tab")
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.get_by_label("No Kad Pengenalan", exact=True)).to_be_focused()


def tabs_to(visitor: Visitor, target: Locator) -> None:
    """Presses Tab until something has the focus."""
    for _ in range(_MOST_TABS):
        if target.evaluate("element => element === document.activeElement"):
            return
        visitor.page.keyboard.press("Tab")
    raise AssertionError(f"{_MOST_TABS} times Tab did not lead to {target}")


def types_into(visitor: Visitor, target: Locator, text: str) -> None:
    """Reaches a field by Tab, and types."""
    tabs_to(visitor, target)
    visitor.page.keyboard.type(text)


def enters(visitor: Visitor, target: Locator | None = None) -> None:
    """Presses Enter, on something or where the focus is, and waits for what comes of it."""
    if target is not None:
        tabs_to(visitor, target)
    visitor.marks_page()
    visitor.page.keyboard.press("Enter")
    visitor.waits_for_another_page()
