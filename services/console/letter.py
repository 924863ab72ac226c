"""One letter: what is in it, why it is dead, what to do about it, and what became of what was done."""

from typing import Any, Final

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import Response

from services.console.asked import Asked, line
from services.console.visit import Visit, reason_of
from shared.clock import now
from shared.links import LinkLife
from shared.operations import letters
from shared.operations.accounts import Facts, facts, id_of
from shared.operations.advice import UNSAFE, Action, advice
from shared.operations.letters import Letter
from shared.operations.people import Person
from shared.operations.register_again import options

_OBSOLETE: Final = {
    "worked": "its event was worked since",
    "active": "the account is active, and HR's events change it no more",
    "withdrawn": "the registration was withdrawn",
    "newer": "HR sent a newer event about this person",
    "link_over": "the link that it came through has ended: a password was set, or a newer link took its place",
    "no_mail": "its mail is no longer wanted: the link was used, replaced, or mailed again",
}


async def show(visit: Visit) -> Response:
    """The page, everything personal masked."""
    return await page(visit, visit.request.path_params["letter"])


async def unmask(visit: Visit) -> Response:
    """The same page with the body in clear; who looked and why is in the audit before it is sent."""
    form, faults = await visit.form(), dict[str, str]()
    reason, number = reason_of(form, faults), visit.request.path_params["letter"]
    if faults:
        return await page(visit, number, 422, faults={"unmask": faults["why"]})
    body = await visit.desk.in_database(_reveal, number, visit.person, reason)
    return await page(visit, number, body=body)


async def page(visit: Visit, number: int, code: int = 200, **more: Any) -> Response:
    """The page of a letter. Raises HTTPException 404."""
    letter, account = await visit.desk.in_database(_find, number, visit.desk.life)
    back = Asked.back(visit.request.query_params, now())
    context: dict[str, Any] = {
        "letter": letter,
        "account": account,
        "advice": advice(letter.line.reason),
        "obsolete": _OBSOLETE.get(letter.line.obsolete or ""),
        "commands": commands(letter),
        "is_unsafe": letter.line.reason in UNSAFE,
        "back": back,
        "body": None,
        "is_live": visit.request.method == "GET",
    }
    return visit.page("letter", code, **{**context, **more})


def commands(letter: Letter) -> dict[str, str]:
    """The command line of each act, as `aktif dead --help` tells them."""
    number = str(letter.line.letter_id)
    found = {act: line("dead", act, number) for act in ("show", Action.REPLAY.value, Action.DISCARD.value)}
    found[Action.REGISTER.value] = line("dead", "register", number, *options(letter))
    found["undo"] = line("dead", "discard", number, "--undo")
    found["unmask"] = line("dead", "show", number, "--unmask")
    return found


def _find(connection: Connection, number: int, life: LinkLife) -> tuple[Letter, Facts | None]:
    letter = letters.one(connection, number)
    if letter is None:
        raise HTTPException(404)
    account = facts(connection, letter.account_ic, life) if letter.account_ic else None
    if account is not None:
        account["account_id"] = id_of(connection, letter.account_ic or "")
    return letter, account


def _reveal(connection: Connection, number: int, person: Person, reason: str) -> Any:
    letter = letters.one(connection, number)
    if letter is None:
        raise HTTPException(404)
    return letters.reveal(connection, letter, person.name, reason)
