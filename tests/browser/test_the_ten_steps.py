"""The guide's ten steps, from Log Masuk to Log Masuk, in a real browser."""

import pytest
from playwright.sync_api import expect

from shared.credentials import PASSWORD_RULES
from tests.browser.conftest import Visits
from tests.browser.people import ANSWERS, PASSWORD, Officer
from tests.support.visitor import Visitor

DONE = "Tahniah. Akaun anda telah berjaya diaktifkan. Anda boleh log masuk ke sistem."


def walks(visitor: Visitor, officer: Officer) -> None:
    """All ten steps, and what the guide shows at each."""
    officer.is_registered(notify=False)

    visitor.opens("/")
    visitor.sees("Sekiranya anda telah membuat pendaftaran dan tidak menerima emel pengaktifan, sila klik di sini")
    visitor.asks_for_mail(officer.ic_number)
    visitor.sees("2 hingga 5 minit")

    visitor.opens(officer.link())
    for shown in (officer.ic_number, f"PEGAWAI CONTOH {officer.number}", "13/07/2020 10:45:50 AM"):
        visitor.sees(shown)
    visitor.sees("Anda perlu memilih TIGA(3) soalan keselamatan dibawah")
    visitor.chooses(ANSWERS)
    visitor.goes_on()

    visitor.sees("Kata laluan anda tidak menepati syarat-syarat berikut :")
    for rule in PASSWORD_RULES:
        visitor.sees(rule.malay)
    visitor.sets_password(PASSWORD)

    visitor.sees(DONE)
    assert officer.state() == "active"
    visitor.follows("Log Masuk")
    visitor.logs_in(officer.ic_number, PASSWORD)
    visitor.sees("kata laluan anda betul")


def test_the_ten_steps_lead_from_the_first_page_to_an_active_account(visits: Visits, officer: Officer) -> None:
    walks(visits(), officer)


def test_the_ten_steps_fit_on_a_phone(visits: Visits, officer: Officer) -> None:
    walks(visits(width=360, height=740), officer)


def test_the_ten_steps_need_no_javascript(visits: Visits, officer: Officer) -> None:
    visitor = visits(scripted=False)

    walks(visitor, officer)

    assert not any(request.url.endswith(".js") for request in visitor.record.requests)


@pytest.mark.parametrize("scripted", [True, False], ids=["with-javascript", "without-javascript"])
def test_questions_are_added_and_removed_in_any_order(visits: Visits, officer: Officer, scripted: bool) -> None:
    visitor = visits(scripted=scripted)
    first, second, third = ANSWERS
    officer.is_registered()
    visitor.opens(officer.link())

    visitor.chooses({first: "Ibu Sulung", second: "Sekolah Rendah"})
    visitor.removes(first)
    visitor.chooses({third: "Kereta Kecil", first: "Ibu Bongsu"})

    rows = visitor.page.get_by_role("row").filter(has=visitor.page.get_by_role("button"))
    expect(rows).to_contain_text([second, third, first])
    expect(visitor.button("Tambah")).to_have_count(0)
    visitor.removes(third)
    visitor.chooses({third: "Kereta Besar"})
    visitor.goes_on()
    visitor.sees("Tetapan Kata Laluan")


def test_what_is_wrong_with_an_answer_is_told_and_nothing_typed_is_lost(visits: Visits, officer: Officer) -> None:
    visitor = visits()
    first, second, _ = ANSWERS
    officer.is_registered()
    visitor.opens(officer.link())
    visitor.chooses({first: "Ibu Sulung"})

    for answer, refusal in {
        "": "Masukkan jawapan.",
        "a": "Jawapan terlalu pendek.",
        "  ibu   SULUNG ": "Jawapan itu telah digunakan untuk soalan lain.",
        officer.ic_number: "Jawapan tidak boleh sama dengan No Kad Pengenalan anda.",
        f"pegawai contoh {officer.number}": "Jawapan tidak boleh sama dengan nama anda.",
    }.items():
        visitor.adds(second, answer)
        visitor.sees(refusal)
        expect(visitor.page.get_by_label("Jawapan", exact=True)).to_have_value(answer)
        expect(visitor.page.locator("[data-summary]")).to_be_focused()
    visitor.goes_on()
    visitor.sees("Terdapat masalah")
    expect(visitor.page.get_by_role("row").filter(has_text="Ibu Sulung")).to_have_count(1)


def test_going_on_with_fewer_than_three_questions_is_refused(visits: Visits, officer: Officer) -> None:
    visitor = visits()
    officer.is_registered()
    visitor.opens(officer.link())

    visitor.goes_on()

    visitor.sees("Anda perlu memilih tiga soalan keselamatan")
    assert visitor.page.title().startswith("Ralat:")
