"""The console in a real browser: every page and every act, each page inspected and pictured."""

import re
from collections.abc import Callable, Iterator
from itertools import count
from os import environ
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from services.cli.servers.ladder import Servers
from tests.support.console import OPERATOR, PASSWORD, VIEWER, Console, console_on, registered
from tests.support.visitor import Visitor
from tests.support.waiting import eventually

Comes = Callable[..., Visitor]
_PATIENCE_MS = 20_000
_WIDE, _PHONE = (1280, 800), (390, 844)


@pytest.fixture(scope="module")
def console(browser: Browser, session_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """All of Aktif with a console, some people, and dead letters of two causes."""
    del browser  # where there is none, nothing else need be started
    with console_on(session_servers, tmp_path_factory.mktemp("console")) as found:
        found.publishes([registered(ic_number=f"85060606{number:04}") for number in range(3)])
        found.dies(6)
        found.files(4)
        accepted = "SELECT count(*) FROM mails WHERE result = 'accepted'"
        eventually("all are mailed", lambda: found.asks(accepted) == [(3,)])
        yield found


@pytest.fixture
def comes(browser: Browser, console: Console, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Comes]:
    """Opens fresh browsers with somebody logged in; says at the end of the test what each has met."""
    kept = environ.get("AKTIF_TEST_SCREENSHOTS")
    folder = Path(kept).resolve() / re.sub(r"\W+", "-", request.node.name).strip("-") if kept else tmp_path
    visitors, numbers = list[Visitor](), count(1)

    def come(name: str = OPERATOR, size: tuple[int, int] = _WIDE, *, scripted: bool = True) -> Visitor:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, java_script_enabled=scripted)
        context.set_default_timeout(_PATIENCE_MS)
        pictures = folder / f"browser-{next(numbers)}"
        visitor = Visitor(context.new_page(), console.url, pictures, "en", scripted)
        visitors.append(visitor)
        visitor.opens("/login")
        visitor.types("Name", name)
        visitor.types("Password", PASSWORD)
        visitor.presses("Log in")
        return visitor

    yield come
    for visitor in visitors:
        visitor.leaves()
    for visitor in visitors:
        visitor.has_met_no_fault()


@pytest.mark.parametrize(
    ("size", "scripted"), [(_WIDE, True), (_PHONE, True), (_WIDE, False)], ids=["1280", "390", "no scripts"]
)
def test_every_page_can_be_read(console: Console, comes: Comes, size: tuple[int, int], scripted: bool) -> None:
    ((account,),) = console.asks("SELECT account_id FROM accounts LIMIT 1")
    ((letter,),) = console.asks("SELECT max(letter_id) FROM letters")
    visitor = comes(size=size, scripted=scripted)

    for path, heading in {
        "/": "Board",
        "/letters": "Dead letters",
        "/letters?status=open&since=1d": "Dead letters",
        f"/letters/{letter}": f"Letter {letter}",
        "/letters/replay?status=open": "Replay",
        "/letters/discard?status=open": "Discard",
        "/replays": "Replays",
        "/accounts": "Accounts",
        f"/accounts/{account}": "Account",
        "/mails": "Mails",
        "/mails/resend?result=failed": "Mail",
        "/audit": "Audit",
    }.items():
        visitor.opens(path)
        expect(visitor.page.get_by_role("heading", level=1)).to_contain_text(heading)


def test_a_viewer_reads_and_has_no_button_but_to_search_and_leave(comes: Comes) -> None:
    visitor = comes(VIEWER)
    visitor.follows("Dead letters")
    visitor.page.locator("[data-line]").first.click()
    visitor.looks()

    assert visitor.page.get_by_role("button").all_inner_texts() == ["Log out"]
    visitor.presses("Log out")
    visitor.sees("People are added by")


def test_letters_are_replayed_from_their_cause_to_their_result(comes: Comes) -> None:
    visitor = comes()
    visitor.opens("/letters?reason=internal_error")
    visitor.page.get_by_role("link", name="internal error").first.click()
    visitor.looks()
    visitor.follows("Replay all that match…")
    visitor.types("Reason, for the audit", "baiki selesai")
    visitor.presses("Replay")

    visitor.sees("The replay has begun.")
    visitor.sees("4 of 4 letters have a result.")  # by itself, while it is looked at
    visitor.looks()


