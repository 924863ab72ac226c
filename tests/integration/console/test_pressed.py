"""What was pressed is done once, however often the form is sent, and whatever fails in between."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from services.cli.servers.ladder import Servers
from tests.support.console import OPERATOR, Console, console_on, registered, sends
from tests.support.gate import gate
from tests.support.waiting import eventually
from tests.support.web import Page, Visitor

CORRECTED = {"ic_number": "850101-01-0101", "email": "dibetulkan@example.gov.my"}
IS_REGISTERED = "SELECT count(*) FROM accounts WHERE ic_number = '850101010101'"
CLOSED_AS = "SELECT kind FROM closings WHERE letter_id = :letter"
TAKEN_EFFECT = "SELECT count(*) FROM history WHERE event LIKE '%registration' AND outcome = 'applied'"


@pytest.fixture
def own_console(own_servers: Servers, tmp_path: Path) -> Iterator[Console]:
    """A console of a test's own, on servers that it may kill."""
    with console_on(own_servers, tmp_path) as found:
        yield found


def test_one_form_begins_one_replay_however_often_it_is_sent(console: Console) -> None:
    console.files(40, reason="maxlen")
    visitor = console.visited_by(OPERATOR)
    plan = visitor.goes_to("/letters/replay?reason=maxlen")

    first, again = (sends(visitor, plan, "/letters/replay", why="sepuluh dahulu", most="10") for _ in range(2))

    assert first.path == again.path
    assert console.asks("SELECT count(*) FROM operations") == [(1,)]
    assert console.asks("SELECT count(*) FROM replays") == [(10,)]
    anew = visitor.goes_to("/letters/replay?reason=maxlen")
    assert sends(visitor, anew, "/letters/replay", why="lagi", most="10").path != first.path


@pytest.mark.parametrize(("act", "number"), [("resend", "850202020202"), ("withdraw", "850202020203")])
def test_one_form_asks_for_one_event_however_often_it_is_sent(console: Console, act: str, number: str) -> None:
    console.publishes([registered(ic_number=number)])
    of_person = "FROM accounts WHERE ic_number = :number"
    eventually("the person is there", lambda: console.asks(f"SELECT 1 {of_person}", number=number))
    ((account,),) = console.asks(f"SELECT account_id {of_person}", number=number)
    visitor = console.visited_by(OPERATOR)
    page = visitor.goes_to(f"/accounts/{account}")

    for _ in range(2):
        sends(visitor, page, f"/accounts/{account}/{act}", why="tidak pasti")

    told = f"SELECT count(DISTINCT details ->> 'event_id'), count(*) FROM audit WHERE what = '{act}'"
    assert console.asks(told) == [(1, 2)]
    eventually("nothing waits", lambda: console.world.waiting() == 0)
    asked = "SELECT count(*) FROM history JOIN accounts USING (account_id) WHERE ic_number = :number"
    assert console.asks(asked + " AND source ~ '^/(aktif/operator|hr/console)'", number=number) == [(1,)]


@pytest.mark.parametrize("left_out", ["key", "shown_at"])
def test_a_form_that_is_not_whole_does_nothing(console: Console, left_out: str) -> None:
    console.files(reason="expired")
    visitor = console.visited_by(OPERATOR)
    plan = visitor.goes_to("/letters/replay?reason=expired")
    before = console.asks("SELECT count(*) FROM operations")

    refused = sends(visitor, plan, "/letters/replay", why="cuba", **{left_out: "x"})

    assert (refused.status, refused.heading) == (400, "The request cannot be read")
    assert console.asks("SELECT count(*) FROM operations") == before


def test_what_a_colleague_did_meanwhile_is_told_and_stays(console: Console) -> None:
    (letter,) = console.dies(ic_number="859901020202")
    visitor, colleague = console.visited_by(OPERATOR), console.visited_by(OPERATOR)
    form = correcting(visitor, letter)
    discard = colleague.goes_to(f"/letters/discard?letter={letter}")
    sends(colleague, discard, "/letters/discard", why="menarik diri")

    refused = sends(visitor, form, f"/letters/{letter}/registered", **CORRECTED)

    assert refused.status == 409
    assert re.search(f"Nothing was done: {OPERATOR} has discarded the letter meanwhile, at 20", refused.html)
    assert console.asks(CLOSED_AS, letter=letter) == [("discarded",)]
    again = sends(colleague, discard, "/letters/discard", why="sekali lagi")
    assert "Nothing was discarded" in again.html
    assert console.asks(IS_REGISTERED) == [(0,)]


def test_a_letter_stays_open_while_the_broker_is_away_and_pressing_again_registers(own_console: Console) -> None:
    broker = own_console.world.servers.rabbitmq
    assert broker is not None
    (letter,) = own_console.dies(ic_number="859901010101")
    visitor = own_console.visited_by(OPERATOR)
    form, path = correcting(visitor, letter), f"/letters/{letter}/registered"
    broker.kill()
    try:
        interrupted = sends(visitor, form, path, **CORRECTED)
        assert interrupted.status == 503
        assert "may have been done, or may still be done" in interrupted.html
        assert own_console.asks(CLOSED_AS, letter=letter) == []
    finally:
        broker.start()
    own_console.is_ready()

    done = sends(visitor, form, path, **CORRECTED)

    assert done.path == f"/letters/{letter}"
    assert own_console.asks(CLOSED_AS, letter=letter) == [("registered",)]
    eventually("the person is registered", lambda: own_console.asks(IS_REGISTERED) == [(1,)], within=60)


def test_a_console_killed_before_it_closes_the_letter_leaves_it_open_and_the_registration_is_one(
    own_console: Console,
) -> None:
    (letter,) = own_console.dies(ic_number="859901010101")
    visitor = own_console.visited_by(OPERATOR)
    form, path = correcting(visitor, letter), f"/letters/{letter}/registered"
    with gate(own_console.world.engine, "closings") as closing:
        closing.closes()
        with ThreadPoolExecutor(1) as pool:
            pressed = pool.submit(sends, visitor, form, path, **CORRECTED)
            closing.is_reached()
            own_console.world.kill("console")
            assert isinstance(pressed.exception(30), httpx.TransportError)
        closing.is_rid_of("aktif-console")
    eventually("it was published", lambda: own_console.asks(IS_REGISTERED) == [(1,)])
    assert own_console.asks(CLOSED_AS, letter=letter) == []
    own_console.opens()

    sends(visitor, form, path, **CORRECTED)

    assert own_console.asks(CLOSED_AS, letter=letter) == [("registered",)]
    eventually("nothing waits", lambda: own_console.world.waiting() == 0)
    assert own_console.asks(TAKEN_EFFECT) == [(1,)]


def correcting(visitor: Visitor, letter: int) -> Page:
    """The form with a letter's fields."""
    return sends(visitor, visitor.goes_to(f"/letters/{letter}"), f"/letters/{letter}/register", why="HR sahkan")
