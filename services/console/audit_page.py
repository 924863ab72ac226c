"""The audit: who did or looked at what, when and why."""

from typing import Final

from starlette.responses import Response

from services.console.asked import line
from services.console.pages import query
from services.console.typed import typed
from services.console.visit import Visit
from shared.clock import now
from shared.operations import audit
from shared.wording import moment_from

_A_PAGE: Final = 100
_NAMES: Final = ("who", "what", "subject", "since")


async def show(visit: Visit) -> Response:
    """The newest lines."""
    given = visit.request.query_params
    found = {name: value for name in _NAMES if (value := typed(given, name))}
    before, faults = given.get("before", ""), dict[str, str]()
    asked = {name: found[name] for name in ("who", "what", "subject") if name in found}
    since = None
    if "since" in found:
        try:
            since = moment_from(found["since"], now())
        except (ValueError, OverflowError):
            faults["since"] = "Give a span such as 30m, 2h or 3d, or a time such as 2021-01-11T08:00."
    last = int(before) if before.isascii() and before.isdecimal() and len(before) < 16 else None
    entries = await visit.desk.in_database(audit.read, **asked, since=since, before=last, limit=_A_PAGE + 1)
    shown = entries[:_A_PAGE]
    more = f"/audit{query({**found, 'before': shown[-1].audit_id})}" if len(entries) > _A_PAGE else None
    options = [part for name in _NAMES if name in found for part in (f"--{name}", found[name])]
    return visit.page("audit", entries=shown, typed=found, more=more, faults=faults, audit_line=line("audit", *options))
