"""A person at a browser, in plain words: opens, types, presses, follows, sees."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, expect

from tests.support.inspection import Record, inspect

_OLD = "data-seen"


@dataclass(frozen=True)
class Labels:
    """What fields and buttons are called."""

    ic_number: str = "No Kad Pengenalan"
    user_id: str = "Sila nyatakan ID Pengguna akaun anda"
    send: str = "Hantar"
    question: str = "Soalan"
    answer: str = "Jawapan"
    add: str = "Tambah"
    remove: str = "Padam"
    next: str = "Seterusnya"
    password: str = "Kata Laluan"
    repeat: str = "Ulang Kata Laluan"
    finish: str = "Selesai"
    log_in: str = "Log Masuk"


LABELS = {
    "ms": Labels(),
    "en": Labels(
        ic_number="Identity card number",
        user_id="Please give the user ID of your account",
        send="Send",
        question="Question",
        answer="Answer",
        add="Add",
        remove="Remove",
        next="Next",
        password="Password",
        repeat="Repeat password",
        finish="Finish",
        log_in="Log in",
    ),
}


@dataclass
class Visitor:
    """One browser with one window. Every page it meets is inspected, and kept as a picture unless there is one."""

    page: Page
    portal_url: str
    pictures: Path
    language: str = "ms"
    scripted: bool = True
    addresses: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.record = Record(self.page, self.portal_url)

    @property
    def path(self) -> str:
        """The path of the page that is shown."""
        return urlsplit(self.page.url).path

    @property
    def labels(self) -> Labels:
        """The labels in this person's language."""
        return LABELS[self.language]

    def opens(self, address: str) -> None:
        """Follows a link of a mail, or types a path."""
        self.page.goto(address if "://" in address else self.portal_url + address)
        self.looks()

    def reloads(self) -> None:
        """F5."""
        self.page.reload()
        self.looks()

    def goes_back(self) -> None:
        """The back button."""
        self.page.go_back()
        self.looks()

    def types(self, label: str, text: str) -> None:
        """Fills in a field."""
        self.page.get_by_label(label, exact=True).fill(text)

    def presses(self, label: str) -> None:
        """Presses a button, and waits for what comes of it."""
        self._meets_after(self.button(label).click)

    def follows(self, label: str) -> None:
        """Follows a link of the page."""
        self._meets_after(self.page.get_by_role("link", name=label, exact=True).click)

    def button(self, label: str) -> Locator:
        """A button by its label."""
        return self.page.get_by_role("button", name=label, exact=True)

    def sees(self, text: str) -> None:
        """Waits for a text on the page."""
        expect(self.page.locator("body")).to_contain_text(text)

    def sees_not(self, text: str) -> None:
        """A text is not on the page, or goes."""
        expect(self.page.locator("body")).not_to_contain_text(text)

    def reads(self) -> str:
        """All that the page says."""
        return self.page.locator("main").inner_text()

    def asks_for_mail(self, ic_number: str) -> None:
        """From the first page to the form of steps 2 and 3, filled in and sent."""
        self.opens("/")
        self.follows("di sini" if self.language == "ms" else "here")
        self.types(self.labels.user_id, ic_number)
        self.presses(self.labels.send)

    def adds(self, question: str, answer: str) -> None:
        """Picks a question, answers it, and presses Tambah."""
        self.page.get_by_label(self.labels.question, exact=True).select_option(label=question)
        self.types(self.labels.answer, answer)
        self.presses(self.labels.add)

    def chooses(self, answers: dict[str, str]) -> None:
        """Adds questions with their answers, and sees them in the list."""
        for question, answer in answers.items():
            self.adds(question, answer)
            expect(self.page.get_by_role("row").filter(has_text=question)).to_contain_text(answer)

    def removes(self, question: str) -> None:
        """Presses Padam at a question."""
        row = self.page.get_by_role("row").filter(has_text=question)
        self._meets_after(row.get_by_role("button", name=self.labels.remove).click)

    def goes_on(self) -> None:
        """Presses Seterusnya."""
        self.presses(self.labels.next)

    def sets_password(self, password: str, again: str | None = None) -> None:
        """Types a password twice, and presses Selesai."""
        self.types(self.labels.password, password)
        self.types(self.labels.repeat, password if again is None else again)
        self.presses(self.labels.finish)

    def logs_in(self, ic_number: str, password: str) -> None:
        """Fills in the first page, and sends it."""
        self.types(self.labels.ic_number, ic_number)
        self.types(self.labels.password, password)
        self.presses(self.labels.log_in)

    def looks(self) -> None:
        """Inspects the page that is shown."""
        self.page.wait_for_load_state()
        self.addresses.append(self.page.url)
        inspect(self.page, self.language, scripted=self.scripted, picture=self._picture())
        self.has_met_no_fault()

    def leaves(self) -> None:
        """Closes the browser, with a picture of what it showed last: where a test failed, it failed there."""
        if not self.page.is_closed():
            self.page.screenshot(path=self._picture("last"), full_page=True)
        self.page.context.close()

    def has_met_no_fault(self) -> None:
        """No error in the console, nothing asked of another host, no page without its protection."""
        assert not self.record.faults, self.record.faults

    def waits_for_another_page(self) -> None:
        """Waits until the content is not the one that was marked, and looks at it."""
        self.page.wait_for_selector(f"main:not([{_OLD}])")
        self.looks()

    def marks_page(self) -> None:
        """Marks the content, to tell it from the one that follows: a page may also change in its place."""
        self.page.locator("main").evaluate(f"main => main.setAttribute('{_OLD}', '')")

    def _picture(self, name: str = "") -> Path:
        name = name or re.sub(r"\W+", "-", self.path).strip("-") or "log-masuk"
        return self.pictures / f"{len(self.addresses):02}-{name}.png"

    def _meets_after(self, act: Callable[[], None]) -> None:
        self.marks_page()
        act()
        self.waits_for_another_page()
