"""At 200 % zoom, and on the narrowest phone: no page scrolls sideways (WCAG 2.2, 1.4.4 and 1.4.10)."""

import pytest

from tests.browser.conftest import Visits
from tests.browser.people import ANSWERS, PASSWORD, Officer

LONG = "Jawapan yang sangat panjang tanpa henti " + "a" * 60


@pytest.mark.parametrize(
    "screen",
    [{"width": 640, "height": 400, "scale": 2}, {"width": 320, "height": 568, "scale": 2}],
    ids=["at-200-percent", "at-320-pixels"],
)
def test_no_page_scrolls_sideways(visits: Visits, screen: dict[str, int], officer: Officer) -> None:
    """Each page that a visitor meets is measured; this one meets them all."""
    visitor = visits(**screen)
    name = "SITI AISYAH NURUL HUDA BINTI WAN MUHAMMAD CONTOH PANJANG"
    email = f"nama.yang.sangat.panjang.sekali.lagi.{officer.number}@jabatan.yang.panjang.example.gov.my"
    officer.is_registered(notify=False, name=name, email=email)

    visitor.asks_for_mail("1")
    visitor.sees("Terdapat masalah")
    visitor.asks_for_mail(officer.ic_number)
    visitor.opens("/account/activation")
    visitor.sees("Sila buka pautan dalam emel anda")
    visitor.opens(officer.link(address=email))
    first, second, third = ANSWERS
    visitor.adds(first, "")
    visitor.chooses({first: LONG, second: "Sekolah Rendah", third: "Kereta Kecil"})
    visitor.goes_on()
    visitor.sets_password("lemah", again="berbeza")
    visitor.sets_password(PASSWORD)
    visitor.sees("Tahniah")
    visitor.follows("Log Masuk")
    visitor.logs_in(officer.ic_number, "salah")
    visitor.logs_in(officer.ic_number, PASSWORD)
    visitor.opens("/account/tiada")
    visitor.opens("/account/recovery")
    visitor.types("No Kad Pengenalan", officer.ic_number)
    visitor.presses("Hantar")
    visitor.opens(officer.link(3, address=email))
    for question in ANSWERS:
        visitor.types(question, "salah")
    visitor.goes_on()
    visitor.sees("Baki percubaan")
