"""What operators sent, for the ledger: replays of letters, and registrations that took the place of one.

Each is found in its receiver's inbox or among the letters, or it waits or is lost. Operations whose results are kept
(`results`) need no look: none of their letters waits.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, text

from shared.operations import masking
from shared.operations.letters import letter_named
from shared.operations.standing import DIED_AGAIN, RECEIPTS, RESULT
from shared.store.retention import ROW_DAYS


@dataclass(frozen=True, slots=True)
class Sent:
    """What an operator sent about a letter and is found nowhere: `replay` is None for a registration in its place.

    `id` names the letter, since an event's own may be HR's and say anything.
    """

    letter_id: int
    replay: int | None
    type: str | None
    id: str
    at: datetime
    why: str
    is_retried: bool = False
    """Whether it is a mail that is tried again."""

    @property
    def key(self) -> tuple[object, ...]:
        """What tells it from any other."""
        return self.letter_id, self.replay


@dataclass(frozen=True, slots=True)
class Fates:
    """How many messages operators sent, what became of them, and those that are found nowhere."""

    sent: int
    done: int
    dead: int
    nowhere: tuple[Sent, ...]


_DONE_WITH: Final = "LEFT JOIN closings c ON c.letter_id = l.letter_id AND c.at >= r.queued_at "
_MAIL_TRIED_AGAIN: Final = "LEFT JOIN mails m ON m.mail_id = l.mail_id AND m.result IS NULL "
_FATES: Final = text(f"""
WITH kept AS (
    SELECT COALESCE(sum(CAST(results ->> 'worked' AS int)), 0) + COALESCE(sum(CAST(results ->> 'rejected' AS int)), 0)
        AS done,
        COALESCE(sum(CAST(results ->> 'failed' AS int)), 0) AS dead
    FROM operations WHERE results IS NOT NULL AND at > now() - make_interval(days => :days)),
sent AS MATERIALIZED (
    SELECT r.letter_id, r.replay, l.type, r.published_at AS at, m.mail_id IS NOT NULL AS is_retried,
        CASE WHEN {RESULT} <> 'waiting' THEN {RESULT} WHEN c.letter_id IS NOT NULL THEN 'closed' END AS fate
    FROM operations o JOIN replays r ON r.operation_id = o.operation_id JOIN letters l ON l.letter_id = r.letter_id
    {RECEIPTS}{DIED_AGAIN}{_DONE_WITH}{_MAIL_TRIED_AGAIN}
    WHERE o.results IS NULL AND r.published_at > now() - make_interval(days => :days)
    UNION ALL
    SELECT c.letter_id, NULL, 'aktif.ActivationRequested.v1', c.at, false, CASE WHEN s.id IS NOT NULL THEN 'worked'
        WHEN EXISTS (SELECT FROM letters l WHERE l.service = 'state' AND l.origin = 'aktif.hr'
            AND l.source = c.event_source AND l.id = c.event_id) THEN 'failed' END
    FROM closings c LEFT JOIN state_inbox s ON s.source = c.event_source AND s.id = c.event_id
    WHERE c.event_body IS NOT NULL AND c.at > now() - make_interval(days => :days)),
counts AS (
    SELECT count(letter_id) + kept.done + kept.dead AS sent,
        count(*) FILTER (WHERE fate IN ('worked', 'rejected')) + kept.done AS done,
        count(*) FILTER (WHERE fate IN ('failed', 'closed')) + kept.dead AS dead
    FROM kept LEFT JOIN sent ON true GROUP BY kept.done, kept.dead)
SELECT counts.sent, counts.done, counts.dead, s.letter_id, s.replay, s.type, s.at, s.is_retried
FROM counts LEFT JOIN sent s ON s.fate IS NULL ORDER BY s.at, s.letter_id
""")  # noqa: S608
"""One statement, so that all is read at one moment; always one row at least, for the counts. A letter that somebody
closed after it was replayed is done with. Receipts are kept so many days, and nothing older can be judged."""


def fates(connection: Connection) -> Fates:
    """What became of all that operators sent, as far back as receipts are kept."""
    rows = connection.execute(_FATES, {"days": ROW_DAYS}).all()
    nowhere = tuple(_sent(row) for row in rows if row.letter_id is not None)
    return Fates(rows[0].sent, rows[0].done, rows[0].dead, nowhere)


def _sent(row: Row[Any]) -> Sent:
    why = f"nowhere since replay {row.replay}" if row.replay else "nowhere since it was registered again"
    return Sent(
        row.letter_id, row.replay, masking.type_name(row.type), letter_named(row.letter_id), row.at, why, row.is_retried
    )
