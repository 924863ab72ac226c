"""The portal without its database or its broker: it says so, recovers by itself, and keeps what it promised."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
from sqlalchemy import text

from services.cli.servers.ladder import Postgres, Servers
from services.cli.servers.process import Server
from services.portal.words import say
from shared.operations.ledger import audit
from tests.support.invited import ANSWERS, PASSWORD, activates, asks_again, signs_in
from tests.support.registrations import ic_number
from tests.support.site import Site, site_on
from tests.support.waiting import eventually
from tests.support.web import Page

ADDED = {"next_question": "mother_name", "next_answer": ANSWERS["mother_name"]}
PATIENCE = 8
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'aktif-portal' AND wait_event_type = 'Lock'"
NEED_NOTHING = ("/", "/account/resend", "/account/recovery", "/account/resend/sent", "/welcome", "/healthz")


@pytest.fixture
def site(own_servers: Servers, tmp_path: Path) -> Iterator[Site]:
    """All of Aktif with its portal, on servers of its own."""
    with site_on(own_servers, tmp_path) as found:
        yield found


def test_without_the_database_each_page_that_needs_it_says_so_and_all_is_well_again_after(site: Site) -> None:
    person, active, visitor = site.person(), site.active_person(), site.visitor()
    questions, resend, log_in = (visitor.goes_to(path) for path in (person.link, "/account/resend", "/"))
    database: Server = site.world.servers.postgres  # type: ignore[assignment]

    database.kill()
    assert {path: visitor.goes_to(path).status for path in NEED_NOTHING} == dict.fromkeys(NEED_NOTHING, 200)
    refused = [
        timed(visitor.goes_to, "/account/activation"),
        timed(visitor.submits, questions, "add", **ADDED),
        timed(visitor.submits, resend, ic_number=person.ic_number),
        timed(visitor.submits, log_in, ic_number=active.ic_number, password=PASSWORD),
    ]
    readiness = timed(visitor.goes_to, "/readyz")
    database.start()
    came_back = eventually("the portal is ready again", lambda: visitor.goes_to("/readyz").status == 200)
    site.world.engine.dispose()  # the test's own connections are dead

    print(f"refused after {[f'{took:.1f}' for _, took in refused]} s, ready {came_back:.1f} s after the return")
    for page, took in refused:
        assert_unavailable(page, took)
    assert readiness[0].status == 503
    assert readiness[1] < PATIENCE
    assert str(say("en", "questions.count", count=1)) in visitor.submits(questions, "add", **ADDED).html
    assert visitor.submits(resend, ic_number=person.ic_number).path == "/account/resend/sent"
    assert visitor.submits(log_in, ic_number=active.ic_number, password=PASSWORD).path == "/welcome"
    assert activates(site.visitor(), site.person()).path == "/account/activation/done"


def test_the_first_page_after_a_restart_of_the_database_is_answered(site: Site) -> None:
    visitor, person = site.visitor(), site.active_person()
    database: Server = site.world.servers.postgres  # type: ignore[assignment]
    pages = [signs_in(visitor, person.ic_number, PASSWORD)]

    for _ in range(3):  # nobody visits meanwhile, and every connection of the pool is dead
        database.stop()
        database.start()
        pages.append(signs_in(visitor, person.ic_number, PASSWORD))

    assert [page.path for page in pages] == ["/welcome"] * 4


def test_a_database_that_is_frozen_is_waited_for_a_while_and_is_there_again_after(site: Site) -> None:
    active, visitor = site.active_person(), site.visitor()
    log_in = visitor.goes_to("/")

    with frozen(site.world.servers.postgres):
        refused, took = timed(visitor.submits, log_in, ic_number=active.ic_number, password=PASSWORD)
        assert visitor.goes_to("/").status == 200
    eventually("the portal is ready again", lambda: visitor.goes_to("/readyz").status == 200)

    assert_unavailable(refused, took, patience=15)
    assert signs_in(visitor, active.ic_number, PASSWORD).path == "/welcome"


def test_a_database_that_stands_still_holds_up_nobody_who_does_not_need_it(site: Site) -> None:
    visitors = [site.visitor() for _ in range(30)]
    pages = [visitor.goes_to("/account/resend") for visitor in visitors]
    passer_by = site.visitor()

    with ThreadPoolExecutor(len(visitors)) as pool, site.world.engine.begin() as connection:
        connection.execute(text("LOCK TABLE limits"))
        posts = [
            pool.submit(visitor.submits, page, ic_number=ic_number(8_000_000 + place))
            for place, (visitor, page) in enumerate(zip(visitors, pages, strict=True))
        ]
        eventually("all connections wait", lambda: site.world.count(WAITING) == 8)
        waits = [timed(passer_by.goes_to, path)[1] for path in NEED_NOTHING * 3]
        connection.rollback()
        answered = [post.result() for post in posts]

    assert max(waits) < 2
    assert {page.path for page in answered} == {"/account/resend/sent"}


def test_without_the_broker_nothing_is_promised_and_nothing_is_carried_out_later(site: Site) -> None:
    person, active, visitor = site.person(), site.active_person(), site.visitor()
    questions, resend = visitor.goes_to(person.link), visitor.goes_to("/account/resend")
    broker: Server = site.world.servers.rabbitmq  # type: ignore[assignment]
    mails = site.world.mails_caught()

    broker.kill()
    eventually("the portal knows", lambda: visitor.goes_to("/readyz").status == 503)
    unharmed = [*NEED_NOTHING, "/account/activation"]
    assert {path: visitor.goes_to(path).status for path in unharmed} == dict.fromkeys(unharmed, 200)
    assert signs_in(visitor, active.ic_number, PASSWORD).path == "/welcome"
    refused = [
        timed(visitor.submits, questions, "add", **ADDED),
        timed(visitor.submits, resend, ic_number=person.ic_number),
        timed(asks_again, visitor, active.ic_number, "/account/recovery"),
    ]
    broker.start()
    came_back = eventually("the portal is ready again", lambda: visitor.goes_to("/readyz").status == 200, within=60)

    print(f"refused after {[f'{took:.1f}' for _, took in refused]} s, ready {came_back:.1f} s after the return")
    for page, took in refused:
        assert_unavailable(page, took)
    later = site.active_person()  # whatever was published before is worked before
    site.world.settle(lambda: site.knows("SELECT 1 FROM accounts WHERE ic_number = :n", n=later.ic_number) != [])
    assert state_of(site, person.ic_number) == "registered"
    assert site.world.mails_caught() == mails + 2  # the later person's invitation, and the notice
    assert str(say("en", "questions.count", count=1)) in visitor.submits(questions, "add", **ADDED).html


def test_a_broker_killed_while_people_press_costs_no_promise_and_breaks_none(site: Site) -> None:
    people = site.people(120)
    visitors = [site.visitor() for _ in people]
    pages = [visitor.goes_to(person.link) for visitor, person in zip(visitors, people, strict=True)]
    broker: Server = site.world.servers.rabbitmq  # type: ignore[assignment]

    with ThreadPoolExecutor(8) as pool:
        posts = [
            pool.submit(visitor.submits, page, "add", **ADDED) for visitor, page in zip(visitors, pages, strict=True)
        ]
        eventually("some are through", lambda: sum(post.done() for post in posts) > 10)
        broker.kill()
        eventually("some are refused", lambda: any(post.done() and post.result().status == 503 for post in posts))
        broker.start()
        told = [kind_of(post.result()) for post in posts]

    site.is_ready()
    site.world.settle(lambda: True)
    states = [state_of(site, person.ic_number) for person in people]
    print(Counter(zip(told, states, strict=True)))
    assert {state for state, kind in zip(states, told, strict=True) if kind == "promised"} == {"redeemed"}
    assert {state for state, kind in zip(states, told, strict=True) if kind == "refused"} == {"registered"}
    assert told.count("promised") > 10
    pressed = [visitor.submits(page, "add", **ADDED) for visitor, page in zip(visitors, pages, strict=True)]
    assert {kind_of(page) for page in pressed} == {"promised"}
    assert audit(site.world.engine, None).clean
    assert site.world.count("SELECT count(*) FROM letters") == 0


def timed(request: Callable[..., Page], *given: object, **typed: object) -> tuple[Page, float]:
    """What came, and how many seconds that took."""
    begun = time.monotonic()
    page = request(*given, **typed)
    return page, time.monotonic() - begun


@contextmanager
def frozen(database: Postgres | None) -> Iterator[None]:
    """Every process of a PostgreSQL stopped in mid-air, so that its connections stay open and nothing answers."""
    assert database is not None
    postmaster = psutil.Process(database.pid)
    stopped = [postmaster, *postmaster.children(recursive=True)]
    for process in stopped:
        process.suspend()
    try:
        yield
    finally:
        for process in stopped:
            process.resume()


def assert_unavailable(page: Page, took: float, patience: float = PATIENCE) -> None:
    """The plain page, soon, with when to come back."""
    assert (page.status, page.heading) == (503, str(say("en", "error.503.title")))
    assert int(page.answer.headers["retry-after"]) > 0
    assert page.answer.headers["cache-control"] == "no-store"
    assert took < patience


def kind_of(page: Page) -> str:
    """What a person was told: gone on, still being worked, or nothing kept."""
    if page.status == 503:
        return "refused"
    assert page.status == 200
    return "unknown" if str(say("en", "page.again")) in page.html else "promised"


def state_of(site: Site, number: str) -> object:
    """Where an account stands."""
    return site.knows("SELECT state FROM accounts WHERE ic_number = :number", number=number)[0][0]
