"""`aktif resend` and `aktif withdraw`: one event for one person, and what became of it."""

import contextlib
import time
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from services.cli.audit import As, Why
from services.cli.help import PEOPLE, examples, prose

if TYPE_CHECKING:
    from schemas.events import AccountWithdrawn, EventData, Resend
    from shared.settings import Settings

_WAIT_SECONDS: Final = 5.0
_OPERATOR: Final = "/aktif/operator/cli"
_RESEND = prose(
    """Send a person the activation mail again.

    The link that was mailed before is mailed again, or a new one where that has ended. An operator's request is exempt
    from the cool-down that people have. Waits up to 5 seconds for the outcome."""
)
_WITHDRAW = prose(
    """Withdraw a registration before activation.

    Links that were mailed end at once. An account that is active already stays active. Registering the person again
    (`aktif register --again`) reinstates the account. Waits up to 5 seconds for the outcome."""
)


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        "resend",
        help=_RESEND,
        epilog=examples("aktif resend 850101-03-0007", "aktif resend 850101030007 --why 'asked by phone'"),
        rich_help_panel=PEOPLE,
    )(_resend)
    app.command(
        "withdraw",
        help=_WITHDRAW,
        epilog=examples("aktif withdraw 850101-03-0007", "aktif withdraw 850101030007 --source /hr/kelantan"),
        rich_help_panel=PEOPLE,
    )(_withdraw)


_Ic = Annotated[str, typer.Argument(metavar="IC", help="IC number; dashes and spaces are allowed.")]
_Json = Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")]


def _resend(ic: _Ic, why: Why = None, as_: As = None, as_json: _Json = False) -> None:
    from schemas.events import Resend

    _ask(Resend(reason="resend", ic_number=checked_ic(ic)), _OPERATOR, _Told("resend", why, as_), as_json=as_json)


def _withdraw(
    ic: _Ic,
    source: Annotated[str, typer.Option(help="The HR system that speaks.")] = "/hr/cli",
    why: Why = None,
    as_: As = None,
    as_json: _Json = False,
) -> None:
    from schemas.events import AccountWithdrawn
    from services.cli.register import checked_source

    data, told = AccountWithdrawn(ic_number=checked_ic(ic)), _Told("withdraw", why, as_)
    _ask(data, checked_source(source), told, as_json=as_json)


class _Told(NamedTuple):
    """What the audit is told of an act."""

    what: str
    why: str | None
    who: str | None


def checked_ic(typed: str) -> str:
    """The 12 digits of an IC number as a person types it. Raises typer.BadParameter."""
    from pydantic_core import PydanticCustomError

    from schemas.fields import ic_number_from_input

    try:
        return ic_number_from_input(typed)
    except PydanticCustomError as error:
        raise typer.BadParameter(
            error.message().replace(" without dashes or spaces", ", such as 850101-03-0007"), param_hint="IC"
        ) from None


def ask(of: "Settings", data: "EventData", source: str) -> None:
    """Publish an event on the live lane, HR's or an operator's by its source; returns when it is confirmed."""
    from services.cli.publishing import publishing
    from shared.clock import now
    from shared.operations.asking import request

    with publishing(of.broker_urls()) as broker:
        broker.publish([request(data, source, now())])


def _ask(data: "Resend | AccountWithdrawn", source: str, told: _Told, *, as_json: bool) -> None:
    from services.cli.audit import logged
    from services.cli.environment import settings
    from services.cli.output import print_json
    from services.cli.publishing import publishing
    from shared.clock import now
    from shared.operations.asking import HARMLESS, in_words, request

    of = settings()
    event = request(data, source, now())
    with logged(), publishing(of.broker_urls()) as broker:
        _write_down(of, data.ic_number, event.id, told)
        broker.publish([event])
    found = _outcome(of, source, event.id) if of.database_url else None
    outcome, reason = found or (None, None)
    done = outcome in {"applied", None} or reason == HARMLESS
    if as_json:
        print_json({"source": source, "id": event.id, "outcome": outcome, "reason": reason})
    else:
        typer.echo(in_words(outcome, reason, f"`aktif account {data.ic_number}`"), err=not done)
    raise typer.Exit(0 if done else 1)


def _write_down(of: "Settings", ic_number: str, event_id: str, told: _Told) -> None:
    """Tell the audit before it is done. An act that a person waits for is done also where no audit can be written."""
    from sqlalchemy.exc import SQLAlchemyError

    from services.cli.audit import whoever
    from services.cli.environment import database
    from shared.operations import accounts, audit
    from shared.store.engine import name_of

    who, why_not = whoever(told.who), "AKTIF_DATABASE_URL is not set"
    if of.database_url:
        try:
            with database(of) as engine, engine.begin() as connection:
                account = accounts.id_of(connection, ic_number)
                subject = accounts.account_named(account) if account else "nobody known"
                audit.write(connection, who, told.what, subject, told.why, event_id=event_id)
            return
        except SQLAlchemyError as error:
            why_not = name_of(error)
    typer.echo(f"aktif: this is not in the audit: {why_not}", err=True)


def _outcome(of: "Settings", source: str, id_: str) -> tuple[str, str | None] | None:
    """What became of an event, as soon as it is known; None after some seconds."""
    from sqlalchemy.exc import SQLAlchemyError

    from services.cli.environment import database
    from shared.operations.asking import outcome

    until = time.monotonic() + _WAIT_SECONDS
    with contextlib.suppress(SQLAlchemyError), database(of) as engine:  # it was published, whatever the database says
        while time.monotonic() < until:
            with engine.connect() as connection:
                found = outcome(connection, source, id_)
            if found is not None:
                return found
            time.sleep(0.05)
    return None
