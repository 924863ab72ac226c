"""The ledger in the console: run by operators, read by all, mended with a reason, and in nobody's way."""

import time
from collections.abc import Iterator
from itertools import count

import pytest
from sqlalchemy import text

from shared.broker.management import Management, vhost_of
from tests.support.console import OPERATOR, VIEWER, Console, actions_of, form_of, registered, replays, sends
from tests.support.waiting import eventually
from tests.support.web import Page, Visitor, at_once

PEOPLE = count(1)
MANY = 50_000
_MANY = (
    "INSERT INTO state_inbox (source, id, type, digest, outcome, lane, event_time, outgoing) SELECT '/hr/banyak', "
    "'reg-' || i, 'aktif.ActivationRequested.v1', '', 'applied', 'bulk', now(), jsonb_build_array(jsonb_build_object("
    "'exchange', 'aktif.events', 'routing_key', 'bulk.MailRequested', 'event', jsonb_build_object('id', 'r' || i, "
    "'source', '/banyak/state', 'type', 'aktif.MailRequested.v1', 'data', jsonb_build_object('mail_id', "
    "gen_random_uuid())))) FROM generate_series(1, :many) i",
    "INSERT INTO mailer_inbox (source, id, type, digest, outcome, lane, event_time, outgoing) SELECT '/banyak/state', "
    "'r' || i, 'aktif.MailRequested.v1', '', 'applied', 'bulk', now(), jsonb_build_array(jsonb_build_object("
    "'exchange', 'aktif.events', 'routing_key', 'live.MailSettled', 'event', jsonb_build_object('id', 's' || i, "
    "'source', '/banyak/mailer', 'type', 'aktif.MailSettled.v1', 'data', jsonb_build_object('mail_id', "
    "gen_random_uuid())))) FROM generate_series(1, :many) i",
    "INSERT INTO state_inbox (source, id, type, digest, outcome, lane, event_time) SELECT '/banyak/mailer', 's' || i, "
    "'aktif.MailSettled.v1', '', 'applied', 'bulk', now() FROM generate_series(2, :many) i",
)
"""Two events were caused for each, and one of all was never received."""
_UNSETTLED = (
    "SELECT count(*) FROM accounts a WHERE NOT EXISTS "
    "(SELECT FROM mails m WHERE m.account_id = a.account_id AND m.result IS NOT NULL)"
)
_NEWEST = "SELECT COALESCE(max(ledger_id), 0) FROM ledgers"
_DEAD_AFTER = (
    "INSERT INTO letters (service, source, id, queue, origin, reason, fingerprint, body, headers, by_broker) "
    "SELECT 'mailer', source, id, 'mailer.live', 'aktif.hr', 'delivery_limit', 'eeee', '{}', '{}', true "
    "FROM mailer_inbox WHERE source = '/aktif/state' LIMIT 1 RETURNING letter_id, id"
)


@pytest.fixture(autouse=True)
def _nothing_was_run(console: Console) -> Iterator[None]:
    eventually("no run is under way", lambda: "under way<" not in console.visited_by(VIEWER).goes_to("/ledger").html)
    with console.world.engine.begin() as connection:
        connection.execute(text("DELETE FROM ledgers"))
    yield
    with console.world.engine.begin() as connection:
        for inbox in ("state_inbox", "mailer_inbox"):
            connection.execute(text(f"DELETE FROM {inbox} WHERE source ~ 'banyak'"))
        for table in ("replays", "operations", "letters"):
            connection.execute(text(f"DELETE FROM {table}"))


def test_a_ledger_that_was_never_run_is_said_softly(console: Console) -> None:
    visitor = console.visited_by(VIEWER)

    assert "It was never run." in visitor.goes_to("/ledger").html
    eventually("the board says so", lambda: "was never run" in visitor.goes_to("/").html)


def test_an_operator_runs_it_and_a_viewer_reads_what_it_found(console: Console) -> None:
    person = mailed(console)

    before = console.world.count(_NEWEST)
    page = presses(console.visited_by(OPERATOR), "/ledger", "/ledger/run")

    assert (page.path, "The run has begun" in page.html) == ("/ledger", True)
    newest = "SELECT who, verdict FROM ledgers WHERE ledger_id > :before"
    eventually("it is kept", lambda: console.asks(newest, before=before) == [(OPERATOR, "clean")])
    viewer = console.visited_by(VIEWER)
    read = viewer.goes_to("/ledger")
    assert 'class="tag good">clean' in read.html
    assert "all queues were empty" in read.html
    assert "aktif ledger<" in read.html
    assert actions_of(read) == ["/logout"]
    assert person not in read.html
    number = console.world.count(_NEWEST)
    assert viewer.goes_to(f"/ledger/{number}").heading == f"Ledger {number}"
    assert viewer.goes_to(f"/ledger/{number + 1}").status == 404
    eventually("the board says so", lambda: "is clean" in viewer.goes_to("/").html)


