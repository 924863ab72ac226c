"""What the pages read in the database. They write there only limits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

from services.portal.standing import Found
from shared.links import Acceptance, Purpose

_FOUND: Final = text(
    "SELECT now() AS now, l.link_id, l.purpose, l.account_id, a.ic_number, a.name, a.email, a.registered_at, a.state, "
    "l.redeemed_at, l.session_digest, l.questions_at, l.completed_at, l.superseded_at, "
    "m.first_accepted_at, m.accepted_at, n.newer_mail_at "
    "FROM links l JOIN accounts a USING (account_id) "
    "CROSS JOIN LATERAL (SELECT min(first_accepted_at) AS first_accepted_at, max(accepted_at) AS accepted_at "
    "FROM mails WHERE mails.link_id = l.link_id) AS m "
    "CROSS JOIN LATERAL (SELECT max(mails.accepted_at) AS newer_mail_at FROM links AS newer "
    "JOIN mails ON mails.link_id = newer.link_id WHERE newer.account_id = l.account_id "
    "AND newer.purpose = l.purpose AND newer.issued_at > l.issued_at) AS n "
    "WHERE l.link_id = :link_id"
)
_QUESTIONS: Final = text("SELECT question, digest FROM questions WHERE account_id = :account_id ORDER BY position")
_PASSWORD: Final = text("SELECT password_digest FROM credentials WHERE ic_number = :ic_number")
_NOW: Final = text("SELECT now()")


@dataclass(frozen=True, slots=True)
class Asked:
    """A security question that a person chose, with the digest of its answer."""

    question: str
    digest: str


def link(connection: Connection, link_id: UUID) -> Found | None:
    """A link, what became of its mails, and whose it is."""
    row = connection.execute(_FOUND, {"link_id": link_id}).first()
    if row is None:
        return None
    accepted = Acceptance(row.first_accepted_at, row.accepted_at) if row.first_accepted_at else None
    return Found(
        now=row.now,
        link_id=row.link_id,
        purpose=Purpose(row.purpose),
        account_id=row.account_id,
        ic_number=row.ic_number,
        name=row.name,
        email=row.email,
        registered_at=row.registered_at,
        state=row.state,
        redeemed_at=row.redeemed_at,
        session_digest=row.session_digest,
        questions_at=row.questions_at,
        completed_at=row.completed_at,
        superseded_at=row.superseded_at,
        acceptance=accepted,
        newer_mail_at=row.newer_mail_at,
    )


def questions(connection: Connection, account_id: UUID) -> Sequence[Asked]:
    """The questions of an account, in the order in which they were chosen."""
    return [Asked(row.question, row.digest) for row in connection.execute(_QUESTIONS, {"account_id": account_id})]


def password_digest(connection: Connection, ic_number: str) -> str | None:
    """The digest of an active account's password; None for every other IC number."""
    return connection.execute(_PASSWORD, {"ic_number": ic_number}).scalar()


def now(connection: Connection) -> datetime:
    """The database's clock."""
    found: datetime = connection.execute(_NOW).scalar_one()
    return found
