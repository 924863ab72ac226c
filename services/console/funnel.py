"""How far people are, and what is wrong with the mail: counted in the database, quickly or not at all."""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, text

_BE_QUICK: Final = text("SET LOCAL statement_timeout = '3s'")
_ACCOUNTS: Final = text("SELECT state, count(*) AS accounts FROM accounts GROUP BY state")
_MAILED: Final = text(
    "SELECT count(*) FROM accounts a WHERE a.state <> 'withdrawn' AND EXISTS "
    "(SELECT FROM mails m WHERE m.account_id = a.account_id AND m.first_accepted_at IS NOT NULL)"
)
_REFUSED: Final = text(
    "SELECT at, reply, smtp_code FROM attempts WHERE result = 'misconfigured' AND attempt_id > "
    "(SELECT COALESCE(max(attempt_id), 0) FROM attempts WHERE result IN ('accepted', 'permanent', 'transient') "
    "AND attempt_id > (SELECT COALESCE(max(attempt_id), 0) - 10000 FROM attempts)) "
    "AND attempt_id > (SELECT COALESCE(max(attempt_id), 0) - 10000 FROM attempts) ORDER BY attempt_id DESC LIMIT 1"
)
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
    """The newest try of a mail, where the mail server refused us and not a recipient."""

    at: datetime
    reply: str


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the database tells of people, mails, letters and replays."""

    steps: tuple[tuple[str, int], ...]
    withdrawn: int
    open_letters: int
    running_replays: int
    refusal: Refusal | None


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
        Refusal(found.at, found.reply or "") if found else None,
    )


class Kept:
    """Numbers that are some seconds old at most, since many may watch; two that ask at once may both count."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._until = seconds, float("-inf")
        self._numbers: Numbers | None = None

    def __call__(self, connection: Connection) -> Numbers:
        """The numbers. Raises what `numbers` raises."""
        if self._numbers is None or time.monotonic() > self._until:
            self._numbers = numbers(connection)
            self._until = time.monotonic() + self._seconds
        return self._numbers
