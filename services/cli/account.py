"""`aktif account`: one person's account, link, mails and whole timeline, as the database has them."""

from typing import Annotated, Final

import typer

from services.cli.asking import checked_ic
from services.cli.help import SEE, examples, prose

_HELP = prose(
    """Show a person's account: details, link, mails with every reply of a mail server, and the whole timeline.

    Times are Malaysia's. The status of the link is the one that the person would meet now."""
)
_LETTERS: Final = "SELECT count(*) FROM letters WHERE ic_number = :ic"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples("aktif account 850101-03-0007", "aktif account 850101030007 --json")
    app.command("account", help=_HELP, epilog=epilog, rich_help_panel=SEE)(_account)


def _account(
    ic: Annotated[str, typer.Argument(metavar="IC", help="IC number; dashes and spaces are allowed.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the account as JSON.")] = False,
) -> None:
    from sqlalchemy import text

    from services.cli import account_view
    from services.cli.environment import database, settings
    from services.cli.failures import Failed
    from services.cli.output import print_json
    from shared.operations.accounts import as_promised, facts

    ic_number, of = checked_ic(ic), settings()
    with database(of) as engine, engine.connect() as connection:
        found = facts(connection, ic_number, of.link_life)
        letters = connection.execute(text(_LETTERS), {"ic": ic_number}).scalar_one()
    if found is None:
        also = f"; {letters} dead letters name it: `aktif dead list`" if letters else ""
        raise Failed(f"no account has the IC number {ic_number}; `aktif register` makes one{also}")
    if as_json:
        print_json(as_promised(found))
    else:
        account_view.show(found, letters)
