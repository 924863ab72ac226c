"""How far people are, and what is wrong with the mail: counted in the database, quickly or not at all."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, text

from shared.operations import ledger_runs
from shared.operations.ledger_runs import Run

_BE_QUICK: Final = text("SET LOCAL statement_timeout = '3s'")
_ACCOUNTS: Final = text("SELECT state, count(*) AS accounts FROM accounts GROUP BY state")
_MAILED: Final = text(
    "SELECT count(*) FROM accounts a WHERE a.state <> 'withdrawn' AND EXISTS "
    "(SELECT FROM mails m WHERE m.account_id = a.account_id AND m.first_accepted_at IS NOT NULL)"
)
_REFUSED: Final = text(
    "SELECT a.at, a.reply, a.smtp_code FROM (SELECT * FROM attempts ORDER BY attempt_id DESC LIMIT 1) AS a "
    "JOIN mails m USING (mail_id) WHERE a.result = 'misconfigured' AND (m.settled_at IS NULL OR m.settled_at < a.at) "
    "AND NOT EXISTS (SELECT FROM letters l WHERE l.mail_id = a.mail_id AND l.filed_at > a.at)"
)
"""Whatever is tried after a refusal was let in; and a refused mail that is settled untried, or dead, waits no more."""
_OPEN: Final = text(
    "SELECT count(*) FROM letters l WHERE "
    "NOT EXISTS (SELECT FROM closings c WHERE c.letter_id = l.letter_id AND c.at >= l.filed_at) "
    "AND NOT EXISTS (SELECT FROM replays r WHERE r.letter_id = l.letter_id AND r.queued_at >= l.filed_at)"
)
_RUNNING: Final = text("SELECT count(*) FROM operations WHERE state = 'running'")
_LATER: Final = {
    "redeemed": ("redeemed", "questions_set", "active"),
    "questions": ("questions_set", "active"),
    "active": ("active",),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """The newest try of a mail, where the mail server refused us and not a recipient; it is waited for.

    `code` is None where it said nothing, and the reply is in our words.
    """

    at: datetime
    reply: str
    code: int | None


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the database tells of people, mails, letters and replays, and the ledger's last run."""

    steps: tuple[tuple[str, int], ...]
    withdrawn: int
    open_letters: int
    running_replays: int
    refusal: Refusal | None
    ledger: Run | None = None


def numbers(connection: Connection) -> Numbers:
    """Count. Raises what SQLAlchemy raises, after 3 s for each question at most."""
    connection.execute(_BE_QUICK)
    states = {row.state: row.accounts for row in connection.execute(_ACCOUNTS)}
    withdrawn = states.pop("withdrawn", 0)
    mailed = connection.execute(_MAILED).scalar_one()
    later = [(step, sum(states.get(state, 0) for state in those)) for step, those in _LATER.items()]
    found: Row[Any] | None = connection.execute(_REFUSED).first()
    return Numbers(
        (("registered", sum(states.values())), ("mailed", mailed), *later),
        withdrawn,
        connection.execute(_OPEN).scalar_one(),
        connection.execute(_RUNNING).scalar_one(),
        Refusal(found.at, found.reply or "", found.smtp_code) if found else None,
        next(iter(ledger_runs.newest(connection, limit=1)), None),
    )
