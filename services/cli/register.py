"""`aktif register`: an HR import from a CSV file."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from services.cli.help import PEOPLE, examples, prose

if TYPE_CHECKING:
    from schemas.envelope import Outgoing
    from services.cli.staff_list import StaffList, Terms
    from shared.settings import Settings

_HELP = prose(
    """Register the people of a staff list.

    The CSV file has the header ic_number,name,email,registered_at (UTF-8; commas or semicolons). Each bad row is
    reported with its line, field and reason; the good ones are published and confirmed. registered_at is ISO 8601,
    Malaysia time where it has no offset. Registering the same file twice changes nothing."""
)
_EXAMPLES = examples(
    "aktif register staff.csv --dry-run",
    "aktif register staff.csv --lane live",
    "aktif register staff.csv --source /hr/kelantan --no-mail",
)


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("register", help=_HELP, epilog=_EXAMPLES, rich_help_panel=PEOPLE)(_register)


def _register(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", exists=True, dir_okay=False, readable=True)],
    lane: Annotated[
        Literal["bulk", "live"], typer.Option(help="bulk gives way to live, where a person is waiting.")
    ] = "bulk",
    no_mail: Annotated[bool, typer.Option("--no-mail", help="Send no mail until the person asks for it.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Validate only; publish nothing.")] = False,
    again: Annotated[bool, typer.Option("--again", help="New event ids: not a repeat of an earlier run.")] = False,
    source: Annotated[str, typer.Option(help="The HR system that speaks.")] = "/hr/cli",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    from uuid import uuid4

    from schemas.events import Lane
    from services.cli.environment import settings
    from services.cli.staff_list import Terms
    from shared.clock import now

    terms = Terms(checked_source(source), now(), Lane(lane), notify=not no_mail, salt=str(uuid4()) if again else "")
    found = read_file(file, terms)
    _say_faults(file, found)
    result: dict[str, Any] = {"published": 0, "repeats": None}
    if found.events and not dry_run:
        of = settings()
        result["repeats"] = 0 if again else known_already(of, terms, found.events)
        result["published"] = publish(of, found.events)
    _say_result(file, found, {**result, "dry_run": dry_run}, as_json=as_json, lane=lane)
    raise typer.Exit(1 if found.faults else 0)


def read_file(file: Path, terms: "Terms") -> "StaffList":
    """Read a staff list. Raises Failed where its header is wrong."""
    from services.cli.failures import Failed
    from services.cli.staff_list import BadHeader, read

    try:
        with file.open(encoding="utf-8-sig", errors="surrogateescape") as lines:
            return read(lines, terms)
    except BadHeader as error:
        raise Failed(f"{file}:1: {error}") from None


def publish(of: "Settings", events: "list[Outgoing]") -> int:
    """Publish events and show how far it is, on a terminal; returns how many were confirmed."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from services.cli.output import console
    from services.cli.publishing import publishing

    columns = (TextColumn("publishing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    screen = console(stderr=True)
    with (
        publishing(of.broker_urls()) as broker,
        Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as progress,
    ):
        task = progress.add_task("publishing", total=len(events))
        return broker.publish(events, lambda number: progress.advance(task, number))


def known_already(of: "Settings", terms: "Terms", events: "list[Outgoing]") -> int | None:
    """How many of these events were worked before; None where the database cannot be asked."""
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    from services.cli.environment import database

    if of.database_url is None:
        return None
    statement = text("SELECT count(*) FROM state_inbox WHERE source = :source AND id = ANY(CAST(:ids AS text[]))")
    try:
        with database(of) as engine, engine.connect() as connection:
            ids = [event.id for event in events]
            return int(connection.execute(statement, {"source": terms.source, "ids": ids}).scalar_one())
    except SQLAlchemyError:
        return None


def checked_source(source: str) -> str:
    """A source from which HR's events may come. Raises typer.BadParameter for another."""
    from schemas.envelope import Malformed
    from services.cli.publishing import check_source

    try:
        check_source(source)
    except Malformed as error:
        raise typer.BadParameter(error.detail, param_hint="--source") from None
    return source


def _say_faults(file: Path, found: "StaffList") -> None:
    for fault in found.faults:
        sys.stderr.write(f"{file}:{fault.line}: {fault.field}: {fault.reason}\n")


def _say_result(file: Path, found: "StaffList", result: dict[str, Any], *, as_json: bool, lane: str) -> None:
    from services.cli.output import count, print_json

    bad = len({fault.line for fault in found.faults})
    if as_json:
        faults = [{"line": fault.line, "field": fault.field, "reason": fault.reason} for fault in found.faults]
        print_json({"file": str(file), "rows": found.rows, "good": len(found.events), **result, "bad": faults})
        return
    words = [f"{file.name}: {count(found.rows, 'row')}"]
    if result["dry_run"]:
        words.append(f"{len(found.events):,} good, nothing published (--dry-run)")
    else:
        words.append(f"{result['published']:,} published on lane {lane}")
    if bad:
        words.append(f"{bad:,} bad and left out, see above")
    typer.echo(", ".join(words) + ".")
    if repeats := result["repeats"]:
        typer.echo(
            f"{repeats:,} of them had been registered before in the same form: a repeat changes nothing "
            "(--again sends them as new events)."
        )
    elif result["published"] and repeats is None:
        typer.echo("Rows that were registered before in the same form are repeats and change nothing.")
