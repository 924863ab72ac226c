"""`aktif ledger`: what was caused is found exactly once, or named, or mended."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, Engine

from schemas.envelope import Outgoing, caused_id, outgoing
from schemas.events import (
    AccountActivated,
    Exchange,
    Lane,
    MailKind,
    MailRequested,
    MailResult,
    MailSettled,
    feed_routing_key,
    routing_key,
)
from services.cli import ledger
from services.cli.ledger import LedgerReport, audit
from shared.broker.management import QueueState
from shared.store.inbox import to_store
from tests.integration.cli.conftest import Aktif, Queues, put

NOW = datetime.now(UTC)
REGISTRATIONS = 5


class Depths:
    """A broker that says what a test wants, one answer after another; the last one for ever."""

    def __init__(self, *answers: Mapping[str, int]) -> None:
        self._answers = list(answers)

    def queues(self) -> list[QueueState]:
        """The next answer."""
        depths = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [QueueState(name, True, {}, depth, 0, 1, 0, 0, 0) for name, depth in depths.items()]


EMPTY = Depths({"state.live": 0, "mailer.live": 0, "feed.kelantan": 7})


@pytest.fixture(autouse=True)
def _no_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "_SETTLE_SECONDS", 0.0)


def _audit(engine: Engine, api: Depths | None = EMPTY) -> LedgerReport:
    return audit(engine, api, settle_seconds=0)


@pytest.fixture
def mails(connection: Connection) -> list[UUID]:
    """Registrations that were worked, each of which caused a mail that was worked and settled; their mail ids."""
    return [_one_round(connection, str(number)) for number in range(REGISTRATIONS)]


def test_a_ledger_without_events_is_clean(engine: Engine) -> None:
    assert _audit(engine) == LedgerReport(0, 0, 0, 0, ledger.Waiting({"state.live": 0, "mailer.live": 0}))
    assert _audit(engine).clean


def test_what_was_received_is_clean(engine: Engine, mails: list[UUID]) -> None:
    report = _audit(engine)

    assert report.clean
    assert (report.caused, report.done, report.dead) == (2 * len(mails), 2 * len(mails), 0)


@pytest.mark.usefixtures("mails")
@pytest.mark.parametrize(("inbox", "type_"), [("mailer", "MailRequested"), ("state", "MailSettled")])
def test_what_is_nowhere_is_named(engine: Engine, connection: Connection, inbox: str, type_: str) -> None:
    put(
        connection, f"DELETE FROM {inbox}_inbox WHERE id = (SELECT max(id) FROM {inbox}_inbox WHERE source ^@ '/aktif')"
    )

    report = _audit(engine)

    assert not report.clean
    assert [event.type for event in report.missing] == [f"aktif.{type_}.v1"]
    assert report.missing == report.lost


def test_while_queues_hold_messages_it_is_not_called_lost(
    engine: Engine, connection: Connection, mails: list[UUID]
) -> None:
    put(connection, "DELETE FROM mailer_inbox")

    report = _audit(engine, Depths({"mailer.live": 3}, {"mailer.live": 2}))

    assert len(report.missing) == len(mails)
    assert report.lost == ()
    assert report.moved
    assert not report.clean
    assert _audit(engine, None).lost == ()


@pytest.mark.usefixtures("mails")
def test_a_second_look_decides(engine: Engine, connection: Connection) -> None:
    """The broker counts every few seconds, so that a queue can look empty while it is not."""
    put(connection, "DELETE FROM mailer_inbox")

    assert _audit(engine, Depths({"mailer.live": 0}, {"mailer.live": 0}, {"mailer.live": 5})).lost == ()


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

    waiting = _audit(engine, Depths({"wait.1h": 5}))
    assert waiting.clean
    assert waiting.waiting.retried_mails == len(mails)
    assert len(_audit(engine).lost) == len(mails)


def test_a_dead_letter_is_a_fate(engine: Engine, connection: Connection, mails: list[UUID]) -> None:
    put(connection, "DELETE FROM state_inbox WHERE source = '/aktif/mailer'")
    _letters(connection, "mailer")
    put(connection, "DELETE FROM mailer_inbox")

    report = _audit(engine)

    assert report.clean
    assert (report.done, report.dead) == (0, len(mails))


def test_worked_after_it_was_dead_is_a_replay_and_dead_after_it_was_worked_is_twice(
    engine: Engine, connection: Connection, mails: list[UUID]
) -> None:
    _letters(connection, "mailer")
    put(connection, "UPDATE letters SET filed_at = now() - interval '1 hour'")
    assert _audit(engine).clean

    put(connection, "UPDATE letters SET filed_at = now() + interval '1 hour'")
    report = _audit(engine)

    assert not report.clean
    assert [event.why for event in report.twice] == ["worked, and dead after that"] * len(mails)


@pytest.mark.usefixtures("mails")
def test_caused_by_two_events_is_twice(engine: Engine, connection: Connection) -> None:
    put(
        connection,
        "INSERT INTO state_inbox SELECT source, 'other', type, digest, outcome, reason, lane, event_time, outgoing "
        "FROM state_inbox WHERE outgoing IS NOT NULL LIMIT 1",
    )

    assert [event.why for event in _audit(engine).twice] == ["caused by two events"] * 2


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
    _worked(connection, "state", ("/portal", "1"), "aktif.PasswordSet.v1", told)

    report = _audit(engine)

    assert report.clean
    assert (report.caused, report.told) == (0, 1)


@pytest.mark.usefixtures("mails")
def test_mend_publishes_what_is_lost_under_the_same_id(
    aktif: Aktif,
    engine: Engine,
    connection: Connection,
    queues: Queues,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.cli.ledger_command._api", lambda _: EMPTY)
    put(connection, "DELETE FROM mailer_inbox WHERE id = (SELECT max(id) FROM mailer_inbox)")
    put(connection, "DELETE FROM state_inbox WHERE source = '/aktif/mailer'")
    missing = {event.id for event in _audit(engine).missing}

    before = aktif("ledger")
    mended = aktif("ledger", "--mend", "--json")

    assert before.code == 1
    assert "aktif ledger --mend" in before.out
    assert mended.code == 0
    assert (mended.json["lost"], mended.json["mended"]) == (REGISTRATIONS, REGISTRATIONS)
    published = [*queues.take("mailer.live"), *queues.take("mailer.bulk"), *queues.take("state.live")]
    assert {event["id"] for event in published} == missing
    assert [event["type"] for event in published] == ["aktif.MailRequested.v1"] + ["aktif.MailSettled.v1"] * 4


def test_a_clean_ledger_exits_0(aktif: Aktif, mails: list[UUID]) -> None:
    said = aktif("ledger")

    assert said.code == 0
    assert "Clean" in said.out
    assert aktif("ledger", "--json").json["caused"] == 2 * len(mails)


@pytest.mark.usefixtures("mails")
def test_what_is_not_decided_is_not_mended(
    aktif: Aktif, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.cli.ledger_command._api", lambda _: Depths({"mailer.live": 1}))
    put(connection, "DELETE FROM mailer_inbox")

    said = aktif("ledger", "--mend")

    assert said.code == 1
    assert "Not decided" in said.out


def _one_round(connection: Connection, id_: str) -> UUID:
    mail = uuid4()
    requested = MailRequested(mail_id=mail, account_id=uuid4(), link_id=uuid4(), kind=MailKind.ACTIVATION)
    request = _caused(("/hr/kelantan", id_), requested, "/aktif/state", Lane.BULK)
    settled = MailSettled(
        mail_id=mail,
        account_id=requested.account_id,
        link_id=requested.link_id,
        result=MailResult.ACCEPTED,
        settled_at=NOW,
        reply="250 Ok",
    )
    settling = _caused(("/aktif/state", request.id), settled, "/aktif/mailer", Lane.LIVE)
    _worked(connection, "state", ("/hr/kelantan", id_), "aktif.ActivationRequested.v1", request)
    _worked(connection, "mailer", ("/aktif/state", request.id), request.type, settling)
    _worked(connection, "state", ("/aktif/mailer", settling.id), settling.type)
    return mail


def _caused(cause: tuple[str, str], data: MailRequested | MailSettled, source: str, lane: Lane) -> Outgoing:
    id_ = caused_id(cause, 0, type(data).__name__)
    key = routing_key(lane, data)
    return outgoing(data, id=id_, source=source, time=NOW, exchange=Exchange.EVENTS, routing_key=key)


def _worked(connection: Connection, service: str, key: tuple[str, str], type_: str, *caused: Outgoing) -> None:
    put(
        connection,
        f"INSERT INTO {service}_inbox (source, id, type, digest, outcome, lane, event_time, outgoing) "
        "VALUES (:source, :id, :type, 'x', 'applied', 'live', now(), CAST(:outgoing AS jsonb))",
        source=key[0],
        id=key[1],
        type=type_,
        outgoing=to_store(caused),
    )


def _letters(connection: Connection, service: str) -> None:
    put(
        connection,
        "INSERT INTO letters (service, source, id, queue, origin, reason, fingerprint, body, headers) "
        "SELECT :service, source, id, :queue, 'aktif.events', 'gave_up', 'x', '{}', CAST(:headers AS jsonb) "
        f"FROM {service}_inbox",
        service=service,
        queue=f"{service}.live",
        headers=json.dumps({}),
    )
