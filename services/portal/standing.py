"""What a link is worth to the browser that holds it. Pure; the same order of judgement as state's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from shared.links import Acceptance, LinkLife, Purpose, is_expired


@dataclass(frozen=True, slots=True)
class Found:
    """A link with its account, as the database has them at `now`, by the database's clock."""

    now: datetime
    link_id: UUID
    purpose: Purpose
    account_id: UUID
    ic_number: str
    name: str | None
    email: str | None
    registered_at: datetime | None
    state: str
    redeemed_at: datetime | None = None
    session_digest: str | None = None
    questions_at: datetime | None = None
    completed_at: datetime | None = None
    superseded_at: datetime | None = None
    acceptance: Acceptance | None = None
    newer_mail_at: datetime | None = None


class Standing(StrEnum):
    """Where a browser stands with a link. The first four let it go on; the others are pages of their own."""

    OPEN = "open"
    """Nobody has redeemed it: the first POST will."""
    BEGUN = "begun"
    """This browser redeemed it and has yet to choose, or to answer, the questions."""
    ANSWERED = "answered"
    """This browser has yet to set the password."""
    DONE = "done"
    """This browser set the password."""

    NO_LINK = "no_link"
    FORGED = "forged"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    ELSEWHERE = "elsewhere"
    ACTIVE = "active"
    WITHDRAWN = "withdrawn"
    SESSION_OVER = "session_over"
    LOCKED = "locked"
    OTHER_PASSWORD = "other_password"  # noqa: S105
    FAILED = "failed"


_OF_REASON: Final[Mapping[str, Standing]] = {
    "expired": Standing.EXPIRED,
    "superseded": Standing.SUPERSEDED,
    "redeemed_elsewhere": Standing.ELSEWHERE,
    "already_active": Standing.ACTIVE,
    "withdrawn": Standing.WITHDRAWN,
    "session_expired": Standing.SESSION_OVER,
}


def standing(found: Found | None, session_digest: str, life: LinkLife) -> Standing:
    """Judge a link that the database has (None: it has not) for a browser's session."""
    if found is None:
        return Standing.FORGED
    if found.state == "withdrawn":
        return Standing.WITHDRAWN
    is_mine = found.session_digest == session_digest
    is_over = found.redeemed_at is not None and found.now > found.redeemed_at + life.session
    if found.completed_at is not None:
        return Standing.DONE if is_mine and not is_over else Standing.ACTIVE
    if found.purpose is Purpose.ACTIVATION and found.state == "active":
        return Standing.ACTIVE
    if found.superseded_at is not None:
        return Standing.SUPERSEDED
    if found.redeemed_at is not None and not is_mine:
        return Standing.ELSEWHERE
    if is_over:
        return Standing.SESSION_OVER
    if found.redeemed_at is not None:
        return Standing.ANSWERED if found.questions_at is not None else Standing.BEGUN
    return Standing.EXPIRED if is_expired(found.acceptance, found.now, life) else Standing.OPEN


def of_rejection(reason: str) -> Standing:
    """Where a browser stands whose event state rejected, or could not work."""
    return _OF_REASON.get(reason, Standing.FAILED)
