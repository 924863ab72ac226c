"""The ledger: its last runs, running it now, and mending what is lost."""

from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from services.console.asked import line
from services.console.pages import to
from services.console.visit import Visit, reason_of
from shared.operations import ledger_runs
from shared.web.publishing import BrokerAway

_RUNS: Final = 50
_COMMANDS: Final = {"run": line("ledger"), "mend": line("ledger", "--mend")}


async def show(visit: Visit) -> Response:
    """What the last run found, what goes on now, and the runs before."""
    keeper = visit.desk.bookkeeper
    underway, fault = keeper.underway, keeper.fault
    runs = await visit.desk.in_database(ledger_runs.newest, limit=_RUNS)
    return visit.page("ledger", runs=runs, underway=underway, fault=fault, commands=_COMMANDS)


async def one(visit: Visit) -> Response:
    """What one run found."""
    run = await visit.desk.in_database(ledger_runs.one, visit.request.path_params["run"])
    if run is None:
        raise HTTPException(404)
    return visit.page("ledger_run", run=run, commands=_COMMANDS)


async def begin(visit: Visit) -> Response:
    """Run it; the page that follows tells how that goes."""
    await visit.form()
    is_begun = visit.desk.bookkeeper.begin(visit.person.name)
    return to("/ledger", said="ledger_begun" if is_begun else "ledger_busy")


async def plan(visit: Visit) -> Response:
    """What mending would publish."""
    return await _planning(visit)


async def mend(visit: Visit) -> Response:
    """Look once more, and publish what is lost then. Raises BrokerAway before anything is written down."""
    form, faults = await visit.form(), dict[str, str]()
    reason = reason_of(form, faults)
    if faults:
        return await _planning(visit, 422, faults)
    if not visit.desk.is_connected:
        raise BrokerAway
    is_begun = visit.desk.bookkeeper.begin(visit.person.name, reason)
    return to("/ledger", said="mending" if is_begun else "ledger_busy")


async def _planning(visit: Visit, code: int = 200, faults: dict[str, str] | None = None) -> Response:
    runs = await visit.desk.in_database(ledger_runs.newest, limit=1)
    return visit.page("mend", code, run=runs[0] if runs else None, faults=faults or {}, commands=_COMMANDS)
