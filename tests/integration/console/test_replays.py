"""Replays from the console: a plan, progress, results; carried on by whoever is there."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from tests.support.console import OPERATOR, Console, actions_of, replays, sends
from tests.support.waiting import eventually
from tests.support.web import Page, at_once


def test_a_plan_says_what_would_be_sent_and_changes_nothing(console: Console) -> None:
    console.files(4, reason="internal_error")
    ((forged,),) = [console.files(reason="wrong_exchange", first=500)]
    visitor = console.visited_by(OPERATOR)

    plan = visitor.goes_to("/letters/replay?status=open")

    assert plan.heading == "Replay 4 letters?"
    assert "perhaps forged" in plan.html
    assert "aktif dead replay --rate 50 --stop-after 10<" in plan.html
    assert console.asks("SELECT count(*) FROM replays") == [(0,)]
    insisted = visitor.goes_to(f"/letters/replay?letter={forged}&with_unsafe=1")
    assert insisted.heading == "Replay 1 letter?"


def test_a_plan_warns_of_what_a_replay_does_not_mend(console: Console) -> None:
    console.dies(2)
    visitor = console.visited_by(OPERATOR)

    plan = visitor.goes_to("/letters/replay?reason=bad_ic_number&status=open")

    assert "<strong>Bad ic number (2) is not mended by a replay.</strong> Correct it in the HR system" in plan.html


def test_all_that_match_are_replayed_and_each_has_its_result(console: Console) -> None:
    letters = console.files(30, reason="database_error", first=1000)
    visitor = console.visited_by(OPERATOR)

    page = replays(visitor, "reason=database_error", rate="", stop_after="")

    number = int(page.path.split("/")[2])
    eventually("all have worked", lambda: "30 of 30 letters" in visitor.goes_to(page.path).html)
    done = visitor.goes_to(page.path)
    assert done.html.count('class="tag good">worked') == 30
    assert console.asks("SELECT count(*) FROM accounts WHERE ic_number LIKE '880101001%'") == [(30,)]
    assert console.asks("SELECT count(*) FROM replays WHERE operation_id = :number", number=number) == [(30,)]
    letter = visitor.goes_to(f"/letters/{letters[0]}")
    assert "obsolete" in letter.html
    assert f'href="/replays/{number}"' in letter.html


def test_a_replay_that_fails_again_stops_itself_and_links_the_new_letters(console: Console) -> None:
    console.dies(5)
    visitor = console.visited_by(OPERATOR)

    page = replays(visitor, "reason=bad_ic_number&status=open", rate="", stop_after="2")

    def shown() -> Page:
        return visitor.goes_to(page.path)

    eventually("it has stopped itself", lambda: "the cause is not mended" in shown().html)
    failed = visitor.goes_to(f"{page.path}?result=failed")
    assert "as <a href=" in failed.html
    assert f"{page.path}/resume" in actions_of(failed)
    assert console.asks("SELECT max(replay) FROM letters WHERE reason = 'bad_ic_number'") == [(1,)]


def test_two_who_press_at_once_replay_each_letter_once(console: Console) -> None:
    console.files(40, reason="unexpected_type", first=2000)
    pressing = [console.visited_by(OPERATOR) for _ in range(2)]
    plans = [(who, who.goes_to("/letters/replay?reason=unexpected_type")) for who in pressing]

    pages = at_once([partial(sends, who, plan, "/letters/replay", why="dibaiki") for who, plan in plans])

    assert sorted(page.status for page in pages) == [200, 422]
    eventually("all were worked", lambda: worked(console, "880101002%") == 40)
    of_each = "SELECT max(n) FROM (SELECT count(*) AS n FROM replays GROUP BY letter_id) AS each"
    assert console.asks(of_each) == [(1,)]


def test_a_cancelled_replay_frees_what_it_has_not_sent_and_goes_on_when_resumed(console: Console) -> None:
    console.files(50, reason="expired", first=3000)
    visitor = console.visited_by(OPERATOR)
    page = replays(visitor, "reason=expired", rate="5")

    cancelled = sends(visitor, page, f"{page.path}/cancel")
    sent = worked(console, "880101003%")
    resumed = sends(visitor, cancelled, f"{page.path}/resume")

    assert "cancelled" in cancelled.html
    assert sent < 50
    assert "The replay goes on with" in resumed.html
    eventually("all were worked", lambda: worked(console, "880101003%") == 50, within=60)


def test_another_console_carries_on_what_a_killed_one_left(console: Console) -> None:
    console.files(60, reason="delivery_limit", first=4000)
    visitor = console.visited_by(OPERATOR)
    page = replays(visitor, "reason=delivery_limit", rate="20")
    eventually("it is on its way", lambda: worked(console, "880101004%") > 0)

    console.world.kill("console")
    left = worked(console, "880101004%")
    console.opens()

    assert left < 60
    eventually("all were worked", lambda: worked(console, "880101004%") == 60, within=60)
    eventually("it is done", lambda: "60 of 60 letters" in visitor.goes_to(page.path).html)


def test_a_bound_that_is_no_number_is_said_at_its_field(console: Console) -> None:
    (letter,) = console.files(reason="unroutable", first=5000)
    visitor = console.visited_by(OPERATOR)
    plan = visitor.goes_to(f"/letters/replay?letter={letter}")

    refused = sends(visitor, plan, "/letters/replay", why="cuba", rate="cepat", most="0")

    assert refused.status == 422
    assert 'id="rate-wrong"' in refused.html
    assert 'id="most-wrong"' in refused.html
    assert console.asks("SELECT count(*) FROM replays WHERE letter_id = :letter", letter=letter) == [(0,)]


def test_what_is_sent_and_not_worked_yet_is_told_apart(console: Console) -> None:
    console.files(3, reason="rejected", first=6000)
    visitor = console.visited_by(OPERATOR)
    with standing_still(console, "state"):
        page = replays(visitor, "reason=rejected")
        eventually("they are sent", lambda: "<dt>Sent, no result yet</dt><dd>3</dd>" in visitor.goes_to(page.path).html)

    eventually("all were worked", lambda: worked(console, "880101006%") == 3)


def test_replays_are_told_a_page_at_a_time(console: Console) -> None:
    with console.world.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO operations (who, reason, filter, state, ended_at) "
            "SELECT 'rahim', 'lama ' || i, '{}', 'done', now() FROM generate_series(1, 45) i"
        )
    visitor = console.visited_by(OPERATOR)

    eventually("the newest is shown", lambda: "lama 45<" in visitor.goes_to("/replays").html)
    pages = [visitor.goes_to("/replays")]
    for _ in range(2):
        (older,) = (link for link in pages[-1].links if "before=" in link)
        pages.append(visitor.goes_to(older))

    shown = [re.findall(r"lama (\d+)<", page.html) for page in pages]
    assert [len(of) for of in shown] == [20, 20, 5]
    assert sorted(int(number) for of in shown for number in of) == list(range(1, 46))
    assert visitor.goes_to("/replays?before=" + "9" * 40).status == 200


def worked(console: Console, like: str) -> int:
    """How many of some people have an account now."""
    return int(console.asks("SELECT count(*) FROM accounts WHERE ic_number LIKE :like", like=like)[0][0])


@contextmanager
def standing_still(console: Console, service: str) -> Iterator[None]:
    """A service stands still, as one that is overloaded or gone."""
    process = console.world.running[service]
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)
