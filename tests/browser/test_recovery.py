"""Lupa Kata Laluan."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.browser.people import ANSWERS, PASSWORD, Officer
from tests.support.registrations import ic_number
from tests.support.visitor import Visitor

NEW_PASSWORD = "Payung-Kuning-58"
WRONG = {**ANSWERS, "Nama Ibu?": "Ibu Bongsu"}


def test_who_forgot_the_password_answers_three_questions_and_sets_a_new_one(visits: Visits, officer: Officer) -> None:
    visitor = visits()
    asks(visitor, officer)
    visitor.sees("Anda boleh mencuba sebanyak 5 kali lagi.")

    answers(visitor, WRONG)
    visitor.sees("Baki percubaan: 4.")
    expect(visitor.page.locator("[data-summary]")).to_be_focused()
    visitor.reloads()
    answers(visitor, {question: f"  {answer.upper()} " for question, answer in ANSWERS.items()})
    visitor.sets_password(NEW_PASSWORD)
    visitor.sees("Kata laluan anda telah berjaya ditukar.")

    notice = officer.mailbox.waits_for_mail(4)
    assert "token=" not in notice.as_string()
    visitor.follows("Log Masuk")
    visitor.logs_in(officer.ic_number, PASSWORD)
    visitor.sees("No Kad Pengenalan atau kata laluan tidak betul.")
    expect(visitor.page.get_by_label("Kata Laluan", exact=True)).to_have_value("")
    visitor.logs_in(officer.ic_number, NEW_PASSWORD)
    visitor.sees("kata laluan anda betul")


def test_the_fifth_wrong_answer_ends_the_link_and_a_new_mail_goes_on(visits: Visits, officer: Officer) -> None:
    visitor = visits()
    asks(visitor, officer)

    for left in ("4.", "3.", "2.", "1."):
        answers(visitor, WRONG)
        visitor.sees(f"Baki percubaan: {left}")
    answers(visitor, WRONG)
    visitor.sees("Terlalu banyak jawapan yang salah")
    visitor.opens("/account/recovery/questions")
    visitor.sees("Terlalu banyak jawapan yang salah")

    visitor.follows("Mohon emel baharu")
    visitor.types("No Kad Pengenalan", officer.ic_number)
    visitor.presses("Hantar")
    visitor.opens(officer.link(4))
    answers(visitor, ANSWERS)
    visitor.sees("Tetapan Kata Laluan")


@pytest.mark.parametrize("scripted", [True, False], ids=["with-javascript", "without-javascript"])
def test_answers_left_blank_cost_no_try(visits: Visits, officer: Officer, scripted: bool) -> None:
    visitor = visits(scripted=scripted)
    asks(visitor, officer)
    mother, school, car = (visitor.page.get_by_label(question, exact=True) for question in ANSWERS)

    for _ in range(6):
        visitor.goes_on()
        visitor.sees("Anda boleh mencuba sebanyak 5 kali lagi.")
    school.fill("Sekolah Rendah")
    visitor.goes_on()

    expect(school).to_have_value("Sekolah Rendah")
    expect(school).not_to_have_attribute("aria-invalid", "true")
    for blank in (mother, car):
        expect(blank).to_have_attribute("aria-invalid", "true")
        expect(blank).to_have_accessible_description("Ralat: Masukkan jawapan.")
    visitor.page.get_by_role("link", name="Masukkan jawapan.").click()
    expect(mother).to_be_focused()
    answers(visitor, ANSWERS)
    visitor.sees("Tetapan Kata Laluan")


def test_recovery_needs_no_javascript(visits: Visits, officer: Officer) -> None:
    visitor = visits(scripted=False)
    asks(visitor, officer)

    answers(visitor, ANSWERS)
    visitor.sets_password(NEW_PASSWORD)

    visitor.sees("Kata laluan anda telah berjaya ditukar.")


def test_a_known_and_an_unknown_number_get_the_same_words(visits: Visits, officer: Officer) -> None:
    officer.is_registered()
    known, unknown = visits(), visits()

    for visitor, number in ((known, officer.ic_number), (unknown, ic_number(9_000_003))):
        visitor.opens("/account/recovery")
        visitor.types("No Kad Pengenalan", number)
        visitor.presses("Hantar")

    assert known.reads() == unknown.reads()


def test_a_recovery_link_without_cookies_says_what_to_do(visits: Visits) -> None:
    visitor = visits()

    visitor.opens("/account/recovery/questions")

    visitor.sees("Sila buka pautan dalam emel anda")
    visitor.follows("Mohon emel baharu")
    assert visitor.path == "/account/recovery"


def asks(visitor: Visitor, officer: Officer) -> None:
    """From the first page to the questions, through the mail."""
    officer.is_activated()
    visitor.opens("/")
    visitor.follows("Lupa Kata Laluan")
    visitor.types("No Kad Pengenalan", officer.ic_number)
    visitor.presses("Hantar")
    visitor.sees("Permintaan anda telah diterima")
    visitor.opens(officer.link(3))


def answers(visitor: Visitor, given: dict[str, str]) -> None:
    """Answers all three, and goes on."""
    for question, answer in given.items():
        visitor.types(question, answer)
    visitor.goes_on()
