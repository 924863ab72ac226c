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
    NO_MAIL = "no_mail"
    """Its mail is no longer wanted: the link was used, or replaced, or mailed again."""


class Result(StrEnum):
    """What became of a replay."""

    QUEUED = "queued"
    """Not published yet."""
    WAITING = "waiting"
    """Published; neither worked nor dead yet."""
    WORKED = "worked"
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
"""What reuses an id finds the receipt of the other event."""

ABOUT: Final = (
    RECEIPTS + "LEFT JOIN accounts a ON a.ic_number = l.ic_number "
    "LEFT JOIN mails m ON m.mail_id = l.mail_id LEFT JOIN links k ON k.link_id = m.link_id "
)
_HRS: Final = "l.origin = 'aktif.hr' AND l.type IN ('aktif.ActivationRequested.v1', 'aktif.AccountWithdrawn.v1')"
OBSOLETE: Final = (
    f"CASE WHEN {WORKED} THEN 'worked' "  # noqa: S608
    f"WHEN a.state = 'active' AND {_HRS} THEN 'active' "
    f"WHEN a.hr_time > l.first_filed_at AND {_HRS} THEN 'newer' "
    "WHEN a.state = 'withdrawn' AND l.type = 'aktif.ActivationRequested.v1' "
    "AND (SELECT position(CAST('\"registration\"' AS bytea) IN b.body) FROM letters b "
    "WHERE b.letter_id = l.letter_id) = 0 THEN 'withdrawn' "
    "WHEN k.mail_id <> m.mail_id OR k.redeemed_at IS NOT NULL OR k.superseded_at IS NOT NULL THEN 'no_mail' END"
)
"""Needs ABOUT. A registration of a withdrawn person reinstates the account, unless it is older than the withdrawal.
The body is asked of few letters only, lest those of all be carried along."""

_IS_ITS_END: Final = (
    "f.service = l.service AND f.origin = l.origin AND f.source = l.source AND f.id = l.id "
    "AND f.replay = r.replay AND f.body_digest = l.body_digest AND f.letter_id <> l.letter_id"
)
DIED_AGAIN: Final = f"LEFT JOIN letters f ON {_IS_ITS_END} "
HAS_DIED_AGAIN: Final = f"EXISTS (SELECT 1 FROM letters f WHERE {_IS_ITS_END})"  # noqa: S608
"""Where few of many letters were replayed."""
RESULT: Final = (
    "CASE WHEN r.letter_id IS NULL THEN NULL WHEN r.published_at IS NULL THEN 'queued' "
    f"WHEN f.letter_id IS NOT NULL THEN 'failed' WHEN {WORKED} THEN 'worked' "
    "WHEN r.queued_at < l.filed_at THEN 'failed' ELSE 'waiting' END"
)
"""Needs RECEIPTS and DIED_AGAIN, and of `r` (replays) the row it is about."""
