"""Step 9: the rules turn as one types, and what is refused is refused with its reason."""

from playwright.sync_api import Locator, expect

from tests.browser.conftest import Visits
from tests.browser.people import ANSWERS, PASSWORD, Officer
from tests.support.visitor import Visitor

ANSWER_LIKE_A_PASSWORD = "Sungai-Hijau-93"


def test_each_rule_turns_as_one_types(visits: Visits, officer: Officer) -> None:
    visitor = at_password(visits(), officer)
    field = visitor.page.get_by_label("Kata Laluan", exact=True)
    expect(unmet(visitor)).to_have_count(5)

    for typed, still_unmet in {"basi": 4, "basiB": 3, "basiB-": 2, "basiB-7": 1}.items():
        field.fill("")
        field.press_sequentially(typed)
        expect(unmet(visitor)).to_have_count(still_unmet)
    field.press_sequentially("ungu7")
    expect(unmet(visitor)).to_have_count(0)
    visitor.sees("Kata laluan anda menepati semua syarat berikut")
    field.press("Backspace")
    expect(unmet(visitor)).to_contain_text(["Panjang aksara mesti tidak kurang daripada 12. (belum dipenuhi)"])

    visitor.looks()


def test_after_an_error_the_rules_say_what_the_summary_says_until_something_is_typed(
    visits: Visits, officer: Officer
) -> None:
    visitor = at_password(visits(), officer)
    field = visitor.page.get_by_label("Kata Laluan", exact=True)

    visitor.sets_password("hanya-huruf-kecil")

    failed = ["Mesti mengandungi aksara berhuruf besar.", "Mesti mengandungi aksara bermomor."]
    expect(visitor.page.locator("[data-summary] li")).to_contain_text(failed)
    expect(unmet(visitor)).to_contain_text(failed)
    expect(unmet(visitor)).to_have_count(len(failed))
    field.press_sequentially("A")
    expect(unmet(visitor)).to_have_count(4)


def test_the_repeat_says_whether_it_is_the_same(visits: Visits, officer: Officer) -> None:
    visitor = at_password(visits(), officer)

    visitor.types("Kata Laluan", PASSWORD)
    visitor.types("Ulang Kata Laluan", PASSWORD + "x")
    visitor.sees("Kedua-dua kata laluan tidak sama.")
    visitor.types("Ulang Kata Laluan", PASSWORD)
    visitor.sees("Kedua-dua kata laluan sama.")
    visitor.looks()
    visitor.sets_password(PASSWORD, again=PASSWORD + "x")

    visitor.sees("Kedua-dua kata laluan tidak sama. Sila taip semula.")
    expect(visitor.page.locator("[data-summary]")).to_be_focused()
    expect(visitor.page.get_by_label("Kata Laluan", exact=True)).to_have_value("")
    assert officer.state() == "questions_set"


def test_the_password_can_be_shown_and_pasted(visits: Visits, officer: Officer) -> None:
    visitor = at_password(visits(), officer)
    first, second = (visitor.page.get_by_label(label, exact=True) for label in ("Kata Laluan", "Ulang Kata Laluan"))

    visitor.page.get_by_label("Tunjuk Kata Laluan", exact=True).check()
    expect(first).to_have_attribute("type", "text")
    expect(second).to_have_attribute("type", "text")
    first.fill(PASSWORD)
    first.press("Control+a")
    first.press("Control+c")
    second.press("Control+v")
    expect(second).to_have_value(PASSWORD)
    visitor.looks()
    visitor.page.get_by_label("Tunjuk Kata Laluan", exact=True).uncheck()
    expect(first).to_have_attribute("type", "password")
    visitor.presses("Selesai")

    visitor.sees("Tahniah")


def test_what_others_would_guess_is_refused_with_the_reason(visits: Visits, officer: Officer) -> None:
    questions = list(ANSWERS)
    chosen = {**ANSWERS, questions[2]: ANSWER_LIKE_A_PASSWORD}
    visitor = at_password(visits(), officer, chosen)

    for password, reason in {
        "Kurang-1": "Panjang aksara mesti tidak kurang daripada 12.",
        f"Nombor-{officer.ic_number}": "Kata laluan tidak boleh mengandungi No Kad Pengenalan anda.",
        f"Lahir-{officer.ic_number[:6]}-Ya": "Kata laluan tidak boleh mengandungi tarikh lahir anda.",
        "Pegawai-Biru-99": "sebahagian daripada nama anda: “PEGAWAI”",
        "Password1234!": "terlalu biasa digunakan",
        "SUNGAI-hijau-93": "Kata laluan tidak boleh sama dengan jawapan soalan keselamatan anda.",
        "Aa1-" + "panjang" * 20: "Panjang aksara mesti tidak lebih daripada 128.",
    }.items():
        visitor.sets_password(password)
        visitor.sees("Terdapat masalah")
        visitor.sees(reason)
        expect(visitor.page.locator("[data-summary]")).to_contain_text(reason)
    assert officer.state() == "questions_set"

    visitor.sets_password(PASSWORD)
    visitor.sees("Tahniah")


def test_without_javascript_the_rules_are_told_after_sending(visits: Visits, officer: Officer) -> None:
    visitor = at_password(visits(scripted=False), officer)
    expect(visitor.page.get_by_label("Tunjuk Kata Laluan", exact=True)).to_be_hidden()

    visitor.sets_password("hanya-huruf-kecil")

    expect(unmet(visitor)).to_contain_text(["Mesti mengandungi aksara berhuruf besar."])
    expect(visitor.page.locator(".rules .met")).to_have_count(3)


def at_password(visitor: Visitor, officer: Officer, answers: dict[str, str] = ANSWERS) -> Visitor:
    """Somebody who has chosen three questions."""
    visitor.opens(officer.is_registered().link())
    visitor.chooses(answers)
    visitor.goes_on()
    return visitor


def unmet(visitor: Visitor) -> Locator:
    """The rules that the password does not meet."""
    return visitor.page.locator(".rules .unmet")
