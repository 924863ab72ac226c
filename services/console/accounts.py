"""One account: everything about it, and asking for a mail or withdrawing it."""

import asyncio
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from schemas.events import AccountWithdrawn, EventData, Resend
from services.console.asked import line
from services.console.pages import to
from services.console.pressed import event_of
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

_OUTCOME_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.1
_HRS: Final = "/hr/console"


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
    return await _ask(visit, Resend(reason="resend", ic_number=ic_number), "resend")


async def withdraw(visit: Visit) -> Response:
    """Withdraw the registration before activation, as HR would."""
    return await _ask(visit, AccountWithdrawn(ic_number=await _number(visit)), "withdraw")


async def _ask(visit: Visit, data: EventData, what: str) -> Response:
    """Publish, and lead to a page that tells the outcome, so that a reload repeats nothing."""
    form, faults = await visit.form(), dict[str, str]()
    reason = reason_of(form, faults)
    if faults:
        return await _page(visit, 422, faults={what: faults["why"]})
    who, subject = visit.person.name, account_named(_account(visit))
    source = _source(what, who)
    event = request(data, source, now(), id=event_of(form, f"{what} {_account(visit)}"))
    await visit.desk.in_database(_write, who, what, subject, reason, event.id)
    await visit.desk.publish([event])
    await _outcome(visit, source, event.id)
    return to(f"/accounts/{_account(visit)}", event=event.id)


async def _outcome(visit: Visit, source: str, event_id: str) -> None:
    """Wait until it is known what became of an event, some seconds at most. Holds no connection meanwhile."""
    until = asyncio.get_running_loop().time() + _OUTCOME_SECONDS
    while asyncio.get_running_loop().time() < until:
        if await visit.desk.in_database(outcome, source, event_id) is not None:
            return
        await asyncio.sleep(_LOOK_SECONDS)


async def _page(visit: Visit, code: int = 200, *, clear: bool = False, **more: Any) -> Response:
    facts, dead = await visit.desk.in_database(_facts, _account(visit), visit.desk.life)
    event_id = typed(visit.request.query_params, "event")
    told = await visit.desk.in_database(_told, visit.person.name, _account(visit), event_id) if event_id else None
    commands = {act: line(act, "IC") for act in ("account", "resend", "withdraw")}
    return visit.page(
        "account",
        code,
        account=facts,
        clear=clear,
        letters=dead,
        told=told,
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


def _told(connection: Connection, who: str, account_id: UUID, event_id: str) -> str | None:
    """What became of an act of this person on this account; None for an event that none of them caused."""
    for entry in audit.read(connection, who=who, subject=account_named(account_id)):
        if entry.details.get("event_id") == event_id:
            result, why = outcome(connection, _source(entry.what, who), event_id) or (None, None)
            return f"{entry.what.capitalize()}: {in_words(result, why, 'this page')}"
    return None


def _source(what: str, who: str) -> str:
    return _HRS if what == "withdraw" else f"/aktif/operator/{who}"


def _account(visit: Visit) -> UUID:
    account: UUID = visit.request.path_params["account"]
    return account


async def _number(visit: Visit) -> str:
    ic_number = await visit.desk.in_database(known.number_of, _account(visit))
    if ic_number is None:
        raise HTTPException(404)
    return ic_number
