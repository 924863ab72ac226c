"""Where a letter stands, in SQL: what was done about it, whether it is obsolete, what became of its replay.

All of it is read from the tables of whoever did it, so nothing has to be kept in step. A letter that is filed again
after it was replayed or closed is open again: closing means these letters, not their kind for ever.
"""

from enum import StrEnum
from typing import Final


class Obsolete(StrEnum):
    """Why nothing is left to do about a letter."""

    WORKED = "worked"
    """Its event was worked since, or one that was mended under its id."""
    ACTIVE = "active"
    """The account is active, and HR's events change it no more."""
    WITHDRAWN = "withdrawn"
    """The registration was withdrawn, so a mail that is asked for would be refused."""
    NEWER = "newer"
    """HR sent a newer event about this person after the letter was filed."""
    LINK_OVER = "link_over"
    """The link that it came through was used up to a password, or replaced: a step more would be refused."""
    NO_MAIL = "no_mail"
    """Its mail is no longer wanted: the link was used, or replaced, or mailed again."""


class Result(StrEnum):
    """What became of a replay."""

    QUEUED = "queued"
    """Not published yet."""
    WAITING = "waiting"
    """Published; neither worked nor dead yet."""
    WORKED = "worked"
    REJECTED = "rejected"
    """Worked, and the answer was no: its mail was refused for good, its account is active."""
    FAILED = "failed"
    """Dead again: a letter with that replay number."""


DONE_ABOUT: Final = (
    "LEFT JOIN closings c ON c.letter_id = l.letter_id AND c.at >= l.filed_at "
    "LEFT JOIN replays r ON r.letter_id = l.letter_id AND r.queued_at >= l.filed_at "
)
"""At most one row of each: a letter is replayed anew only when it was filed again after the replay before."""
STATUS: Final = "COALESCE(c.kind, CASE WHEN r.letter_id IS NOT NULL THEN 'replayed' ELSE 'open' END)"
IS_OPEN: Final = "(c.letter_id IS NULL AND r.letter_id IS NULL)"

RECEIPTS: Final = (
    "LEFT JOIN state_inbox si ON l.service = 'state' AND si.source = l.source AND si.id = l.id "
    "LEFT JOIN mailer_inbox mi ON l.service = 'mailer' AND mi.source = l.source AND mi.id = l.id "
)
WORKED: Final = "(l.reason <> 'id_reused' AND (si.id IS NOT NULL OR mi.id IS NOT NULL))"
"""A replay of a repeat finds a receipt from before its letter. What reuses an id finds that of the other event."""
_WORKED_SINCE: Final = f"({WORKED} AND COALESCE(si.at, mi.at) >= l.first_filed_at)"
"""An older receipt may be another person's: HR has used the id before."""

ABOUT: Final = (
    RECEIPTS + "LEFT JOIN accounts a ON a.ic_number = l.ic_number "
    "LEFT JOIN mails m ON m.mail_id = l.mail_id LEFT JOIN links k ON k.link_id = COALESCE(l.link_id, m.link_id) "
)
_BY_HR: Final = "l.origin = 'aktif.hr'"
_WITHDRAWS: Final = "l.type = 'aktif.AccountWithdrawn.v1'"
OBSOLETE: Final = (
    f"CASE WHEN {_WORKED_SINCE} THEN 'worked' "
    f"WHEN a.state = 'active' AND {_BY_HR} AND (l.type = 'aktif.ActivationRequested.v1' OR {_WITHDRAWS}) THEN 'active' "
    f"WHEN a.hr_time > l.event_time AND {_BY_HR} AND (l.asks_for = 'registration' OR {_WITHDRAWS}) THEN 'newer' "
    "WHEN a.state = 'withdrawn' AND l.asks_for <> 'registration' THEN 'withdrawn' "
    "WHEN l.link_id IS NOT NULL AND COALESCE(k.completed_at, k.superseded_at) IS NOT NULL THEN 'link_over' "
    "WHEN m.mail_id IS NOT NULL AND (k.mail_id <> m.mail_id OR COALESCE(k.redeemed_at, k.superseded_at) IS NOT NULL) "
    "THEN 'no_mail' END"
)
"""Needs ABOUT. A registration of a withdrawn person reinstates the account, unless it is older than the withdrawal.
What is newer is told by HR's clock alone, as state tells it; ours may differ."""

_IS_ITS_END: Final = (
    "f.service = l.service AND f.origin = l.origin AND f.source = l.source AND f.id = l.id "
    "AND f.replay = r.replay AND f.body_digest = l.body_digest AND f.letter_id <> l.letter_id"
)
DIED_AGAIN: Final = f"LEFT JOIN letters f ON {_IS_ITS_END} "
HAS_DIED_AGAIN: Final = f"EXISTS (SELECT 1 FROM letters f WHERE {_IS_ITS_END})"  # noqa: S608
"""Where few of many letters were replayed."""
RESULT: Final = (
    "CASE WHEN r.letter_id IS NULL THEN NULL WHEN r.published_at IS NULL THEN 'queued' "
    f"WHEN f.letter_id IS NOT NULL THEN 'failed' WHEN {WORKED} THEN "
    "CASE WHEN 'rejected' IN (si.outcome, mi.outcome) THEN 'rejected' ELSE 'worked' END "
    "WHEN r.queued_at < l.filed_at THEN 'failed' ELSE 'waiting' END"
)
"""Needs RECEIPTS and DIED_AGAIN, and of `r` (replays) the row it is about."""
DID: Final = f"CASE WHEN {RESULT} IN ('worked', 'rejected') THEN COALESCE(si.reason, mi.reason) END"
"""What its event did, in its worker's word; a mail that was sent has none."""
