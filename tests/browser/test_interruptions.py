"""The service is away for a moment, or slow: what was chosen stays, and the page says what to do."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Visits
from tests.browser.people import ANSWERS, Officer
from tests.support.site import Site
from tests.support.visitor import Visitor
from tests.support.world import World

FIRST, SECOND, _ = ANSWERS
NOT_SENT = "Tiada apa yang hilang"
NEVER = "3600"


def unavailable(retry_after: str) -> Callable[[Route], None]:
    """The portal's answer while its broker is away."""

    def answer(route: Route) -> None:
        route.fulfill(status=503, headers={"Retry-After": retry_after}, body="<main>Maaf</main>")

    return answer


def bad_gateway(route: Route) -> None:
    """The answer of a proxy whose portal is being restarted."""
    route.fulfill(status=502, headers={"Retry-After": NEVER}, body="<h1>Bad Gateway</h1>")


def no_network(route: Route) -> None:
    """No answer at all."""
    route.abort()


@pytest.mark.parametrize("failing", [unavailable(NEVER), bad_gateway, no_network], ids=["portal", "proxy", "network"])
def test_a_form_that_does_not_arrive_stays_as_it_is(
    visits: Visits, officer: Officer, failing: Callable[[Route], None]
) -> None:
    visitor = with_one_question(visits, officer)
    fails(visitor, failing, times=1)

    fills_in_second(visitor)
    visitor.button("Tambah").click()

    notice = visitor.page.get_by_role("alert")
    expect(notice).to_contain_text(NOT_SENT)
    expect(notice).to_be_focused()
    visitor.sees("1 daripada 3 soalan telah dipilih.")
    expect(visitor.page.get_by_label("Jawapan", exact=True)).to_have_value(ANSWERS[SECOND])
    visitor.looks()
    visitor.presses("Tambah")
    visitor.sees("2 daripada 3 soalan telah dipilih.")
    visitor.sees_not(NOT_SENT)


def test_it_goes_out_again_by_itself(visits: Visits, officer: Officer) -> None:
    visitor = with_one_question(visits, officer)
    fails(visitor, unavailable("1"), times=2)

    fills_in_second(visitor)
    visitor.presses("Tambah")

    visitor.sees("2 daripada 3 soalan telah dipilih.")


def test_it_does_not_while_somebody_types(visits: Visits, officer: Officer) -> None:
    visitor = with_one_question(visits, officer)
    fails(visitor, unavailable("1"), times=9)
    visitor.page.clock.install()
    fills_in_second(visitor)
    visitor.button("Tambah").click()
    visitor.sees(NOT_SENT)
    sent = posts(visitor)

    visitor.types("Jawapan", "Sekolah M")
    visitor.page.clock.run_for(60_000)

    assert posts(visitor) == sent
    expect(visitor.page.get_by_label("Jawapan", exact=True)).to_have_value("Sekolah M")


def test_it_does_not_for_ever(visits: Visits, officer: Officer) -> None:
    visitor = with_one_question(visits, officer)
    fails(visitor, unavailable("1"), times=9)
    before = posts(visitor)
    visitor.page.clock.install()
    fills_in_second(visitor)

    visitor.button("Tambah").click()
    visitor.sees(NOT_SENT)
    for sent in (2, 3, 4):
        with visitor.page.expect_response("**/account/activation"):
            visitor.page.clock.run_for(1_500)
        assert posts(visitor) - before == sent
    visitor.page.clock.run_for(60_000)

    assert posts(visitor) - before == 4
    visitor.sees("1 daripada 3 soalan telah dipilih.")


def test_who_waits_for_a_minute_may_close_the_page(visits: Visits, officer: Officer, aktif: World) -> None:
    visitor = visits()
    visitor.page.clock.install()
    visitor.opens(officer.is_registered().link())
    visitor.chooses(ANSWERS)

    with Site(aktif).without("state"):
        visitor.goes_on()
        visitor.sees("Permintaan anda sedang diproses")
        late = visitor.page.get_by_text("Anda boleh menutup halaman ini")
        expect(late).to_be_hidden()
        visitor.page.clock.fast_forward(61_000)
        expect(late).to_be_visible()
        visitor.looks()

    visitor.sees("Tetapan Kata Laluan")


def with_one_question(visits: Visits, officer: Officer) -> Visitor:
    """Somebody who has chosen one."""
    visitor = visits()
    visitor.opens(officer.is_registered().link())
    visitor.adds(FIRST, ANSWERS[FIRST])
    return visitor


def fills_in_second(visitor: Visitor) -> None:
    """Picks another question and answers it."""
    visitor.page.get_by_label("Soalan", exact=True).select_option(label=SECOND)
    visitor.types("Jawapan", ANSWERS[SECOND])


def fails(visitor: Visitor, failing: Callable[[Route], None], *, times: int) -> None:
    """The form's next requests do not reach the portal."""
    visitor.record.is_interrupted = True
    visitor.page.route("**/account/activation", failing, times=times)


def posts(visitor: Visitor) -> int:
    """How many forms went out."""
    return sum(request.method == "POST" for request in visitor.record.requests)