def test_a_form_of_another_browser_runs_nothing(console: Console) -> None:
    first, second = console.visited_by(OPERATOR), console.visited_by(OPERATOR)
    csrf = form_of(first.goes_to("/ledger"), "/ledger/run")["csrf"]

    assert second.posts("/ledger/run", data={"csrf": csrf}).status == 403
    assert second.posts("/ledger/mend", data={"csrf": csrf, "why": "cuba sahaja"}).status == 403
    assert console.asks("SELECT count(*) FROM ledgers") == [(0,)]


def test_what_was_lost_is_mended_from_the_page_and_takes_effect_once(console: Console) -> None:
    one = loses_a_mail(console)
    operator, viewer = console.visited_by(OPERATOR), console.visited_by(VIEWER)
    eventually("it is found lost", lambda: run(console, operator) == "lost", within=90)

    found = operator.goes_to("/ledger").html
    assert "1 event is lost" in found
    assert one in found
    assert "aktif ledger --mend" in found
    eventually("the board says so", lambda: "found 1 event lost" in viewer.goes_to("/").html)
    assert "/ledger/mend" not in viewer.goes_to("/ledger").html
    plan = operator.goes_to("/ledger/mend")
    assert plan.heading == "Publish 1 lost event again?"
    assert sends(operator, plan, "/ledger/mend", why="").status == 422
    assert console.asks("SELECT sum(mended) FROM ledgers") == [(0,)]

    pressing = [lambda: sends(operator, plan, "/ledger/mend", why="baris gilir dikosongkan")] * 2
    assert [page.path for page in at_once(pressing)] == ["/ledger"] * 2

    eventually("it was worked", lambda: received(console, one) == 1, within=60)
    eventually("the run says so", lambda: console.asks("SELECT sum(mended) FROM ledgers")[0][0] >= 1)
    eventually("it is clean", lambda: run(console, operator) == "clean", within=90)
    assert received(console, one) == 1
    assert console.world.mails_caught() == console.world.count("SELECT count(*) FROM mails WHERE result = 'accepted'")
    assert console.world.mails_twice() == 0
    audited = console.asks("SELECT who, reason, details FROM audit WHERE what = 'mend'")
    assert audited[0] == (OPERATOR, "baris gilir dikosongkan", {"events": 1})
    eventually("the board is at rest", lambda: "found 1 event lost" not in viewer.goes_to("/").html)
    assert operator.goes_to("/ledger/mend").heading == "Nothing to mend"


def test_a_replay_that_was_lost_leads_to_its_letter_and_is_mended_from_the_page(console: Console) -> None:
    console.world.stop("state")
    (letter,) = console.files()
    operator = console.visited_by(OPERATOR)
    replays(operator, f"letter={letter}", rate="", stop_after="")
    purges(console, "state.live")
    console.world.start("state")
    eventually("it is found lost", lambda: run(console, operator) == "lost", within=90)

    page = operator.goes_to("/ledger")
    assert "nowhere since replay 1" in page.html
    assert f"/letters/{letter}" in page.links
    assert "1 replay or corrected registration<" in page.html
    sends(operator, operator.goes_to("/ledger/mend"), "/ledger/mend", why="baris gilir dikosongkan")

    eventually("it was worked", lambda: ">worked<" in operator.goes_to(f"/letters/{letter}").html, within=60)
    console.world.settle(lambda: console.world.count(_UNSETTLED) == 0)
    eventually("it is clean", lambda: run(console, operator) == "clean", within=90)


def test_what_is_found_twice_leads_to_its_letter_and_is_settled_by_discarding_it(console: Console) -> None:
    mailed(console)
    letter, id_ = dies_after_it_was_worked(console)
    operator = console.visited_by(OPERATOR)

    assert run(console, operator) == "twice"

    page = operator.goes_to("/ledger")
    assert "worked, and dead after that" in page.html
    assert f"/letters?text={id_}" in page.links
    assert f'href="/letters/{letter}' in operator.goes_to(f"/letters?text={id_}").html
    eventually("the board says so", lambda: "found 1 event twice" in operator.goes_to("/").html)
    asked = operator.goes_to(f"/letters/discard?letter={letter}")
    sends(operator, asked, "/letters/discard", why="sudah berkesan")
    eventually("it is settled", lambda: run(console, operator) == "clean", within=90)


