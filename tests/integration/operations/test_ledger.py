"""The ledger: what was caused is found exactly once, or named."""

from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine

from schemas.envelope import outgoing
from schemas.events import AccountActivated, Exchange, feed_routing_key
from shared.broker.management import ManagementApi, ManagementError, QueueState, vhost_of
from shared.broker.provision import provision
from shared.broker.topology import TOPOLOGY
from shared.operations.ledger import Caused, LedgerReport, Verdict, Waiting, audit
from tests.conftest import Broker
from tests.integration.operations.conftest import put
from tests.support.ledger import EMPTY, NOW, Depths, letters_of_all, one_round, worked

REGISTRATIONS = 5


class Silent:
    """A broker that answers every second time, beginning with a refusal."""

    def __init__(self) -> None:
        self._asked = 0

    def queues(self) -> list[QueueState]:
        """Nothing in any queue, or a refusal."""
        self._asked += 1
        if self._asked % 2:
            raise ManagementError("GET /api/queues: 401")
        return EMPTY.queues()


@pytest.fixture
def mails(connection: Connection) -> list[UUID]:
    """Registrations that were worked, each of which caused a mail that was worked and settled; their mail ids."""
    return [one_round(connection, str(number)) for number in range(REGISTRATIONS)]


def found(engine: Engine, api: Depths | Silent | None = EMPTY) -> LedgerReport:
    """What the ledger says, where nobody need wait for a broker to count anew."""
    return audit(engine, api, settle_seconds=0)


def test_a_ledger_without_events_is_clean(engine: Engine) -> None:
    report = found(engine)

    assert report == LedgerReport(0, 0, 0, 0, Waiting({"state.live": 0, "mailer.live": 0}))
    assert report.verdict is Verdict.CLEAN


def test_what_was_received_is_clean(engine: Engine, mails: list[UUID]) -> None:
    report = found(engine)

    assert report.clean
    assert (report.caused, report.done, report.dead) == (2 * len(mails), 2 * len(mails), 0)


@pytest.mark.usefixtures("mails")
@pytest.mark.parametrize(("inbox", "type_"), [("mailer", "MailRequested"), ("state", "MailSettled")])
def test_what_is_nowhere_is_named(engine: Engine, connection: Connection, inbox: str, type_: str) -> None:
    put(
        connection, f"DELETE FROM {inbox}_inbox WHERE id = (SELECT max(id) FROM {inbox}_inbox WHERE source ^@ '/aktif')"
    )

    report = found(engine)

    assert report.verdict is Verdict.LOST
    assert [event.type for event in report.missing] == [f"aktif.{type_}.v1"]
    assert report.missing == report.lost


def test_while_queues_hold_messages_it_is_not_called_lost(
    engine: Engine, connection: Connection, mails: list[UUID]
) -> None:
    put(connection, "DELETE FROM mailer_inbox")

    report = found(engine, Depths({"mailer.live": 3}, {"mailer.live": 2}))

    assert len(report.missing) == len(mails)
    assert report.lost == ()
    assert report.moved
    assert report.verdict is Verdict.UNDECIDED


@pytest.mark.usefixtures("mails")
def test_a_second_look_decides(engine: Engine, connection: Connection) -> None:
    """The broker counts every few seconds, so that a queue can look empty while it is not."""
    put(connection, "DELETE FROM mailer_inbox")

    assert found(engine, Depths({"mailer.live": 0}, {"mailer.live": 0}, {"mailer.live": 5})).lost == ()


@pytest.mark.usefixtures("mails")
def test_what_a_queue_held_before_the_look_may_be_on_its_way(engine: Engine, connection: Connection) -> None:
    put(connection, "DELETE FROM mailer_inbox")

    report = found(engine, Depths({"mailer.live": 5}, {"mailer.live": 0}))

    assert report.verdict is Verdict.UNDECIDED
    assert report.waiting.messages == 5


@pytest.mark.usefixtures("mails")
def test_what_was_caused_between_two_looks_is_not_lost(engine: Engine, connection: Connection) -> None:
    put(connection, "DELETE FROM mailer_inbox WHERE id = (SELECT min(id) FROM mailer_inbox)")
    lost = {event.id for event in found(engine).lost}
    assert len(lost) == 1

    class Busy(Depths):
        """A broker beside which something is caused before the second look."""

        def queues(self) -> list[QueueState]:
            """Empty, again and again."""
            if (asked := getattr(self, "_asked", 0)) == 2:
                put(connection, "DELETE FROM mailer_inbox")
            self._asked = asked + 1
            return super().queues()

    report = found(engine, Busy({"mailer.live": 0}))

    assert lost < {event.id for event in report.missing}
    assert lost == {event.id for event in report.lost}


