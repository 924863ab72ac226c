"""Replaying: a plan first, then progress, and the result of each letter."""

from functools import partial
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection
from starlette.datastructures import FormData, QueryParams
from starlette.exceptions import HTTPException
from starlette.responses import Response

from services.console.asked import Asked, line
from services.console.kept import Kept
from services.console.pages import to
from services.console.pressed import key_of, shown_at
from services.console.typed import typed
from services.console.visit import Visit, number_of, reason_of
from shared.clock import now
from shared.operations import carrying, replay, results
from shared.operations.advice import advice
from shared.operations.carrying import NotResumable
from shared.operations.replay import Fate, Order, Plan, Started
from shared.operations.results import NotThere
from shared.operations.standing import Result

_A_PAGE: Final = 20
_newest: Final = Kept(partial(results.newest, limit=_A_PAGE + 1), 3.0)
"""Counting a running one of 100,000 letters takes most of a second."""
_MOST_RATE: Final = 10_000
_MOST: Final = 10_000_000
_SHOWN: Final = 100
_TICKS: Final = {"with_obsolete": "--obsolete", "with_unsafe": "--force"}
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
    """Begin: from here on any process carries it on. The same form begins one replay, however often it is sent."""
    form, faults = await visit.form(), dict[str, str]()
    key, shown_then = key_of(form), shown_at(form)
    asked, back = Asked.of(form, now()), Asked.back(form, now())
    shown = {name: typed(form, name) for name in _DEFAULTS}
    order = _order(asked, form, faults)
    if not faults and not asked.faults:
        try:
            begun = await visit.desk.at_length(_start, visit.person.name, order.before(shown_then), key)
            visit.desk.carrier.wake()
            return to(f"/replays/{begun.operation_id}", said="started")
        except NothingToSend:
            faults["why"] = "No letter is left to send: look at the plan."
    return await _planning(visit, asked, back, form, shown, 422, faults)


async def newest(visit: Visit) -> Response:
    """The newest replays; further back where the address says before which."""
    before = visit.request.query_params.get("before", "")
    last = int(before) if before.isascii() and before.isdecimal() and len(before) < 16 else None
    look = _newest if last is None else partial(results.newest, limit=_A_PAGE + 1, before=last)
    found = await visit.desk.in_database(look)
    older = found[_A_PAGE - 1].operation_id if len(found) > _A_PAGE else None
    return visit.page("replays", replays=found[:_A_PAGE], older=older)


async def show(visit: Visit) -> Response:
    """How far one is, and what became of its letters."""
    number = visit.request.path_params["operation"]
    only = visit.request.query_params.get("result")
    wanted = Result(only) if only in set(Result) else None
    progress, found = await visit.desk.in_database(_look, number, wanted)
    commands = {act: line("dead", "replay", f"--{act}", str(number)) for act in ("resume", "cancel")}
    return visit.page("replay", progress=progress, results=found, only=wanted, shown=_SHOWN, commands=commands)


async def cancel(visit: Visit) -> Response:
    """End one that runs, now or after the portion that is being sent."""
    await visit.form()
    number = visit.request.path_params["operation"]
    cancelled = await visit.desk.in_database(_there, carrying.cancel, number, visit.person.name)
    visit.desk.carrier.wake()
    return to(f"/replays/{number}", said=cancelled)


async def resume(visit: Visit) -> Response:
    """Have one run on."""
    await visit.form()
    number = visit.request.path_params["operation"]
    try:
        queued = await visit.desk.at_length(_there, carrying.resume, number, visit.person.name)
    except NotResumable:
        return to(f"/replays/{number}", said="ended")
    visit.desk.carrier.wake()
    return to(f"/replays/{number}", said="resumed", n=queued)


async def _planning(
    visit: Visit,
    asked: Asked,
    back: Asked,
    given: QueryParams | FormData,
    shown: dict[str, str],
    code: int = 200,
    faults: dict[str, str] | None = None,
) -> Response:
    ticked = {name: "1" for name in _TICKS if given.get(name)}
    order = _order(asked, FormData({**ticked, **shown}), {})
    found = await visit.desk.at_length(replay.plan, order)
    context: dict[str, Any] = {
        "asked": asked,
        "back": back,
        "plan": found,
        "fates": _fates(found),
        "order": order,
        "typed": shown,
        "advice": advice,
        "replay_line": asked.command("replay", *_options(order)),
    }
    return visit.page("plan", code, **context, faults={**asked.faults, **(faults or {})})


def _fates(found: Plan) -> list[tuple[Fate, str, int, dict[str, int]]]:
    known = [(fate, words, found.number(fate), dict(found.counts.get(fate, {}))) for fate, words in FATES.items()]
    return [one for one in known if one[2]]


def _order(asked: Asked, form: FormData, faults: dict[str, str]) -> Order:
    most, stop_after = number_of(form, "most", faults, most=_MOST), number_of(form, "stop_after", faults, most=_MOST)
    return Order(
        asked.wanted,
        reason_of(form, faults),
        with_obsolete=bool(form.get("with_obsolete")),
        with_unsafe=bool(form.get("with_unsafe")),
        rate=number_of(form, "rate", faults, most=_MOST_RATE, least=0.1),
        most=int(most) if most else None,
        stop_after=int(stop_after) if stop_after else None,
    )


def _options(order: Order) -> list[str]:
    """The bounds and the ticks as `aktif dead replay` is told them."""
    bounds = {
        "--rate": None if order.rate is None else f"{order.rate:g}",
        "--limit": order.most,
        "--stop-after": order.stop_after,
    }
    ticked = [option for name, option in _TICKS.items() if getattr(order, name)]
    return [word for option, value in bounds.items() if value is not None for word in (option, str(value))] + ticked


def _start(connection: Connection, who: str, order: Order, key: UUID) -> Started:
    begun = replay.start(connection, who, order, key)
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
