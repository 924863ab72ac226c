"""Mails: by result, reply and domain; and asking again for all that failed for one cause."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.datastructures import FormData, QueryParams
from starlette.responses import Response

from services.console.pages import query, to
from services.console.typed import typed
from services.console.visit import Visit, reason_of
from shared.clock import now
from shared.operations import mails
from shared.operations.mails import TRYING, Cause
from shared.wording import moment_from

_A_PAGE: Final = 50
_PORTION: Final = 500
_AT_ONCE: Final = 5_000
RESULTS: Final = ("accepted", "failed", "gave_up", "skipped", TRYING)
_NAMES: Final = ("result", "code", "domain", "since")
NO_CODE: Final = "none"


async def show(visit: Visit) -> Response:
    """Groups by cause, and the newest mails behind a filter."""
    asked = _typed(visit.request.query_params)
    cause, faults = _cause(asked)
    groups = await visit.desk.in_database(mails.groups, cause)
    page = await visit.desk.in_database(mails.page, cause, limit=_A_PAGE)
    return visit.page(
        "mails", groups=groups, page=page, typed=asked, results=RESULTS, query_of=_query_of, faults=faults
    )


async def choose(visit: Visit) -> Response:
    """Lead to what was asked for; of an address only the domain is looked for, and stands in ours."""
    asked = _typed(await visit.form())
    domain = asked.get("domain", "").rpartition("@")[2]
    return to("/mails", **{**asked, "domain": domain})


async def ask(visit: Visit) -> Response:
    """How many would be asked for again."""
    return await _asking(visit, _typed(visit.request.query_params))


async def resend(visit: Visit) -> Response:
    """Ask again for all that failed for one cause, a portion after the other."""
    form, faults = await visit.form(), dict[str, str]()
    asked, reason = _typed(form), reason_of(form, faults)
    cause, wrong = _cause(asked)
    if faults or wrong:
        return await _asking(visit, asked, 422, {**faults, **wrong})
    events = await visit.desk.in_database(mails.ask_again, cause, visit.person.name, reason, now(), limit=_AT_ONCE)
    for start in range(0, len(events), _PORTION):
        await visit.desk.publish(events[start : start + _PORTION])
    return to("/mails", **asked, said="resent", n=len(events))


async def _asking(visit: Visit, asked: Mapping[str, str], code: int = 200, faults: Any = None) -> Response:
    cause, wrong = _cause(asked)
    plan = await visit.desk.in_database(mails.plan, cause)
    sample = await visit.desk.in_database(mails.groups, cause, limit=10)
    return visit.page(
        "resend", code, plan=plan, groups=sample, typed=asked, most=_AT_ONCE, faults={**wrong, **(faults or {})}
    )


def _typed(given: QueryParams | FormData) -> dict[str, str]:
    return {name: value for name in _NAMES if (value := typed(given, name))}


def _cause(asked: Mapping[str, str]) -> tuple[Cause, dict[str, str]]:
    faults = dict[str, str]()
    code, since = asked.get("code"), None
    if "since" in asked:
        try:
            since = moment_from(asked["since"], now())
        except (ValueError, OverflowError):
            faults["since"] = "Give a span such as 30m, 2h or 3d, or a time such as 2021-01-11T08:00."
    domain = asked.get("domain")
    cause = Cause(asked.get("result"), "" if code == NO_CODE else code, domain.lower() if domain else None, None, since)
    return cause, faults


def _query_of(group: Any, asked: Mapping[str, str]) -> str:
    """The address of one group."""
    of = {"result": group.result, "code": group.code or NO_CODE, "domain": group.domain}
    return query({**asked, **of})
