"""The mailer's tables: what is known of a batch is read, and what became of its mails is written, set by set."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, text

from schemas.envelope import Event, Outgoing, caused_id, outgoing
from schemas.events import Exchange, Lane, MailRequested, MailResult, MailSettled, routing_key, type_of
from services.mailer.replies import Attempt
from shared.broker.verdicts import Delivery, Wait
from shared.store import inbox
from shared.store.inbox import Outcome, Receipt
from shared.store.tables import mailer_inbox

SOURCE: Final = "/aktif/mailer"


@dataclass(frozen=True, slots=True)
class Known:
    """What the database knows of one requested mail. Columns of rows that are not there are None."""

    digest: bytes | None
    outgoing: list[dict[str, Any]] | None
    state: str | None
    name: str | None
    email: str | None
    registered_at: datetime | None
    activated_at: datetime | None
    password_set_at: datetime | None
    link_account: UUID | None
    purpose: str | None
    latest_mail: UUID | None
    redeemed_at: datetime | None
    superseded_at: datetime | None
    attempts: int | None
    unknowns: int | None
    result: str | None
    reply: str | None
    settled_at: datetime | None

    @property
    def receipt(self) -> Receipt | None:
        """The row of the inbox, if this event was worked before."""
        return None if self.digest is None else Receipt(self.digest, tuple(inbox.stored(self.outgoing)))


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One requested mail of a batch."""

    delivery: Delivery
    event: Event
    request: MailRequested
    known: Known

    @property
    def email(self) -> str:
        """The address as the account has it now."""
        return self.known.email or ""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a job: settled with a result, or (`result` None) to be tried again after `retry`.

    `taken`: a mail server took the mail, or may have; `attempt` is None where nothing was sent; `tries` and `unknowns`
    are the mail's totals, this one included.
    """

    job: Job
    result: MailResult | None
    reply: str
    tries: int
    unknowns: int
    attempt: Attempt | None = None
    taken: bool = False
    retry: Wait | None = None


_READ: Final = text(
    "SELECT i.digest, i.outgoing, a.state, a.name, a.email, a.registered_at, a.activated_at, a.password_set_at, "
    "l.account_id, l.purpose, l.mail_id, l.redeemed_at, l.superseded_at, "
    "m.attempts, m.unknowns, m.result, m.reply, m.settled_at "
    "FROM ROWS FROM (jsonb_to_recordset(CAST(:rows AS jsonb)) "
    "AS (source text, id text, mail_id uuid, account_id uuid, link_id uuid)) WITH ORDINALITY "
    "AS w (source, id, mail_id, account_id, link_id, place) "
    "LEFT JOIN mailer_inbox i ON i.source = w.source AND i.id = w.id "
    "LEFT JOIN accounts a ON a.account_id = w.account_id "
    "LEFT JOIN links l ON l.link_id = w.link_id "
    "LEFT JOIN mails m ON m.mail_id = w.mail_id "
    "ORDER BY w.place"
)


def read(connection: Connection, requests: Sequence[tuple[Event, MailRequested]]) -> list[Known]:
    """What is known of each requested mail, in order, in one statement."""
    rows = [
        {
            "source": event.source,
            "id": event.id,
            "mail_id": str(request.mail_id),
            "account_id": str(request.account_id),
            "link_id": str(request.link_id) if request.link_id else None,
        }
        for event, request in requests
    ]
    return [Known(*row) for row in connection.execute(_READ, {"rows": _json(rows)})]


_WRITE: Final = text(
    "WITH given AS (SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (source text, id text, digest text, "
    "outcome text, reason text, lane text, event_time timestamptz, outgoing text, mail_id uuid, account_id uuid, "
    "link_id uuid, kind text, email text, attempts integer, unknowns integer, taken boolean, result text, reply text, "
    "attempt text, smtp_code smallint, enhanced_code text, milliseconds integer)), "
    "received AS (INSERT INTO mailer_inbox (source, id, type, digest, outcome, reason, lane, event_time, outgoing) "
    "SELECT source, id, :type, decode(digest, 'hex'), outcome, reason, lane, event_time, outgoing::jsonb "
    "FROM given WHERE outcome IS NOT NULL ORDER BY source, id ON CONFLICT DO NOTHING RETURNING source, id), "
    "ours AS (SELECT given.* FROM given LEFT JOIN received USING (source, id) "
    "WHERE given.outcome IS NULL OR received.id IS NOT NULL), "
    "mailed AS (INSERT INTO mails AS m (mail_id, account_id, link_id, kind, lane, requested_at, email, attempts, "
    "unknowns, first_accepted_at, accepted_at, result, reply, settled_at) "
    "SELECT mail_id, account_id, link_id, kind, lane, event_time, email, attempts, unknowns, "
    "CASE WHEN taken THEN now() END, CASE WHEN taken THEN now() END, result, reply, "
    "CASE WHEN result IS NOT NULL THEN now() END FROM ours ORDER BY mail_id "
    "ON CONFLICT (mail_id) DO UPDATE SET email = COALESCE(excluded.email, m.email), attempts = excluded.attempts, "
    "unknowns = excluded.unknowns, first_accepted_at = COALESCE(m.first_accepted_at, excluded.first_accepted_at), "
    "accepted_at = COALESCE(excluded.accepted_at, m.accepted_at), result = excluded.result, reply = excluded.reply, "
    "settled_at = excluded.settled_at), "
    "tried AS (INSERT INTO attempts (mail_id, email, result, smtp_code, enhanced_code, reply, milliseconds) "
    "SELECT mail_id, email, attempt, smtp_code, enhanced_code, reply, milliseconds "
    "FROM ours WHERE attempt IS NOT NULL) "
    "SELECT source, id FROM ours"
)


def commit(connection: Connection, settlements: Sequence[Settlement]) -> list[Sequence[Outgoing]]:
    """Write inbox, mails and attempts in one statement; returns what each settlement causes, nothing for a retry.

    Where another process, or this one before its connection was lost, has committed an event, its row is left alone and
    what it stored is returned. Rows are written in the order of their keys, so that processes cannot deadlock.
    """
    now: datetime = connection.execute(text("SELECT now()")).scalar_one()
    caused: dict[inbox.Key, Sequence[Outgoing]] = {
        s.job.event.key: () if s.result is None else (settled_event(s.job, s.result, s.reply, now),)
        for s in settlements
    }
    rows = [_row(s, caused[s.job.event.key]) for s in settlements]
    parameters = {"type": type_of(settlements[0].job.request), "rows": _json(rows)}
    ours = {(source, id_) for source, id_ in connection.execute(_WRITE, parameters)}
    earlier = inbox.find(connection, mailer_inbox, caused.keys() - ours)
    caused |= {key: receipt.outgoing for key, receipt in earlier.items()}
    return [caused[s.job.event.key] for s in settlements]


def settled_event(job: Job, result: MailResult, reply: str, at: datetime) -> Outgoing:
    """The MailSettled of a job; always live, for it decides what a waiting person is shown."""
    request = job.request
    data = MailSettled(
        mail_id=request.mail_id,
        account_id=request.account_id,
        link_id=request.link_id,
        result=result,
        settled_at=at,
        reply=reply,
    )
    return outgoing(
        data,
        id=caused_id(job.event.key, job.delivery.replay, "MailSettled"),
        source=SOURCE,
        time=at,
        exchange=Exchange.EVENTS,
        routing_key=routing_key(Lane.LIVE, data),
    )


_OUTCOME: Final = {
    MailResult.ACCEPTED: Outcome.APPLIED,
    MailResult.FAILED: Outcome.REJECTED,
    MailResult.SKIPPED: Outcome.IGNORED,
}
"""What is dead or retried leaves no receipt, so that a replay, or the next attempt, is worked."""


def effect_of(settlement: Settlement) -> tuple[Outcome, str] | None:
    """The outcome of an event and its reason word, which is empty for a mail sent; None where there is no receipt."""
    result = settlement.result
    if result is None or result not in _OUTCOME:
        return None
    reasons = {MailResult.FAILED: "permanent", MailResult.SKIPPED: settlement.reply}
    return _OUTCOME[result], reasons.get(result, "")


def _row(settlement: Settlement, caused: Sequence[Outgoing]) -> dict[str, object]:
    job, result, attempt = settlement.job, settlement.result, settlement.attempt
    event, request = job.event, job.request
    outcome, reason = effect_of(settlement) or (None, "")
    return {
        "source": event.source,
        "id": event.id,
        "digest": event.digest.hex(),
        "outcome": outcome,
        "reason": reason or None,
        "lane": job.delivery.lane,
        "event_time": event.time.isoformat(),
        "outgoing": inbox.to_store(caused),
        "mail_id": str(request.mail_id),
        "account_id": str(request.account_id),
        "link_id": str(request.link_id) if request.link_id else None,
        "kind": request.kind,
        "email": job.email if attempt else None,
        "attempts": settlement.tries,
        "unknowns": settlement.unknowns,
        "taken": settlement.taken,
        "result": result,
        "reply": settlement.reply,
        "attempt": attempt.result if attempt else None,
        "smtp_code": attempt.code if attempt else None,
        "enhanced_code": attempt.enhanced if attempt else None,
        "milliseconds": attempt.milliseconds if attempt else None,
    }


def _json(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows as one parameter: psycopg writes arrays element by element in Python, which takes ten times as long."""
    return json.dumps(rows, ensure_ascii=False)
