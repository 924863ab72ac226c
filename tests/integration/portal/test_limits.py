"""How often something may be tried, at any number of portals, by known and unknown people alike."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Engine, text

from services.portal import limits
from services.portal.limits import Limit
from services.portal.words import say
from shared.store.engine import open_engine
from tests.support.invited import ANSWERS, PASSWORD, asks_again, chooses, sets, signs_in
from tests.support.registrations import ic_number
from tests.support.site import Site
from tests.support.web import Page, at_once
from tests.support.world import KEYS


@pytest.fixture(scope="module")
def other(site: Site) -> str:
    """The URL of a second portal."""
    return site.opens_another()


NOBODY = ic_number(9_000_000)
WRONG = ["alpha", "beta", "gamma"]
PER_ADDRESS = 1000


@pytest.mark.parametrize("path", ["/account/resend", "/account/recovery"])
@pytest.mark.parametrize("is_known", [True, False], ids=["known", "unknown"])
def test_the_sixth_mail_in_a_quarter_of_an_hour_is_refused_with_the_minutes(
    site: Site, path: str, is_known: bool
) -> None:
    number = site.person().ic_number if is_known else ic_number(9_000_001 + len(path))

    visitor = site.visitor()
    pages = [asks_again(visitor, number, path) for _ in range(6)]

    assert [page.status for page in pages] == [200] * 5 + [429]
    assert str(say("en", "problem.too_often", minutes=15)) in pages[-1].html
    assert 0 < int(pages[-1].answer.headers["retry-after"]) <= 900


def test_a_stranger_elsewhere_uses_up_nothing_of_its_owners_before_there_are_several(site: Site) -> None:
    number, stranger = site.person().ic_number, site.visitor()

    strangers = [asks_again(stranger, number).status for _ in range(6)]
    others = [asks_again(site.visitor(), number).status for _ in range(15)]

    assert strangers == [200] * 5 + [429]
    assert others == [200] * 14 + [429]  # the twenty of all, the refused one among them


def test_the_limit_of_one_person_is_not_that_of_another(site: Site) -> None:
    visitor = site.visitor()
    for _ in range(6):
        asks_again(visitor, NOBODY)

    assert asks_again(visitor, ic_number(9_000_100)).status == 200


@pytest.mark.parametrize("path", ["/account/resend", "/account/recovery"])
def test_an_address_may_ask_so_often_whoever_it_asks_for(site: Site, path: str) -> None:
    address = site.address()
    what = "resend" if path == "/account/resend" else "recovery"
    use_up(site, limits.of(what, PER_ADDRESS, from_here=5, of_account=20).from_address, address)

    refused = asks_again(site.visitor(address=address), ic_number(9_000_200), path)

    assert refused.status == 429
    assert asks_again(site.visitor(), ic_number(9_000_201), path).status == 200


def test_two_portals_count_together(site: Site, other: str) -> None:
    number = ic_number(9_000_300)

    address = site.address()
    pages = [asks_again(site.visitor(url, address=address), number) for url in (None, other, None, other, None, other)]

    assert [page.status for page in pages] == [200] * 5 + [429]


def test_of_many_tries_at_once_no_more_than_the_limit_go_through(site: Site, other: str) -> None:
    number = ic_number(9_000_400)
    address = site.address()
    visitors = [site.visitor(url, address=address) for url in [None, other] * 10]
    pages = [visitor.goes_to("/account/resend") for visitor in visitors]

    answers = at_once([partial(v.submits, p, ic_number=number) for v, p in zip(visitors, pages, strict=True)])

    assert sorted(page.status for page in answers) == [200] * 5 + [429] * 15


@pytest.mark.parametrize("is_known", [True, False], ids=["known", "unknown"])
def test_the_eleventh_wrong_password_is_refused_and_so_is_the_right_one_then(
    site: Site, other: str, is_known: bool
) -> None:
    number = site.active_person().ic_number if is_known else ic_number(9_000_500)

    address = site.address()
    wrong = [signs_in(site.visitor(url, address=address), number, "not that").status for url in [None, other] * 5]
    right = signs_in(site.visitor(address=address), number, PASSWORD)

    assert wrong == [401] * 10
    assert right.status == 429
    assert str(say("en", "problem.too_often", minutes=15)) in right.html


def test_five_wrong_answers_lock_a_recovery_link_on_every_portal(site: Site, other: str) -> None:
    person = site.active_person()
    visitor = site.visitor()
    page = visitor.goes_to(site.recovery_link(person))
    elsewhere = site.visitor(other)
    elsewhere.http.cookies = visitor.http.cookies

    for left in (4, 3, 2, 1):
        page = (visitor if left % 2 else elsewhere).submits(page, answer=WRONG)
        assert page.status == 200
        assert str(say("en", "problem.wrong_answers", tries=left)) in page.html
    locked = visitor.submits(page, answer=WRONG)

    assert_locked(locked)
    assert_locked(visitor.goes_to("/account/recovery/questions"))
    assert_locked(elsewhere.goes_to("/account/recovery/questions"))
    assert_locked(visitor.submits(page, answer=list(ANSWERS.values())))  # also with the right ones
    assert site.knows("SELECT count(*) FROM state_inbox WHERE type = 'aktif.QuestionsAnswered.v1'") == [(0,)]


def test_blank_answers_cost_no_try(site: Site) -> None:
    visitor = site.visitor()
    page = visitor.goes_to(site.recovery_link(site.active_person()))

    blank = visitor.submits(page, answer=["", "  ", "beta"])

    assert blank.status == 422
    wrong = visitor.submits(page, answer=WRONG)
    assert str(say("en", "problem.wrong_answers", tries=4)) in wrong.html


def test_guesses_over_link_after_link_are_fifteen_a_day(site: Site) -> None:
    person = site.active_person()
    use_up(site, limits.ANSWERS_OF_ACCOUNT, person.ic_number)

    assert_locked(site.visitor().goes_to(site.recovery_link(person)))


def test_a_wrong_password_after_the_last_page_counts_as_one_at_the_first(site: Site) -> None:
    person, visitor = site.person(), site.visitor()
    form = chooses(visitor, visitor.goes_to(person.link))
    assert sets(visitor, form).path == "/account/activation/done"

    guesses = [sets(visitor, form, f"Payung-Kuning-{n}").status for n in range(11)]

    assert guesses == [410] * 10 + [429]


def test_twenty_wrong_guesses_at_once_are_no_more_than_five(site: Site) -> None:
    person, visitor = site.active_person(), site.visitor()
    page = visitor.goes_to(site.recovery_link(person))

    at_once([lambda: visitor.submits(page, answer=WRONG)] * 20)

    assert_locked(visitor.submits(page, answer=list(ANSWERS.values())))
    (tries,) = site.knows("SELECT count FROM limits WHERE kind = 'answers_link' ORDER BY ends_at DESC LIMIT 1")
    assert tries[0] >= 20  # each was counted before it was checked


def test_no_table_says_who_asked(site: Site) -> None:
    asks_again(site.visitor(), NOBODY)

    subjects = [bytes(row[0]) for row in site.knows("SELECT subject FROM limits")]
    assert {len(subject) for subject in subjects} == {32}
    assert not [subject for subject in subjects if NOBODY.encode() in subject]


class TestTheTable:
    """What the rows do, without pages."""

    SHORT = Limit("short", 2, timedelta(milliseconds=200))
    LONG = Limit("long", 2, timedelta(hours=1))

    @pytest.fixture
    def engine(self, database: str) -> Iterator[Engine]:
        engine = open_engine(database, application="test")
        yield engine
        engine.dispose()

    def test_a_limit_begins_anew_when_its_time_is_over(self, engine: Engine) -> None:
        def tried() -> limits.Counts:
            with engine.begin() as connection:
                return limits.count(connection, [(self.SHORT, b"me")])

        first = [tried() for _ in range(3)]
        with engine.begin() as connection:
            connection.execute(text("UPDATE limits SET ends_at = now()"))
        anew = tried()

        assert [counts.counts["short"] for counts in first] == [1, 2, 3]
        assert [counts.wait is None for counts in first] == [True, True, False]
        assert first[2].wait is not None
        assert timedelta(0) < first[2].wait <= self.SHORT.per
        assert (anew.counts, anew.wait) == ({"short": 1}, None)

    def test_who_goes_on_trying_does_not_wait_longer_for_it(self, engine: Engine) -> None:
        def tried() -> timedelta | None:
            with engine.begin() as connection:
                return limits.count(connection, [(self.LONG, b"me")]).wait

        waits = [wait for wait in (tried() for _ in range(6)) if wait]

        assert len(waits) == 4
        assert waits == sorted(waits, reverse=True)

    def test_what_counts_no_more_is_forgotten_and_the_rest_is_not(self, engine: Engine) -> None:
        with engine.begin() as connection:
            limits.count(connection, [(self.SHORT, bytes([subject])) for subject in range(200)])
            limits.count(connection, [(self.LONG, b"me")])
            connection.execute(text("UPDATE limits SET ends_at = now() - interval '1 s' WHERE kind = 'short'"))
        with engine.begin() as connection:
            forgotten = [limits.forget(connection), limits.forget(connection)]
            left = connection.execute(text("SELECT kind FROM limits")).scalars().all()

        assert forgotten == [200, 0]
        assert left == ["long"]

    def test_looking_counts_nothing(self, engine: Engine) -> None:
        with engine.begin() as connection:
            limits.count(connection, [(self.LONG, b"me")])
            looks = [limits.standing(connection, self.LONG, whom) for whom in (b"me", b"me", b"another")]

        assert looks == [1, 1, 0]


def use_up(site: Site, limit: Limit, address: str) -> None:
    """As if an address had tried as often as it may."""
    whom = limits.subject(KEYS["AKTIF_SESSION_KEYS"].encode(), limit, address)
    with site.world.engine.begin() as connection:
        for _ in range(limit.most):
            limits.count(connection, [(limit, whom)])


def assert_locked(page: Page) -> None:
    """The page of a link with five wrong answers."""
    assert (page.status, page.heading) == (410, str(say("en", "bad_link.locked.title")))
