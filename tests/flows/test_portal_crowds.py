"""Many people at once, one person many times at once, and a crowd that waits."""

import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from services.cli.servers.ladder import Servers
from services.portal.words import say
from tests.support.invited import ANSWERS, PASSWORD, chooses, sets, signs_in
from tests.support.site import Site, site_on
from tests.support.waiting import eventually
from tests.support.web import Page, Visitor, at_once

CROWD = 200
LOOKS, FEW_LOOKS = 50, 5
ADDED = {"next_question": "mother_name", "next_answer": ANSWERS["mother_name"]}
CONNECTIONS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'aktif-portal'"
)
PATIENCE = 0.1
MAX_GROWTH = 48 * 2**20


@pytest.fixture
def site(session_servers: Servers, tmp_path: Path) -> Iterator[Site]:
    """All of Aktif with its portal."""
    with site_on(session_servers, tmp_path) as found:
        yield found


def test_of_200_browsers_at_one_link_exactly_one_goes_on_and_every_other_is_told(site: Site) -> None:
    person = site.person()
    visitors = [site.visitor() for _ in range(CROWD)]
    pages = [visitor.goes_to(person.link) for visitor in visitors]

    answers = at_once([partial(presses, visitor, page) for visitor, page in zip(visitors, pages, strict=True)])

    winners = [place for place, page in enumerate(answers) if page.status == 200]
    assert len(winners) == 1
    assert str(say("en", "questions.count", count=1)) in answers[winners[0]].html
    others = {(page.status, page.heading) for page in answers if page.status != 200}
    assert others == {(410, str(say("en", "bad_link.elsewhere.title")))}
    winner = visitors[winners[0]]
    assert sets(winner, chooses(winner, answers[winners[0]], rest())).path == "/account/activation/done"
    assert signs_in(site.visitor(), person.ic_number, PASSWORD).path == "/welcome"


def test_one_browser_that_sends_each_form_ten_times_at_once_never_locks_itself_out(site: Site) -> None:
    person, visitor = site.person(), site.visitor()

    page = tenfold(partial(presses, visitor, visitor.goes_to(person.link)), "/account/activation")
    for question, answer in rest().items():
        page = visitor.submits(page, "add", next_question=question, next_answer=answer)
    page = tenfold(partial(visitor.submits, page, "next"), "/account/activation/password")
    tenfold(partial(sets, visitor, page), "/account/activation/done")

    assert visitor.goes_to(person.link).path == "/account/activation/done"
    assert signs_in(site.visitor(), person.ic_number, PASSWORD).path == "/welcome"
    assert site.world.count("SELECT count(*) FROM letters") == 0
    assert site.world.count("SELECT count(*) FROM accounts WHERE state = 'active'") == 1


def test_while_200_people_wait_others_are_answered_and_nobody_is_forgotten(site: Site) -> None:
    people = site.people(CROWD)
    visitors = [site.visitor() for _ in people]
    pages = at_once([partial(visitor.goes_to, one.link) for visitor, one in zip(visitors, people, strict=True)])
    passer_by, portal = site.visitor(), psutil.Process(site.world.running["portal"].pid)
    before, threads, memory = waits_for_pages(passer_by), portal.num_threads(), portal.memory_info().rss

    site.world.settle(lambda: True)
    site.world.stop("state")
    with ThreadPoolExecutor(CROWD) as pool:
        posts = [
            pool.submit(visitor.submits, page, "add", **ADDED) for visitor, page in zip(visitors, pages, strict=True)
        ]
        eventually("all are on their way", lambda: site.world.depths()["state.live"] == CROWD)
        waiting = sum(not post.done() for post in posts)
        meanwhile = waits_for_pages(passer_by, lambda: sum(not post.done() for post in posts) > CROWD / 2)
        grown, more = portal.memory_info().rss - memory, portal.num_threads() - threads
        connections = site.world.count(CONNECTIONS)
        site.world.start("state")
        told = [post.result() for post in posts]

    print(
        f"/ p95: {p95(before) * 1000:.0f} ms before, {p95(meanwhile) * 1000:.0f} ms beside {waiting} that wait; "
        f"{grown / 2**20:.1f} MiB and {more} threads more, {connections} connections"
    )
    assert waiting == CROWD
    assert len(meanwhile) >= FEW_LOOKS
    assert p95(meanwhile) < max(PATIENCE, 4 * p95(before))
    assert more == 0
    assert connections <= 8
    assert grown < MAX_GROWTH
    gone_on = at_once([partial(goes_on, visitor, page) for visitor, page in zip(visitors, told, strict=True)])
    assert {page.status for page in gone_on} == {200}
    assert all(str(say("en", "questions.count", count=1)) in page.html for page in gone_on)
    assert site.world.count("SELECT count(*) FROM accounts WHERE state = 'redeemed'") == CROWD
    assert site.world.count("SELECT count(*) FROM letters") == 0


def presses(visitor: Visitor, page: Page) -> Page:
    """Adds the first question, as often as the page asks for it."""
    return goes_on(visitor, visitor.submits(page, "add", **ADDED))


def goes_on(visitor: Visitor, page: Page) -> Page:
    """Presses the same button again while the page asks for it."""
    until = time.monotonic() + 60
    while str(say("en", "page.again")) in page.html:
        assert time.monotonic() < until, "the link is processed for ever"
        page = visitor.submits(page, "add")
    return page


def tenfold(step: "partial[Page]", path: str) -> Page:
    """Takes one step ten times at once, each of which must lead to a path; gives the last page."""
    pages = at_once([step] * 10)
    assert {(page.status, page.path) for page in pages} == {(200, path)}
    return pages[-1]


def waits_for_pages(visitor: Visitor, holds: Callable[[], bool] = lambda: True) -> list[float]:
    """How long each of 50 looks at the first page takes, in seconds; of fewer, when something holds no longer."""
    waits = list[float]()
    while len(waits) < LOOKS and holds():
        begun = time.monotonic()
        assert visitor.goes_to("/").status == 200
        waits.append(time.monotonic() - begun)
    return waits


def p95(waits: list[float]) -> float:
    """What 95 of 100 do not exceed."""
    return statistics.quantiles(waits, n=20)[-1]


def rest() -> dict[str, str]:
    """The answers but the first."""
    return {question: answer for question, answer in ANSWERS.items() if question != ADDED["next_question"]}
