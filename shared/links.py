"""The link: issue, sign, parse, judge. Pure; the token is held by no table and no message."""

import base64
import binascii
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

_MAC_BYTES: Final = 32
_TOKEN_BYTES: Final = 16 + _MAC_BYTES
TOKEN_LENGTH: Final = 64
MIN_KEY_BYTES: Final = 32


class Purpose(StrEnum):
    """What a link is for. A token of one purpose is no token of the other."""

    ACTIVATION = "activation"
    RECOVERY = "recovery"


class LinkStatus(StrEnum):
    """What a link is worth at some moment."""

    UNSENT = "unsent"
    """No mail server has taken it yet, so it is in nobody's hands and does not age."""
    LIVE = "live"
    EXPIRED = "expired"
    REDEEMED = "redeemed"
    USED = "used"
    """A password was set through it."""
    SUPERSEDED = "superseded"
    """A newer mail was sent, the address was corrected, or the account was withdrawn."""


@dataclass(frozen=True, slots=True)
class LinkLife:
    """How long a link lives after its newest mail, until when after its first it is mailed again; a session's life."""

    after_newest: timedelta = timedelta(minutes=30)
    after_first: timedelta = timedelta(hours=24)
    session: timedelta = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """When a mail server first and last took a mail of a link, by the database's clock."""

    first: datetime
    newest: datetime


def token(link_id: UUID, purpose: Purpose, keys: Sequence[bytes]) -> str:
    """The token of a link: its id and HMAC-SHA256(first key, purpose ‖ link id), in base64url (RFC 4648 §5)."""
    return base64.urlsafe_b64encode(link_id.bytes + _mac(link_id, purpose, keys[0])).decode("ascii")


def parse(text: str, purpose: Purpose, keys: Sequence[bytes]) -> UUID | None:
    """The link id of a genuine token, signed with any of the keys; None for anything else.

    Compares in constant time, tries every key always, and accepts one spelling of a token only.
    """
    if len(text) != TOKEN_LENGTH or not text.isascii():
        return None
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
    except binascii.Error:
        return None
    if len(raw) != _TOKEN_BYTES or base64.urlsafe_b64encode(raw).decode("ascii") != text:
        return None
    link_id, mac = UUID(bytes=raw[:16]), raw[16:]
    genuine = [hmac.compare_digest(mac, _mac(link_id, purpose, key)) for key in keys]
    return link_id if any(genuine) else None


def expires_at(acceptance: Acceptance | None, life: LinkLife) -> datetime | None:
    """When an unredeemed link ends; None while no mail server has taken it.

    A mail promises its minutes, so it has them whenever a relay takes it; `can_be_mailed_again` is what ends a link's
    days.
    """
    return acceptance.newest + life.after_newest if acceptance else None


def is_expired(acceptance: Acceptance | None, at: datetime, life: LinkLife) -> bool:
    """Whether an unredeemed link has ended at some moment."""
    end = expires_at(acceptance, life)
    return end is not None and at >= end


def can_be_mailed_again(acceptance: Acceptance | None, at: datetime, life: LinkLife) -> bool:
    """Whether a mail sent now could still promise its full minutes; else a new link is issued."""
    if acceptance is None:
        return True
    return not is_expired(acceptance, at, life) and at + life.after_newest <= acceptance.first + life.after_first


def _mac(link_id: UUID, purpose: Purpose, key: bytes) -> bytes:
    return hmac.digest(key, f"aktif/{purpose}/".encode() + link_id.bytes, "sha256")
