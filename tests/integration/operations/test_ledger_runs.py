"""Each run of the ledger is kept; what is lost is published again, and the audit told before."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from shared.broker.publisher import Message
from shared.operations.audit import read
from shared.operations.ledger import Caused, LedgerReport, Verdict, Waiting, audit
from shared.operations.ledger_runs import MOST_NAMED, Run, keep, mend, newest, one
from tests.integration.operations.conftest import put
from tests.support.ledger import EMPTY, one_round

AT = datetime(2026, 1, 5, 8, tzinfo=UTC)


def event(number: int, why: str = "nowhere") -> Caused:
    """An event whose cause is HR's, with an id that nobody should keep."""
    cause = "/hr/kelantan", "850101030007"
    return Caused("/aktif/state", f"id-{number}", "aktif.MailRequested.v1", "state_inbox", *cause, AT, why)


def report(**changes: Any) -> LedgerReport:
    """A clean one, or otherwise."""
    numbers = {"caused": 9, "sent": 3, "done": 7, "dead": 2, "told": 4}
    fields: dict[str, Any] = {**numbers, "waiting": Waiting({"mailer.live": 0})}
    return LedgerReport(**(fields | changes))


def kept(connection: Connection, of: LedgerReport) -> Run:
    """Keeps a run, and reads it."""
    found = one(connection, keep(connection, of, "siti", 1.5))
    assert found is not None
    return found


def test_a_clean_run_is_kept_as_it_was(connection: Connection) -> None:
    run = kept(connection, report(moved=True))

    assert (run.who, run.seconds, run.verdict) == ("siti", 1.5, Verdict.CLEAN)
    assert (run.caused, run.sent, run.done, run.dead, run.told) == (9, 3, 7, 2, 4)
    assert (run.missing, run.lost, run.twice, run.left, run.mended) == (0, 0, 0, 0, 0)
    assert (run.queues, run.waiting, run.moved, run.nowhere, run.doubled) == ({}, 0, True, (), ())
    assert newest(connection, limit=5) == [run]
    assert one(connection, run.ledger_id + 1) is None


def test_what_was_found_is_named_without_its_cause(connection: Connection) -> None:
    lost, twice = tuple(map(event, range(25))), (event(99, "caused by two events"),)

    run = kept(connection, report(missing=(*lost, event(98)), lost=lost, twice=twice))

    assert (run.verdict, run.missing, run.lost, run.unfound, run.twice) == (Verdict.LOST, 26, 25, 1, 1)
    assert [named.id for named in run.nowhere] == [f"id-{number}" for number in range(MOST_NAMED)]
    assert [(named.type, named.at, named.why) for named in run.doubled] == [
        ("aktif.MailRequested.v1", AT, "caused by two events")
    ]
    held = connection.exec_driver_sql("SELECT string_agg(CAST(l AS text), '') FROM ledgers l").scalar_one()
    assert "850101030007" not in held


def test_what_waits_is_kept_and_what_cannot_be_known_too(connection: Connection) -> None:
    waits = kept(connection, report(missing=(event(1),), waiting=Waiting({"mailer.live": 3, "wait.1h": 0}, 2)))
    unknown = kept(connection, report(missing=(event(1),), waiting=Waiting(None)))

    assert (waits.verdict, waits.queues, waits.retried_mails, waits.unfound) == (
        Verdict.UNDECIDED, {"mailer.live": 3}, 2, 1,
    )  # fmt: skip
    assert [named.id for named in waits.nowhere] == ["id-1"]
    assert unknown.queues is None


def test_a_run_is_forgotten_after_400_days(connection: Connection) -> None:
    old, older = (kept(connection, report()).ledger_id for _ in range(2))
    put(connection, "UPDATE ledgers SET at = now() - interval '399 days' WHERE ledger_id = :run", run=old)
    put(connection, "UPDATE ledgers SET at = now() - interval '401 days' WHERE ledger_id = :run", run=older)

    fresh = kept(connection, report()).ledger_id

    assert [run.ledger_id for run in newest(connection, limit=5)] == [fresh, old]


def test_what_is_lost_is_published_again_under_the_same_ids(engine: Engine, connection: Connection) -> None:
    for number in range(3):
        one_round(connection, str(number))
    put(connection, "DELETE FROM mailer_inbox WHERE id = (SELECT max(id) FROM mailer_inbox)")
    put(connection, "DELETE FROM state_inbox WHERE source = '/aktif/mailer'")
    found = audit(engine, EMPTY, settle_seconds=0)
    run, published = kept(connection, found), list[Message]()

    def publish(messages: Iterator[Message]) -> int:
        assert [entry.what for entry in read(connection)] == ["mend"]  # what is done is audited first
        published.extend(messages)
        return len(published)

    assert mend(engine, run.ledger_id, found, "siti", "baris gilir dikosongkan", publish) == 3

    assert {message.message_id for message in published} == {event.id for event in found.lost}
    types = sorted(str(message.type) for message in published)
    assert types == ["aktif.MailRequested.v1"] + ["aktif.MailSettled.v1"] * 2
    (entry,) = read(connection)
    assert (entry.who, entry.subject, entry.reason) == ("siti", f"ledger {run.ledger_id}", "baris gilir dikosongkan")
    assert entry.details == {"events": 3}
    (after,) = newest(connection, limit=5)
    assert (after.lost, after.mended, after.left) == (3, 3, 0)


def test_a_broker_that_takes_nothing_leaves_the_run_unmended_and_the_try_audited(
    engine: Engine, connection: Connection
) -> None:
    one_round(connection, "1")
    put(connection, "DELETE FROM state_inbox WHERE source = '/aktif/mailer'")
    found = audit(engine, EMPTY, settle_seconds=0)
    run = kept(connection, found)

    def publish(_: Iterator[Message]) -> int:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        mend(engine, run.ledger_id, found, "siti", None, publish)

    assert [(entry.what, entry.details) for entry in read(connection)] == [("mend", {"events": 1})]
    assert newest(connection, limit=1)[0].left == 1
