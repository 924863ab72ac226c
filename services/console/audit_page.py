"""The audit: who did or looked at what, when and why."""

from typing import Final

from starlette.datastructures import FormData, QueryParams
from starlette.responses import Response

from services.console.addresses import is_personal
from services.console.asked import line
from services.console.pages import query, to
from services.console.typed import typed
from services.console.visit import Visit
from shared.clock import now
from shared.operations import audit
from shared.wording import moment_from

_A_PAGE: Final = 100
_NAMES: Final = ("who", "what", "subject", "since")
_PERSONAL: Final = "The audit holds no IC number and no address: open the account, and look for its id."


async def show(visit: Visit) -> Response:
    """The newest lines."""
    given = visit.request.query_params
    return await _page(visit, _typed(given), given.get("before", ""), {})


async def choose(visit: Visit) -> Response:
    """Lead to what was asked for, by an address that holds nothing personal."""
    found = _typed(await visit.form())
    faults = {name: _PERSONAL for name, value in found.items() if is_personal([(name, value)])}
    return await _page(visit, found, "", faults, 422) if faults else to("/audit", **found)


def _typed(given: QueryParams | FormData) -> dict[str, str]:
    return {name: value for name in _NAMES if (value := typed(given, name))}


async def _page(visit: Visit, found: dict[str, str], before: str, faults: dict[str, str], code: int = 200) -> Response:
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
    context = {"entries": shown, "typed": found, "more": more, "audit_line": line("audit", *options)}
    return visit.page("audit", code, **context, faults=faults)