def test_a_run_over_100000_events_holds_up_no_page(console: Console) -> None:
    mailed(console)
    with console.world.engine.begin() as connection:
        for statement in _MANY:
            connection.execute(text(statement), {"many": MANY})
    operator, before = console.visited_by(OPERATOR), console.world.count(_NEWEST)
    slowest, answers = 0.0, 0

    presses(operator, "/ledger", "/ledger/run")
    while (seen := operator.goes_to("/ledger").html) and console.world.count(_NEWEST) == before:
        assert "under way<" in seen
        begun = time.monotonic()
        assert operator.goes_to("/").heading == "Board"
        slowest, answers = max(slowest, time.monotonic() - begun), answers + 1
    pressed = at_once([lambda: presses(operator, "/ledger", "/ledger/run")] * 3)

    ((caused, lost, seconds),) = console.asks(
        "SELECT caused, lost, seconds FROM ledgers WHERE ledger_id > :before ORDER BY ledger_id LIMIT 1", before=before
    )
    print(f"{caused:,} events in {seconds:.1f} s; {answers} boards meanwhile, the slowest in {slowest:.2f} s")
    assert caused >= 2 * MANY
    assert lost == 1
    assert answers >= 3
    assert slowest < 5
    assert [page.status for page in pressed] == [200] * 3


def presses(visitor: Visitor, path: str, action: str, **typed: str) -> Page:
    """Opens a page, and presses a button of it."""
    return sends(visitor, visitor.goes_to(path), action, **typed)


def run(console: Console, operator: Visitor) -> str:
    """Has the ledger run; gives its verdict when it is kept."""
    before = console.world.count(_NEWEST)
    presses(operator, "/ledger", "/ledger/run")
    eventually("a run is kept", lambda: console.world.count(_NEWEST) > before, within=60)
    return str(console.asks("SELECT verdict FROM ledgers ORDER BY ledger_id DESC LIMIT 1")[0][0])


def registers(console: Console) -> str:
    """Registers somebody; gives the IC number."""
    person = f"85070707{next(PEOPLE):04}"
    console.publishes([registered(ic_number=person, email=f"p{person}@example.gov.my")])
    return person


def mailed(console: Console) -> str:
    """Registers somebody, and waits until the ledger finds that all is done; gives the IC number."""
    person, operator = registers(console), console.visited_by(OPERATOR)
    console.world.settle(lambda: console.world.count(_UNSETTLED) == 0)
    eventually("all is done", lambda: run(console, operator) == "clean", within=90)
    return person


def loses_a_mail(console: Console) -> str:
    """Registers somebody whose mail is asked for and purged from its queue; gives the id of what is lost."""
    console.world.stop("mailer")
    registers(console)
    purges(console, "mailer.live")
    console.world.start("mailer")
    ((one,),) = console.asks(
        "SELECT o -> 'event' ->> 'id' FROM state_inbox, jsonb_array_elements(outgoing) o "
        "WHERE NOT EXISTS (SELECT FROM mailer_inbox m WHERE m.id = o -> 'event' ->> 'id') "
        "AND o ->> 'exchange' = 'aktif.events'"
    )
    return str(one)


def purges(console: Console, queue: str) -> None:
    """Loses the one message that comes to a queue."""
    eventually("it is in the queue", lambda: console.world.depths()[queue] == 1)
    api = Management(console.world.servers.broker_api_url)
    api.request("DELETE", f"queues/{vhost_of(console.world.amqp_url)}/{queue}/contents")
    eventually("it is gone", lambda: console.world.depths()[queue] == 0)


def received(console: Console, one: str) -> int:
    """How often state has heard what became of a mail."""
    return int(
        console.asks(
            "SELECT count(*) FROM state_inbox s, mailer_inbox m, jsonb_array_elements(m.outgoing) o "
            "WHERE m.id = :one AND s.source = '/aktif/mailer' AND s.id = o -> 'event' ->> 'id'",
            one=one,
        )[0][0]
    )


def dies_after_it_was_worked(console: Console) -> tuple[int, str]:
    """A letter of an event that was worked before, as of one that killed its worker after the commit; and its id."""
    with console.world.engine.begin() as connection:
        row = connection.execute(text(_DEAD_AFTER)).one()
        return row.letter_id, row.id
