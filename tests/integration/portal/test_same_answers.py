"""Nobody learns from the portal who has an account: the same words and the same time for known and unknown people."""

import random
import re
import statistics
from collections.abc import Callable, Iterator, Sequence
from math import sqrt

import pytest
from sqlalchemy import text

from services.cli.servers.ladder import Servers
from services.portal.words import say
from shared.credentials import password_digest
from tests.support.invited import PASSWORD
from tests.support.registrations import ic_number
from tests.support.site import Site, site_on
from tests.support.web import Page, Visitor

ASKED, TRIED = 250, 40
MOST_SIGMA = 4.5
"""Two equal distributions are further apart than this once in 150,000 runs."""
Asks = Callable[[Visitor, Page, str], Page]
FIRST_UNKNOWN = 7_000_000
ACTIVE = text(
    "UPDATE accounts SET state = 'active', activated_at = now(), password_set_at = now(), password_digest = :digest"
)


@pytest.fixture(scope="module")
def site(session_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Where each resend of a known person is mailed at once, so that all the work there can be is done."""
    with site_on(session_servers, tmp_path_factory.mktemp("site"), AKTIF_RESEND_SECONDS="0") as found:
        yield found


@pytest.mark.parametrize("path", ["/account/resend", "/account/recovery"])
def test_asking_for_a_mail_says_the_same_to_everybody(site: Site, path: str) -> None:
    registered, active = site.person().ic_number, site.active_person().ic_number
    numbers = [registered, active, ic_number(FIRST_UNKNOWN - 1)]

    visitors = [site.visitor() for _ in numbers]
    for attempt in range(6):
        answers = [asked(visitor, path, number) for visitor, number in zip(visitors, numbers, strict=True)]
        said = {(page.status, page.answer.headers.get("location"), words(page)) for page in answers}
        assert len(said) == 1
        assert answers[0].status == (303 if attempt < 5 else 429)


def test_a_wrong_password_and_an_unknown_account_are_told_the_same(site: Site) -> None:
    numbers = [site.person().ic_number, site.active_person().ic_number, ic_number(FIRST_UNKNOWN - 2)]

    visitor = site.visitor()
    pages = [tried(visitor, visitor.goes_to("/"), number) for number in numbers]

    assert {(page.status, words(page)) for page in pages} == {(401, words(pages[0]))}
    assert str(say("en", "problem.sign_in")) in pages[0].html


@pytest.mark.parametrize("path", ["/account/resend", "/account/recovery"])
def test_asking_for_a_mail_takes_the_same_time_for_everybody(site: Site, path: str) -> None:
    known, control = ([person.ic_number for person in site.people(ASKED)] for _ in range(2))
    first = FIRST_UNKNOWN + ASKED * len(path)

    assert_takes_the_same(site, path, mail, known, unknown(first, ASKED), control)


def test_trying_a_password_takes_the_same_time_for_everybody(site: Site) -> None:
    people = site.people(TRIED * 2)
    with site.world.engine.begin() as connection:
        connection.execute(ACTIVE, {"digest": password_digest(PASSWORD)})
    known, control = ([person.ic_number for person in people[half::2]] for half in (0, 1))

    assert_takes_the_same(site, "/", tried, known, unknown(FIRST_UNKNOWN, TRIED), control)


def assert_takes_the_same(site: Site, path: str, ask: Asks, *groups: Sequence[str]) -> None:
    """Asks in turns, in an order drawn anew for each turn, so that what else the machine does hits all alike."""
    chance, visitor = random.Random(path), site.visitor()
    page = visitor.goes_to(path)
    seconds: tuple[list[float], ...] = tuple([] for _ in groups)
    for turn in zip(*groups, strict=True):
        for group in chance.sample(range(len(groups)), len(groups)):
            visitor.http.headers["X-Forwarded-For"] = site.address()
            seconds[group].append(ask(visitor, page, turn[group]).answer.elapsed.total_seconds())
    known, nobody, control = seconds
    medians = [f"{statistics.median(one) * 1000:.1f} ms" for one in seconds]
    print(f"{path}: known, unknown, control {medians}; {sigma(known, nobody):.1f}, control {sigma(known, control):.1f}")
    assert abs(sigma(known, nobody)) < MOST_SIGMA


def sigma(one: Sequence[float], other: Sequence[float]) -> float:
    """How far two samples are apart, by Mann and Whitney, in standard deviations of samples of one distribution."""
    above = sum((a > b) + (a == b) / 2 for a in one for b in other)
    size = len(one) * len(other)
    return (above - size / 2) / sqrt(size * (len(one) + len(other) + 1) / 12)


def asked(visitor: Visitor, path: str, number: str) -> Page:
    """What is answered to a request for a mail, without what follows from it."""
    return mail(visitor, visitor.goes_to(path), number)


def mail(visitor: Visitor, page: Page, number: str) -> Page:
    """The same, from a page that is open."""
    return visitor.posts(page.form.action, data=page.form.filled(None, {"ic_number": number}))


def tried(visitor: Visitor, page: Page, number: str) -> Page:
    """What is answered to a wrong password."""
    typed = {"ic_number": number, "password": "Kata-Laluan-Salah-1"}
    return visitor.posts("/", data=page.form.filled(None, typed))


def words(page: Page) -> str:
    """A page without what is another for each browser, and without what was typed."""
    return re.sub(r'name="csrf" value="\w+"|\b\d{12}\b', "", page.html)


def unknown(first: int, number: int) -> list[str]:
    """IC numbers that nobody has."""
    return [ic_number(index) for index in range(first, first + number)]
