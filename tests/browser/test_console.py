"""The console in a real browser: every page and every act, each page inspected and pictured."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from itertools import count
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
    kept = os.environ.get("AKTIF_TEST_SCREENSHOTS")
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
        "/ledger": "Ledger",
        "/ledger/mend": "mend",
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


def test_a_replay_is_cancelled_says_what_was_not_sent_and_goes_on_with_that(console: Console, comes: Comes) -> None:
    console.files(4, reason="database_error", first=700)
    console.files(2, reason="wrong_exchange", first=710)
    visitor = comes()
    visitor.opens("/letters/replay?type=ActivationRequested&since=1h&with_unsafe=1")
    visitor.looks()
    visitor.opens("/letters/replay?reason=database_error")
    visitor.types("Letters a second", "0.2")  # so that something is left when Cancel is pressed, on any machine
    visitor.types("Reason, for the audit", "baiki perlahan")
    visitor.presses("Replay")
    visitor.presses("Cancel")

    visitor.sees("not sent, free again.")
    visitor.looks()
    visitor.page.get_by_role("button", name="Resume with at most").click()
    visitor.sees("The replay goes on with")
    progress = visitor.page.locator("#progress")
    expect(progress).to_contain_text("4 of 4 letters have a result.", timeout=3 * _PATIENCE_MS)
    visitor.opens("/letters/replay?reason=database_error")
    visitor.sees("Nothing to replay")
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


def test_a_person_is_found_unmasked_and_mailed_again(console: Console, comes: Comes) -> None:
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
    visitor.reloads()
    visitor.sees("Resend: done")
    assert console.asks("SELECT count(*) FROM audit WHERE reason = 'tidak terima'") == [(1,)]


@pytest.mark.parametrize("size", [_WIDE, _PHONE], ids=["1280", "390"])
def test_what_the_ledger_finds_lost_is_mended_and_found_clean(
    console: Console, comes: Comes, size: tuple[int, int]
) -> None:
    visitor = comes(size=size)
    visitor.follows("Ledger")
    visitor.presses("Run now")
    last, a_run = visitor.page.locator("#last"), "Every caused event has exactly one fate"
    expect(last).to_contain_text(a_run, timeout=_PATIENCE_MS)  # by itself, while it is looked at
    with console.world.engine.begin() as connection:
        settled = "SELECT id FROM state_inbox WHERE type = 'aktif.MailSettled.v1' LIMIT 1"
        connection.exec_driver_sql(f"DELETE FROM state_inbox WHERE id = ({settled})")
    visitor.presses("Run now")
    expect(last).to_contain_text("1 event is lost", timeout=_PATIENCE_MS)
    visitor.looks()
    visitor.follows("Mend…")
    visitor.presses("Mend")  # without a reason
    expect(visitor.page.get_by_role("alert")).to_be_focused()
    visitor.types("Reason, for the audit", "baris gilir dikosongkan")
    visitor.presses("Mend")
    expect(last).to_contain_text("1 event was lost, and published again since", timeout=_PATIENCE_MS)
    visitor.looks()
    visitor.presses("Run now")

    expect(last).to_contain_text(a_run, timeout=_PATIENCE_MS)
    visitor.page.locator("[data-line]").last.click()
    visitor.looks()


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
    first, second = (page.locator("[data-line]").nth(index) for index in range(2))
    page.keyboard.press("Tab")
    page.keyboard.press("j")  # from no line it goes nowhere
    expect(page.get_by_text("Skip to content")).to_be_focused()
    for _ in range(100):
        page.keyboard.press("Tab")
        if first.evaluate("line => line === document.activeElement"):
            break
    page.keyboard.press("j")
    expect(second).to_be_focused()
    page.keyboard.press("k")
    expect(first).to_be_focused()
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
    expect(visitor.page.locator("#refresh")).to_have_text("Held while you choose or copy")
    box.uncheck()
    visitor.page.locator("h1").click()
    expect(visitor.page.locator("#refresh")).to_have_text("Live", timeout=_PATIENCE_MS)


def test_a_click_on_a_number_holds_nothing_up(console: Console, comes: Comes) -> None:
    visitor = comes()
    visitor.opens("/letters")
    causes = visitor.page.locator("#causes")
    before = causes.inner_text()
    causes.locator("td.n").first.click()

    console.dies()

    expect(causes).not_to_have_text(before, use_inner_text=True, timeout=_PATIENCE_MS)
    expect(causes.locator(".scroll")).to_be_focused()


def test_a_console_that_stands_still_is_not_called_live_and_not_asked_in_heaps(console: Console, comes: Comes) -> None:
    visitor = comes()
    visitor.opens("/")
    label, asked = visitor.page.locator("#refresh"), len(visitor.record.requests)
    process = console.world.running["console"]
    os.kill(process.pid, signal.SIGSTOP)
    try:
        expect(label).to_have_text("The console does not answer; what is shown is old.", timeout=_PATIENCE_MS)
        visitor.page.wait_for_timeout(6_000)  # more than a beat of the page's clock
        assert len(visitor.record.requests) - asked <= 2
    finally:
        os.kill(process.pid, signal.SIGCONT)

    expect(label).to_have_text("Live", timeout=_PATIENCE_MS)


@pytest.mark.parametrize(
    ("path", "label", "button", "done"),
    [
        ("/accounts/{account}", "Reason for mailing, for the audit", "Mail again", "Resend: done"),
        ("/letters/discard?letter={letter}", "Reason, for the audit", "Discard 1 letter", "Discarded 1 letter."),
    ],
    ids=["a page that lives", "a page that does not"],
)
def test_what_was_typed_outlives_the_session(
    console: Console, comes: Comes, path: str, label: str, button: str, done: str
) -> None:
    ((account,),) = console.asks("SELECT account_id FROM accounts LIMIT 1")
    (letter,) = console.dies()
    visitor = comes()
    visitor.opens(path.format(account=account, letter=letter))
    visitor.types(label, "ditulis lama sekali")
    with console.world.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM sessions")
    ended = visitor.page.locator("#ended")
    expect(ended).to_be_visible(timeout=_PATIENCE_MS)
    visitor.looks()
    with visitor.page.context.expect_page() as opened:
        ended.get_by_role("link").click()
    opened.value.get_by_label("Name").fill(OPERATOR)
    opened.value.get_by_label("Password").fill(PASSWORD)
    opened.value.get_by_role("button", name="Log in").click()
    opened.value.wait_for_url("**/")
    opened.value.close()
    expect(ended).to_be_hidden(timeout=_PATIENCE_MS)
    visitor.presses(button)

    visitor.sees(done)


def test_a_long_word_pushes_no_column_off_the_page(console: Console, comes: Comes) -> None:
    visitor = comes()
    visitor.opens("/letters")
    box = visitor.page.locator("#causes .scroll")
    width = box.evaluate("box => box.scrollWidth")
    with console.world.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO notes (fingerprint, note, who) "
            "SELECT DISTINCT fingerprint, repeat('x', 400), 'rahim' FROM letters"
        )
    visitor.opens("/letters")

    visitor.sees("xxxx")
    assert box.evaluate("box => box.scrollWidth") == width
