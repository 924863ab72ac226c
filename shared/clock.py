"""Time, with its offset."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Final

MALAYSIA: Final = timezone(timedelta(hours=8), "Asia/Kuala_Lumpur")
"""Asia/Kuala_Lumpur has had no other offset since 1982."""


def now() -> datetime:
    """This machine's clock, in UTC. Where two processes must agree, the database's clock is read instead."""
    return datetime.now(UTC)
