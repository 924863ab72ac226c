"""Several workers on the same people."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
import structlog

from services.state.accounts import Accounts
from services.state.decisions import Rules
from services.state.worker import StateHandler
from shared.broker.verdicts import Delivery, Done, Verdict
from shared.store.engine import open_engine
from tests.integration.state.desk import Desk, body_of, published
from tests.support.builders import IC, THEN, a_link, an_account, delivery, mail_settled, registration, withdrawal
from tests.unit.state.life import minutes

OTHER_IC = "900202035008"


def at_once(desk: Desk, *batches: Sequence[Delivery]) -> list[Sequence[Verdict]]:
    """Each batch in a worker of its own, all begun together."""
    start = threading.Barrier(len(batches))

    def work(deliveries: Sequence[Delivery]) -> Sequence[Verdict]:
        engine = open_engine(desk.url, application="state-rival")
        try:
            start.wait()
            return StateHandler(engine, Rules())(deliveries)
        finally:
            engine.dispose()

    with ThreadPoolExecutor(len(batches)) as pool:
        return list(pool.map(work, batches))


def meeting(monkeypatch: pytest.MonkeyPatch, parties: int) -> None:
    """Hold every worker once, after it has locked and read, until all have: each then knows of no other."""
    barrier = threading.Barrier(parties)
    met = threading.local()
    genuine: Callable[[Accounts], None] = Accounts.save

    def save(self: Accounts) -> None:
        if not getattr(met, "already", False):
            met.already = True
            barrier.wait(10)
        genuine(self)

    monkeypatch.setattr(Accounts, "save", save)


def test_two_workers_with_the_same_events_have_one_effect_and_one_answer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliveries = [delivery(registration(f"850101{number:06d}")) for number in range(100)]
    meeting(monkeypatch, 2)

    one, two = at_once(desk, deliveries, deliveries)

    assert [event.id for event in published(one)] == [event.id for event in published(two)]
    assert [body_of(event) for event in published(one)] == [body_of(event) for event in published(two)]
    assert len(desk.timeline()) == len(desk.inbox()) == len(desk.states()) == 100


def test_the_same_event_of_nobody_is_answered_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two accounts that do not exist, one key: here only the inbox can decide."""
    one = delivery(registration(IC), id="once")
    two = delivery(registration(OTHER_IC), id="once")
    meeting(monkeypatch, 2)

    verdicts = [verdict for (verdict,) in at_once(desk, [one], [two])]

    assert sorted(type(verdict).__name__ for verdict in verdicts) == ["Dead", "Done"]
    assert len(desk.states()) == 1


@pytest.mark.parametrize("known", [False, True], ids=["new people", "known people"])
def test_crossing_ic_numbers_surface_no_deadlock(desk: Desk, known: bool) -> None:
    ics = [f"850101{number:06d}" for number in range(200)]
    if known:
        desk.works(*(delivery(registration(ic), THEN - minutes(1)) for ic in ics))
    events = [[delivery(registration(ic, name=f"PEGAWAI {worker}")) for ic in ics] for worker in range(4)]

    with structlog.testing.capture_logs() as logs:
        verdicts = at_once(desk, events[0], events[1][::-1], events[2], events[3][::-1])

    assert all(isinstance(verdict, Done) for of_worker in verdicts for verdict in of_worker)
    assert {entry["event"] for entry in logs} <= {"batch_overtaken"}
    assert desk.rows("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == [(0,)]
    assert len(desk.inbox()) == 800 + 200 * known
    assert desk.rows("SELECT count(*) FROM links WHERE superseded_at IS NULL") == [(200,)]


def test_a_withdrawal_and_its_registration_on_two_workers_end_as_hr_ordered_them(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting(monkeypatch, 2)

    at_once(desk, [delivery(registration())], [delivery(withdrawal(), THEN + minutes(1))])

    assert desk.states() == {IC: "withdrawn"}
    assert len(desk.timeline()) == 2


@contextmanager
def held(desk: Desk, sql: str) -> Iterator[None]:
    """Another transaction has done this, and has not committed."""
    with psycopg.connect(desk.plain_url) as connection:
        connection.execute(sql)
        yield
        connection.rollback()


def wait_until_blocked(desk: Desk, workers: int = 1) -> None:
    for _ in range(500):
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        if desk.rows(waiting) == [(workers,)]:
            return
        time.sleep(0.01)
    raise AssertionError("no worker came to wait for a lock")


def is_free(desk: Desk, sql: str) -> bool:
    """Whether a statement goes through without waiting for anybody."""
    with psycopg.connect(desk.plain_url) as connection:
        connection.execute("SET lock_timeout = 100")
        try:
            connection.execute(sql)
        except psycopg.errors.LockNotAvailable:
            return False
        finally:
            connection.rollback()
    return True


TEN = [f"85010103000{number}" for number in range(10)]
SHUFFLED = [TEN[place] for place in (7, 2, 9, 0, 5, 4, 8, 1, 6, 3)]
LOCK = "SELECT FROM accounts WHERE ic_number = '{}' FOR UPDATE"
INSERT_ACCOUNT = (
    "INSERT INTO accounts (account_id, ic_number, state, hr_source, hr_time) "
    "VALUES (gen_random_uuid(), '{}', 'withdrawn', '/hr/kelantan', now())"
)
INSERT_KEY = (
    "INSERT INTO state_inbox (source, id, type, digest, outcome, lane, event_time) "
    "VALUES ('/hr/kelantan', '{}', 'type', '', 'ignored', 'live', now())"
)


@pytest.mark.parametrize("taken", [LOCK, INSERT_ACCOUNT, INSERT_KEY], ids=["known people", "new people", "inbox keys"])
def test_whatever_the_order_of_arrival_locks_are_taken_in_sorted_order(desk: Desk, taken: str) -> None:
    if taken == LOCK:
        for ic in SHUFFLED:
            desk.works(delivery(registration(ic)))
    known = {row[0]: row[1] for row in desk.rows("SELECT ic_number, account_id FROM accounts")}
    settled = [delivery(mail_settled(an_account(account_id=known[ic]), a_link())) for ic in SHUFFLED if ic in known]
    deliveries = [*settled[:5], *(delivery(registration(ic), id=ic) for ic in SHUFFLED[len(settled[:5]) :])]

    with ThreadPoolExecutor(1) as pool, held(desk, taken.format(TEN[5])):
        working = pool.submit(desk.works, *deliveries)
        wait_until_blocked(desk)
        free = [ic for ic in TEN if is_free(desk, taken.format(ic))]

    assert free == TEN[6:]
    assert working.result(30) == ["done"] * 10


def test_whoever_waited_for_an_account_sees_what_its_holder_did(desk: Desk) -> None:
    desk.works(delivery(registration()))
    again = [delivery(registration(name="ORANG LAIN"), THEN + minutes(1))]

    with structlog.testing.capture_logs() as logs, ThreadPoolExecutor(1) as pool:
        with held(desk, LOCK.format(IC)):
            working = pool.submit(at_once, desk, again, again)
            wait_until_blocked(desk, workers=2)
        one, two = working.result(30)

    assert one == two
    assert logs == []
    assert desk.timeline()[1:] == ["ActivationRequested.registration: applied corrected"]
