"""`aktif account`: one person's account, link, mails and whole timeline, as the database has them."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from services.cli.asking import checked_ic
from services.cli.audit import As, Why
from services.cli.help import SEE, examples, prose

if TYPE_CHECKING:
    from sqlalchemy import Engine

_HELP = prose(
    """Show a person's account: details, link, mails with every reply of a mail server, and the whole timeline.

    Times are Malaysia's. The status of the link is the one that the person would meet now. Nothing is masked, so the
    audit keeps who looked."""
)
_LETTERS: Final = "SELECT count(*) FROM letters WHERE ic_number = :ic"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples("aktif account 850101-03-0007", "aktif account 850101030007 --json")
    app.command("account", help=_HELP, epilog=epilog, rich_help_panel=SEE)(_account)


def _account(
    ic: Annotated[str, typer.Argument(metavar="IC", help="IC number; dashes and spaces are allowed.")],
    why: Why = None,
    as_: As = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the account as JSON.")] = False,
) -> None:
    from sqlalchemy import text

    from services.cli import account_view
    from services.cli.environment import database, settings
    from services.cli.failures import Failed
    from services.cli.output import print_json
    from shared.operations.accounts import as_promised, facts

    ic_number, of = checked_ic(ic), settings()
    with database(of) as engine:
        with engine.connect() as connection:
            found = facts(connection, ic_number, of.link_life)
            letters = connection.execute(text(_LETTERS), {"ic": ic_number}).scalar_one()
        _write_down(engine, ic_number, why, as_)
    if found is None:
        also = f"; {letters} dead letters name it: `aktif dead list`" if letters else ""
        raise Failed(f"no account has the IC number {ic_number}; `aktif register` makes one{also}")
    if as_json:
        print_json(as_promised(found))
    else:
        account_view.show(found, letters)


def _write_down(engine: "Engine", ic_number: str, why: str | None, who: str | None) -> None:
    """Tell the audit who looks. A login that may only read is told that it is not."""
    from sqlalchemy.exc import SQLAlchemyError

    from services.cli.audit import logged, whoever
    from shared.operations import accounts
    from shared.store.engine import name_of

    name = whoever(who)
    try:
        with logged(), engine.begin() as connection:
            account = accounts.id_of(connection, ic_number)
            if account is not None:
                accounts.reveal(connection, account, name, why or "aktif account")
    except SQLAlchemyError as error:
        typer.echo(f"aktif: this look is not in the audit: {name_of(error)}", err=True)