def test_chosen_letters_are_counted_and_discarded(comes: Comes) -> None:
    visitor = comes()
    visitor.opens("/letters?reason=bad_ic_number&status=open")
    for box in visitor.page.locator("[name=letter]").all()[:2]:
        box.check()
    visitor.sees("Discard chosen… (2)")
    visitor.presses("Discard chosen… (2)")
    visitor.presses("Discard 2 letters")  # without a reason
    expect(visitor.page.get_by_role("alert")).to_be_focused()
    visitor.types("Reason, for the audit", "diselesaikan oleh HR")
    visitor.presses("Discard 2 letters")

    visitor.sees("Discarded 2 letters.")
    assert "reason=bad_ic_number" in visitor.page.url
    expect(visitor.page.locator("[name=letter]")).to_have_count(4)


def test_a_letter_is_corrected_field_by_field_and_registered(console: Console, comes: Comes) -> None:
    (letter,) = console.dies(ic_number="859901060606")
    visitor = comes()
    visitor.opens(f"/letters/{letter}")
    visitor.types("Reason for correcting, for the audit", "disahkan dengan HR")
    visitor.presses("Correct and register…")
    visitor.presses("Register")
    visitor.sees("There is a problem")
    expect(visitor.page.get_by_label("IC number")).to_have_attribute("aria-invalid", "true")
    visitor.types("IC number", "850106060606")
    visitor.presses("Register")

    visitor.sees("The corrected registration is published")
    visitor.sees("applied registered")
    visitor.looks()


def test_a_person_is_found_unmasked_and_mailed_again(comes: Comes) -> None:
    visitor = comes()
    visitor.follows("Accounts")
    visitor.types("IC number, email or name", "850606-06-0001")
    visitor.presses("Search")
    visitor.page.locator("[data-line]").first.click()
    visitor.looks()
    visitor.sees_not("850606-06-0001")
    visitor.types("Reason for looking, for the audit", "panggilan telefon")
    visitor.presses("Show in clear")
    visitor.sees("850606-06-0001")
    visitor.types("Reason for mailing, for the audit", "tidak terima")
    visitor.presses("Mail again")

    visitor.sees("Resend: done")
    visitor.sees_not("850606-06-0001")


def test_the_board_goes_on_by_itself_and_rests_while_nobody_looks(console: Console, comes: Comes) -> None:
    visitor = comes()
    visitor.opens("/")
    page = visitor.page
    before = console.world.count("SELECT count(*) FROM letters WHERE true")
    open_now = page.locator("#wrongs strong").last.inner_text()

    console.dies()

    expect(page.locator("#wrongs strong").last).not_to_have_text(open_now, timeout=_PATIENCE_MS)
    assert console.world.count("SELECT count(*) FROM letters WHERE true") == before + 1
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => true})")
    asked = len(visitor.record.requests)
    page.wait_for_timeout(6_000)  # more than a beat of the page's clock, in which nothing may happen
    assert len(visitor.record.requests) == asked


def test_the_console_is_used_from_the_keyboard_alone(comes: Comes) -> None:
    visitor = comes()
    visitor.opens("/letters")
    page = visitor.page
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to content")).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("j")
    second = page.locator("[data-line]").nth(1)
    expect(second).to_be_focused()
    page.keyboard.press("k")
    expect(page.locator("[data-line]").first).to_be_focused()
    visitor.marks_page()
    page.keyboard.press("Enter")
    visitor.waits_for_another_page()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Letter ")


def test_what_is_being_chosen_is_not_refreshed_away(console: Console, comes: Comes) -> None:
    visitor = comes()
    visitor.opens("/letters")
    box = visitor.page.locator("[name=letter]").first
    box.check()
    console.dies()
    for _ in range(2):
        with visitor.page.expect_response(lambda answer: "/letters" in answer.url):
            pass

    expect(box).to_be_checked()
