"""Events that were caused and worked, written as workers write them, for the ledger to find or to miss."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import Connection, text

from schemas.envelope import Outgoing, caused_id, outgoing
from schemas.events import Exchange, Lane, MailKind, MailRequested, MailResult, MailSettled, routing_key
from shared.broker.management import QueueState
from shared.store.inbox import to_store

NOW = datetime.now(UTC)
_WORKED: Final = (
    "INSERT INTO {service}_inbox (source, id, type, digest, outcome, lane, event_time, outgoing) "
    "VALUES (:source, :id, :type, 'x', 'applied', 'live', now(), CAST(:outgoing AS jsonb))"
)
_LETTERS: Final = (
    "INSERT INTO letters (service, source, id, queue, origin, reason, fingerprint, body, headers) "
    "SELECT '{service}', source, id, '{service}.live', 'aktif.events', 'gave_up', 'x', '{{}}', '{{}}' "
    "FROM {service}_inbox"
)


class Depths:
    """A broker that says what a test wants, one answer after another; the last one for ever."""

    def __init__(self, *answers: Mapping[str, int]) -> None:
        self._answers = list(answers)

    def queues(self) -> list[QueueState]:
        """The next answer."""
        depths = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [QueueState(name, True, {}, depth, 0, 1, 0, 0, 0) for name, depth in depths.items()]


EMPTY = Depths({"state.live": 0, "mailer.live": 0, "feed.kelantan": 7})


def one_round(connection: Connection, id_: str) -> UUID:
    """A registration that was worked, and caused a mail that was worked and settled; gives the mail's id."""
    mail = uuid4()
    requested = MailRequested(mail_id=mail, account_id=uuid4(), link_id=uuid4(), kind=MailKind.ACTIVATION)
    request = caused(("/hr/kelantan", id_), requested, "/aktif/state", Lane.BULK)
    settled = MailSettled(
        mail_id=mail,
        account_id=requested.account_id,
        link_id=requested.link_id,
        result=MailResult.ACCEPTED,
        settled_at=NOW,
        reply="250 Ok",
    )
    settling = caused(("/aktif/state", request.id), settled, "/aktif/mailer", Lane.LIVE)
    worked(connection, "state", ("/hr/kelantan", id_), "aktif.ActivationRequested.v1", request)
    worked(connection, "mailer", ("/aktif/state", request.id), request.type, settling)
    worked(connection, "state", ("/aktif/mailer", settling.id), settling.type)
    return mail


def caused(cause: tuple[str, str], data: MailRequested | MailSettled, source: str, lane: Lane) -> Outgoing:
    """An event that another caused."""
    id_ = caused_id(cause, 0, type(data).__name__)
    key = routing_key(lane, data)
    return outgoing(data, id=id_, source=source, time=NOW, exchange=Exchange.EVENTS, routing_key=key)


def worked(connection: Connection, service: str, key: tuple[str, str], type_: str, *caused: Outgoing) -> None:
    """The inbox row of an event."""
    row = {"source": key[0], "id": key[1], "type": type_, "outgoing": to_store(caused)}
    connection.execute(text(_WORKED.format(service=service)), row)


def letters_of_all(connection: Connection, service: str) -> None:
    """A letter for each event that a service has worked."""
    connection.execute(text(_LETTERS.format(service=service)))
