"""Replaying: a plan first, then progress, and the result of each letter."""

from typing import Any, Final

from sqlalchemy import Connection
from starlette.datastructures import FormData, QueryParams
from starlette.exceptions import HTTPException
from starlette.responses import Response

from services.console.asked import Asked, line
from services.console.pages import to
from services.console.typed import typed
from services.console.visit import Visit, number_of, reason_of
from shared.clock import now
from shared.operations import carrying, replay, results
from shared.operations.carrying import NotResumable
from shared.operations.replay import Fate, Order, Plan, Started
from shared.operations.results import NotThere
from shared.operations.standing import Result

_MOST_RATE: Final = 10_000
_MOST: Final = 10_000_000
_SHOWN: Final = 100
_OPTION: Final = {"with_obsolete": "--obsolete", "with_unsafe": "--force"}
_DEFAULTS: Final = {"rate": "50", "most": "", "stop_after": "10", "why": ""}
"""Carefully: a cause that was not mended after all shows after ten letters."""
FATES: Final = {
    Fate.FREE: "may be sent",
    Fate.OBSOLETE: "obsolete: nothing is left to do about them",
    Fate.UNSAFE: "perhaps forged, or published where they may not be",
    Fate.WAITING: "replayed before; neither worked nor dead yet",
    Fate.REPLAYED: "replayed before, with a result",
    Fate.DISCARDED: "discarded",
    Fate.REGISTERED: "registered again",
    Fate.HOMELESS: "from a queue that is none of ours",
}


class NothingToSend(Exception):
    """Every letter was taken or closed meanwhile."""


async def plan(visit: Visit) -> Response:
    """What a replay would do, before anything is done."""
    given = visit.request.query_params
    asked = Asked.of(given, now())
    is_one = len(asked.wanted.letters) == 1
    shown = {name: given.get(name, "" if is_one else value) for name, value in _DEFAULTS.items()}
    return await _planning(visit, asked, Asked.back(given, now()), given, shown)


async def start(visit: Visit) -> Response:
    """Begin: from here on any process carries it on."""
    form, faults = await visit.form(), dict[str, str]()
    asked, back = Asked.of(form, now()), Asked.back(form, now())
    shown = {name: typed(form, name) for name in _DEFAULTS}
    order = _order(asked, form, faults)
    if not faults and not asked.faults:
        try:
            begun = await visit.desk.in_database(_start, visit.person.name, order)
            visit.desk.carrier.wake()
            return to(f"/replays/{begun.operation_id}", said="started")
        except NothingToSend:
            faults["why"] = "No letter is left to send: look at the plan."
    return await _planning(visit, asked, back, form, shown, 422, faults)


async def newest(visit: Visit) -> Response:
    """The newest replays."""
    return visit.page("replays", replays=await visit.desk.in_database(results.newest, limit=50))


async def show(visit: Visit) -> Response:
    """How far one is, and what became of its letters."""
    number = visit.request.path_params["operation"]
    only = visit.request.query_params.get("result")
    wanted = Result(only) if only in set(Result) else None
    progress, found = await visit.desk.in_database(_look, number, wanted)
    commands = {"resume": line("dead", "replay", "--resume", str(number))}
    return visit.page("replay", progress=progress, results=found, only=wanted, shown=_SHOWN, commands=commands)


async def cancel(visit: Visit) -> Response:
    """End one that runs."""
    await visit.form()
    number = visit.request.path_params["operation"]
    is_done = await visit.desk.in_database(_there, carrying.cancel, number, visit.person.name)
    return to(f"/replays/{number}", said="cancelled" if is_done else "ended")


async def resume(visit: Visit) -> Response:
    """Have one run on."""
    await visit.form()
    number = visit.request.path_params["operation"]
    try:
        await visit.desk.in_database(_there, carrying.resume, number, visit.person.name)
    except NotResumable:
        return to(f"/replays/{number}", said="ended")
    visit.desk.carrier.wake()
    return to(f"/replays/{number}", said="resumed")


async def _planning(
    visit: Visit,
    asked: Asked,
    back: Asked,
    given: QueryParams | FormData,
    shown: dict[str, str],
    code: int = 200,
    faults: dict[str, str] | None = None,
) -> Response:
    order = _order(asked, given, {})
    found = await visit.desk.in_database(replay.plan, order)
    more = [option for name, option in _OPTION.items() if given.get(name)]
    context: dict[str, Any] = {
        "asked": asked,
        "back": back,
        "plan": found,
        "fates": _fates(found),
        "order": order,
        "typed": shown,
        "replay_line": asked.command("replay", *more),
    }
    return visit.page("plan", code, **context, faults={**asked.faults, **(faults or {})})


def _fates(found: Plan) -> list[tuple[Fate, str, int, dict[str, int]]]:
    known = [(fate, words, found.number(fate), dict(found.counts.get(fate, {}))) for fate, words in FATES.items()]
    return [one for one in known if one[2]]


def _order(asked: Asked, given: QueryParams | FormData, faults: dict[str, str]) -> Order:
    form = given if isinstance(given, FormData) else FormData([*given.multi_items()])
    most, stop_after = number_of(form, "most", faults, most=_MOST), number_of(form, "stop_after", faults, most=_MOST)
    return Order(
        asked.wanted,
        reason_of(form, faults),
        with_obsolete=bool(given.get("with_obsolete")),
        with_unsafe=bool(given.get("with_unsafe")),
        rate=number_of(form, "rate", faults, most=_MOST_RATE, least=0.1),
        most=int(most) if most else None,
        stop_after=int(stop_after) if stop_after else None,
    )


def _start(connection: Connection, who: str, order: Order) -> Started:
    begun = replay.start(connection, who, order)
    if not begun.letters:
        raise NothingToSend
    return begun


def _look(connection: Connection, number: int, only: Result | None) -> tuple[Any, Any]:
    found = _there(connection, results.progress, number)
    return found, results.results(connection, number, only=only, limit=_SHOWN)


def _there(connection: Connection, work: Any, number: int, *more: Any) -> Any:
    try:
        return work(connection, number, *more)
    except NotThere:
        raise HTTPException(404) from None
