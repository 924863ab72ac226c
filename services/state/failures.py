"""What becomes of a message whose handling failed: tried again up the ladder, then a dead letter.

No text of an exception is passed on, since it may repeat what the message or the database holds of a person.
"""

import traceback
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from services.state.outgoing import dead
from shared import clock
from shared.broker.verdicts import Delivery, Retry, Verdict, Wait
from shared.store.engine import name_of

LADDER: Final = (Wait.S5, Wait.S30, Wait.M2, Wait.M10)
"""The delay after the first, second… failed attempt."""

log = structlog.get_logger()


def failed(delivery: Delivery, error: Exception, key: tuple[str, str] | None = None) -> Verdict:
    """The verdict on a message that failed for no reason that a rule knows."""
    reason = "database_error" if isinstance(error, SQLAlchemyError) else "internal_error"
    where = in_short(error)
    log.error("event_failed", reason=reason, error=where, attempt=delivery.attempt, event_id=key[1] if key else None)
    if delivery.attempt <= len(LADDER):
        return Retry(LADDER[delivery.attempt - 1], reason)
    return dead(reason, where, None, delivery, key, clock.now())


def in_short(error: Exception) -> str:
    """An error without its text: what PostgreSQL calls it, or where in the code it arose."""
    if isinstance(error, DBAPIError):
        return name_of(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"