@pytest.mark.usefixtures("mails")
def test_where_the_broker_cannot_be_asked_nothing_is_called_lost(engine: Engine, connection: Connection) -> None:
    put(connection, "DELETE FROM mailer_inbox")
    gone = ManagementApi("http://guest:guest@127.0.0.1:9", "/", 1)

    assert [found(engine, api).verdict for api in (None, Silent())] == [Verdict.UNDECIDED] * 2
    assert audit(engine, gone, settle_seconds=0).waiting == Waiting(None)


def test_a_mail_that_is_tried_again_waits_unless_no_queue_holds_it(
    engine: Engine, connection: Connection, mails: list[UUID]
) -> None:
    put(connection, "DELETE FROM state_inbox WHERE source = '/aktif/mailer'")
    put(connection, "DELETE FROM mailer_inbox")
    for mail in mails:
        put(
            connection,
            "INSERT INTO mails (mail_id, account_id, kind, lane, requested_at, attempts) "
            "VALUES (:mail, :mail, 'activation', 'live', now(), 2)",
            mail=mail,
        )

    waiting = found(engine, Depths({"wait.1h": 5}))
    assert waiting.clean
    assert waiting.waiting.retried_mails == len(mails)
    assert len(found(engine).lost) == len(mails)


def test_a_dead_letter_is_a_fate(engine: Engine, connection: Connection, mails: list[UUID]) -> None:
    put(connection, "DELETE FROM state_inbox WHERE source = '/aktif/mailer'")
    letters_of_all(connection, "mailer")
    put(connection, "DELETE FROM mailer_inbox")

    report = found(engine)

    assert report.clean
    assert (report.done, report.dead) == (0, len(mails))


def test_worked_after_it_was_dead_is_a_replay_and_dead_after_it_was_worked_is_twice(
    engine: Engine, connection: Connection, mails: list[UUID]
) -> None:
    letters_of_all(connection, "mailer")
    put(connection, "UPDATE letters SET filed_at = now() - interval '1 hour'")
    assert found(engine).clean

    put(connection, "UPDATE letters SET filed_at = now() + interval '1 hour'")
    report = found(engine)

    assert report.verdict is Verdict.TWICE
    assert [event.why for event in report.twice] == ["worked, and dead after that"] * len(mails)


def test_a_letter_that_somebody_closed_is_no_second_fate(
    engine: Engine, connection: Connection, mails: list[UUID]
) -> None:
    letters_of_all(connection, "mailer")
    put(connection, "UPDATE letters SET filed_at = now() + interval '1 hour'")

    put(
        connection,
        "INSERT INTO closings (letter_id, kind, at, who, reason) SELECT letter_id, 'discarded', filed_at, 'siti', 'ok' "
        "FROM letters ORDER BY letter_id LIMIT 2",
    )

    assert len(found(engine).twice) == len(mails) - 2
    put(connection, "UPDATE letters SET filed_at = now() + interval '2 hours'")  # they have died again since
    assert len(found(engine).twice) == len(mails)


@pytest.mark.usefixtures("mails")
def test_caused_by_two_events_is_twice(engine: Engine, connection: Connection) -> None:
    put(
        connection,
        "INSERT INTO state_inbox SELECT source, 'other', type, digest, outcome, reason, lane, event_time, outgoing "
        "FROM state_inbox WHERE outgoing IS NOT NULL LIMIT 1",
    )

    assert [event.why for event in found(engine).twice] == ["caused by two events"] * 2


def test_what_hr_is_told_has_no_receiver_of_ours(engine: Engine, connection: Connection) -> None:
    data = AccountActivated(ic_number="850101030007", activated_at=NOW)
    told = outgoing(
        data,
        id="told",
        source="/aktif/state",
        time=NOW,
        exchange=Exchange.FEED,
        routing_key=feed_routing_key("kelantan", data),
    )
    worked(connection, "state", ("/portal", "1"), "aktif.PasswordSet.v1", told)

    report = found(engine)

    assert report.clean
    assert (report.caused, report.told) == (0, 1)


def test_a_verdict_is_the_worst_of_what_was_found() -> None:
    one = (Caused("/aktif/state", "id", "aktif.MailRequested.v1", "state_inbox", "/hr/x", "1", NOW),)
    reports = [
        LedgerReport(1, 0, 0, 0, Waiting({}), missing=one, lost=one, twice=one),
        LedgerReport(1, 0, 0, 0, Waiting({}), missing=one, twice=one),
        LedgerReport(1, 0, 0, 0, Waiting({}), missing=one),
        LedgerReport(1, 1, 0, 0, Waiting({})),
    ]

    assert [report.verdict for report in reports] == list(Verdict)
    assert [report.clean for report in reports] == [False, False, False, True]


def test_the_queues_of_a_real_broker_are_read(engine: Engine, vhost: str, rabbitmq: Broker) -> None:
    assert provision([vhost]) == []

    report = audit(engine, ManagementApi(rabbitmq.api_url, vhost_of(vhost)), settle_seconds=0)

    assert report.waiting.queues == {queue.name: 0 for queue in TOPOLOGY.queues}
