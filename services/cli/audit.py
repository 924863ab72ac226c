"""`aktif audit`: who did or looked at what; and who is at the keyboard."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.help import SEE, examples, prose

if TYPE_CHECKING:
    from shared.operations.audit import Entry

_HELP = prose(
    """Show who did or looked at what, when and why, newest first: replays, discards, corrected registrations, unmasked
    letters, people of the console.

    Lines are only ever added; the database refuses to change one."""
)
_EXAMPLES = examples(
    "aktif audit", "aktif audit --since 7d --who siti", "aktif audit --subject 'letter 17'", "aktif audit --json"
)
As = Annotated[
    str | None, typer.Option("--as", metavar="NAME", help="Who you are, for the audit; else your login name here.")
]
Why = Annotated[
    str | None, typer.Option("--why", metavar="TEXT", help="Why; kept in the audit, so no names or IC numbers.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask first; needed where nobody can be asked.")]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("audit", help=_HELP, epilog=_EXAMPLES, rich_help_panel=SEE)(_audit)


def _audit(
    since: Annotated[str | None, typer.Option(help="Only since: 30m, 2h, 3d, or an ISO 8601 time.")] = None,
    who: Annotated[str | None, typer.Option(help="Only what this person did.")] = None,
    what: Annotated[str | None, typer.Option(help="Only this, such as replay or unmask.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only about this, such as 'letter 17' or 'replay 3'.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many lines.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print the lines as JSON.")] = False,
) -> None:
    from dataclasses import asdict

    from services.cli.dead_filter import moment
    from services.cli.environment import database, settings
    from services.cli.output import print_json
    from shared.operations.audit import read

    begin = moment(since, "--since")
    with database(settings()) as engine, engine.connect() as connection:
        entries = read(connection, since=begin, who=who, what=what, subject=subject, limit=limit)
    if as_json:
        print_json([asdict(entry) for entry in entries])
    else:
        _show(entries)


def _show(entries: "list[Entry]") -> None:
    from services.cli.output import at, clean, console, table

    if not entries:
        console().print("Nothing of that was done.")
        return
    shown = table("at", "who", "what", "subject", "why")
    for column in shown.columns[:4]:
        column.no_wrap = True
    for entry in entries:
        shown.add_row(at(entry.at), *map(clean, (entry.who, entry.what, entry.subject, entry.reason or "–")))
    console().print(shown)


def whoever(given: str | None) -> str:
    """The name that the audit gets: the one given, else that of the login in this shell. Raises Failed."""
    import getpass

    from services.cli.failures import Failed

    try:
        name = (given or getpass.getuser()).strip()
    except (OSError, KeyError):
        name = ""
    if not name or not name.isprintable():
        raise Failed("nobody knows who you are here; say it: --as NAME")
    return name[:100]


def reason(given: str | None) -> str:
    """Why something is done, IC numbers and addresses masked. Asked for on a terminal. Raises typer.BadParameter."""
    from shared.logs import unpersonal

    if not given and sys.stdin.isatty():
        given = typer.prompt("Why (kept in the audit; no names or IC numbers)", err=True)
    if not given or not given.strip():
        raise typer.BadParameter("say why; it is kept in the audit", param_hint="--why")
    return unpersonal(given.strip())


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something is done. Raises typer.BadParameter where nobody can be asked, typer.Exit on a no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter("nobody can be asked here, so nothing was done; say it", param_hint="--yes")
    if not typer.confirm(question, err=True):
        typer.echo("Nothing was done.", err=True)
        raise typer.Exit(1)


@contextmanager
def logged() -> Iterator[None]:
    """Send the audit's log lines to standard error, but to no terminal: there what is done is said in words."""
    import structlog

    def only_audit(_: Any, __: str, event: Any) -> Any:
        if event.get("event") != "audit" or sys.stderr.isatty():
            raise structlog.DropEvent
        return event

    before = structlog.get_config()
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    lines = structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[only_audit, stamp, lines],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        structlog.configure(**before)
