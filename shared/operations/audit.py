"""Who did or looked at what, when and why. Only ever added to: the database refuses changes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Connection, text

from shared.logs import unpersonal

_log = structlog.get_logger()
_WRITE: Final = text(
    "INSERT INTO audit (who, what, subject, reason, details) "
    "VALUES (:who, :what, :subject, :reason, CAST(:details AS jsonb))"
)
_READ: Final = (
    "SELECT audit_id, at, who, what, subject, reason, details FROM audit WHERE {where} "
    "ORDER BY audit_id DESC LIMIT :limit"
)
_CONDITIONS: Final = {
    "since": "at >= :since",
    "who": "who = :who",
    "what": "what = :what",
    "subject": "subject = :subject",
    "before": "audit_id < :before",
}
LONGEST_REASON: Final = 500
"""The longest reason that is kept, in characters."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit."""

    audit_id: int
    at: datetime
    who: str
    what: str
    subject: str
    reason: str | None
    details: Mapping[str, Any]


def write(connection: Connection, who: str, what: str, subject: str, reason: str | None = None, **details: Any) -> None:
    """Add a line in the transaction of what it tells of, and log it.

    IC numbers and addresses are masked, since nobody can take a line back; names cannot be told from other words.
    """
    told = unpersonal(reason[:LONGEST_REASON]) if reason else None
    kept = {"who": who, "what": what, "subject": unpersonal(subject), "reason": told}
    masked = unpersonal(json.dumps(details, default=str, ensure_ascii=False))
    connection.execute(_WRITE, {**kept, "details": masked})
    _log.info("audit", **kept, **{f"of_{name}": value for name, value in json.loads(masked).items()})


def read(
    connection: Connection,
    *,
    since: datetime | None = None,
    who: str | None = None,
    what: str | None = None,
    subject: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[Entry]:
    """The newest lines; `before` is the number of the last one of the page before."""
    asked = {"since": since, "who": who, "what": what, "subject": subject, "before": before}
    given = {name: value for name, value in asked.items() if value is not None}
    where = " AND ".join(_CONDITIONS[name] for name in given) or "true"
    rows = connection.execute(text(_READ.format(where=where)), {**given, "limit": limit})
    return [Entry(**row._mapping) for row in rows]
