"""How often one person may search, whatever for: who looks for many people in a row may be guessing."""

from math import ceil
from typing import Final

import structlog
from sqlalchemy import Connection

from services.console.limits import LIMITS, SEARCHES
from services.console.visit import Visit
from shared.operations import audit
from shared.web.limits import subject

_SEARCH: Final = "search"
_log = structlog.get_logger()


async def too_often(visit: Visit) -> str | None:
    """Count a search; what to say where it is one too many, which the audit tells once."""
    name = visit.person.name
    tried = [(SEARCHES, subject(visit.desk.session_keys[0], SEARCHES, name))]
    counts = await visit.desk.look_up(LIMITS.count, tried)
    if counts.wait is None:
        return None
    _log.warning("search_throttled", who=name)
    if counts.counts[SEARCHES.kind] == SEARCHES.most + 1:
        await visit.desk.in_database(_note, name)
    return f"Searched too often. Try again in {ceil(counts.wait.total_seconds() / 60)} min."


def _note(connection: Connection, name: str) -> None:
    audit.write(connection, name, "search_throttled", _SEARCH)
