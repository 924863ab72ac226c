"""Accounts: finding one, everything about it, and asking for a mail or withdrawing it."""

import asyncio
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from schemas.events import AccountWithdrawn, EventData, Resend
from services.console.asked import line
from services.console.trouble import trouble
from services.console.typed import typed
from services.console.visit import Visit, reason_of
from shared.clock import now
from shared.links import LinkLife
from shared.operations import accounts as known
from shared.operations import audit, letters
from shared.operations.accounts import Facts, account_named
from shared.operations.asking import in_words, outcome, request
from shared.operations.filters import Filter

_FOUND: Final = 50
_SHORTEST: Final = 3
_OUTCOME_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.1
_HRS: Final = "/hr/console"


async def search(visit: Visit) -> Response:
    """The field to search by."""
    return visit.page("accounts", typed="", found=None)


async def find(visit: Visit) -> Response:
    """What was found. By POST, so that no address and no history holds a name or an IC number."""
    form = await visit.form()
    who = typed(form, "who")
    if len(who) < _SHORTEST:
        faults = {"who": "Give an IC number, an address, or at least three letters of a name."}
        return visit.page("accounts", 422, typed=who, found=None, faults=faults)
    found = await visit.desk.in_database(known.search, who, limit=_FOUND + 1)
    return visit.page("accounts", typed=who, found=found[:_FOUND], has_more=len(found) > _FOUND)


async def show(visit: Visit) -> Response:
    """One account, masked."""
    return await _page(visit)


async def unmask(visit: Visit) -> Response:
    """One account in clear, once; who looked and why is in the audit before it is sent."""
    form, faults = await visit.form(), dict[str, str]()
    reason = reason_of(form, faults)
    if faults:
        return await _page(visit, 422, faults={"unmask": faults["why"]})
    await visit.desk.in_database(known.reveal, _account(visit), visit.person.name, reason)
    return await _page(visit, clear=True)


async def resend(visit: Visit) -> Response:
    """Have the mail sent again, exempt from people's cool-down."""
    ic_number = await _number(visit)
    source = f"/aktif/operator/{visit.person.name}"
    return await _ask(visit, Resend(reason="resend", ic_number=ic_number), source, "resend")


async def withdraw(visit: Visit) -> Response:
    """Withdraw the registration before activation, as HR would."""
    return await _ask(visit, AccountWithdrawn(ic_number=await _number(visit)), _HRS, "withdraw")


async def _ask(visit: Visit, data: EventData, source: str, what: str) -> Response:
    form, faults = await visit.form(), dict[str, str]()
    reason = reason_of(form, faults)
    if faults:
        return await _page(visit, 422, faults={what: faults["why"]})
    event = request(data, source, now())
    who, subject = visit.person.name, account_named(_account(visit))
    await visit.desk.in_database(_write, who, what, subject, reason, event.id)
    await visit.desk.publish([event])
    found = await _outcome(visit, source, event.id)
    result, why = found or (None, None)
    words = in_words(result, why, await _number(visit))
    return await _page(visit, news=f"{what.capitalize()}: {words}")


async def _outcome(visit: Visit, source: str, event_id: str) -> tuple[str, str | None] | None:
    """What became of an event, as soon as it is known; None after some seconds. Holds no connection meanwhile."""
    until = asyncio.get_running_loop().time() + _OUTCOME_SECONDS
    while asyncio.get_running_loop().time() < until:
        found = await visit.desk.in_database(outcome, source, event_id)
        if found is not None:
            return found
        await asyncio.sleep(_LOOK_SECONDS)
    return None


async def _page(visit: Visit, code: int = 200, *, clear: bool = False, **more: Any) -> Response:
    facts, dead = await visit.desk.in_database(_facts, _account(visit), visit.desk.life)
    commands = {act: line(act, "…") for act in ("account", "resend", "withdraw")}
    return visit.page(
        "account",
        code,
        account=facts,
        clear=clear,
        letters=dead,
        trouble=trouble(facts),
        is_live=visit.request.method == "GET",
        commands=commands,
        **more,
    )


def _write(connection: Connection, who: str, what: str, subject: str, reason: str, event_id: str) -> None:
    audit.write(connection, who, what, subject, reason, event_id=event_id)


def _facts(connection: Connection, account_id: UUID, life: LinkLife) -> tuple[Facts, list[Any]]:
    ic_number = known.number_of(connection, account_id)
    facts = known.facts(connection, ic_number, life) if ic_number else None
    if facts is None:
        raise HTTPException(404)
    facts["account_id"] = account_id
    dead = letters.page(connection, Filter(ic_number=ic_number), limit=20).lines
    return facts, list(dead)


def _account(visit: Visit) -> UUID:
    account: UUID = visit.request.path_params["account"]
    return account


async def _number(visit: Visit) -> str:
    ic_number = await visit.desk.in_database(known.number_of, _account(visit))
    if ic_number is None:
        raise HTTPException(404)
    return ic_number
