"""`aktif register`: an HR import from a CSV file."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from services.cli.help import PEOPLE, examples, prose

if TYPE_CHECKING:
    from schemas.envelope import Outgoing
    from services.cli.staff_list import Fault, StaffList, Terms
    from shared.settings import Settings

_HELP = prose(
    """Register the people of a staff list.

    A CSV file with a header and at least the columns ic_number,name,email,registered_at, in any order (or No Kad
    Pengenalan, Nama, Emel, Tarikh Pendaftaran): UTF-8, or UTF-16 as Excel's Unicode Text; commas, semicolons or tabs.
    registered_at is 2020-07-13 10:45:50 or 13/07/2020 10:45:50 AM (day first), Malaysia time where it has no offset.

    Good rows are published and confirmed; registering the same file twice changes nothing. Bad rows are told with
    line, field and reason, and kept beside FILE.csv in FILE.bad.csv: mend them there and register that file."""
)
_EXAMPLES = examples(
    "aktif register staff.csv --dry-run",
    "aktif register staff.csv --lane live",
    "aktif register staff.csv --source /hr/kelantan --no-mail",
    "aktif register staff.bad.csv",
)
_FAULTS_SHOWN: Final = 20
_IDS_AT_ONCE: Final = 10_000


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
    bad_rows: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A new file for the rows that are refused, instead of FILE.bad.csv."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    from uuid import uuid4

    from schemas.events import Lane
    from services.cli.environment import settings
    from services.cli.staff_list import Terms
    from shared.clock import now

    if bad_rows is not None and bad_rows.exists():
        raise typer.BadParameter(f"{bad_rows} is there already; name a new file", param_hint="--bad-rows")
    terms = Terms(checked_source(source), now(), Lane(lane), notify=not no_mail, salt=str(uuid4()) if again else "")
    found, kept_in = read_file(file, terms, bad_rows)
    _say_faults(file, found, kept_in)
    result: dict[str, Any] = {"published": 0, "repeats": None}
    if found.good and not dry_run:
        of = settings()
        result["repeats"] = 0 if again else known_already(of, terms, found.events())
        result["published"] = publish(of, found.events(), len(found.good))
    result |= {"dry_run": dry_run, "bad_rows": str(kept_in) if kept_in else None}
    _say_result(file, found, result, as_json=as_json, lane=lane)
    raise typer.Exit(1 if found.faults else 0)


def read_file(file: Path, terms: "Terms", bad_rows: Path | None) -> "tuple[StaffList, Path | None]":
    """Read a staff list and keep its bad rows, which gives the file they are in. Raises Failed where it has no rows."""
    from services.cli.failures import Failed
    from services.cli.staff_file import BadFile, decode
    from services.cli.staff_list import read

    try:
        text = decode(file.read_bytes())
        found = read(text, terms)
    except BadFile as error:
        raise Failed(f"{file}:{error.line}: {error}") from None
    return found, _keep_bad_rows(file, text, found, bad_rows) if found.faults else None


def _keep_bad_rows(file: Path, text: str, found: "StaffList", wanted: Path | None) -> Path | None:
    """Where nobody asked for the file, an import does not fail for want of it.

    A list that comes through a pipe has no folder beside it (in a container, one that is gone with it): all is told.
    """
    from services.cli.bad_rows import keep, report, write_new

    content = report(text, found)
    if wanted is not None:
        write_new(wanted, content)
        return wanted
    if Path("/dev") in file.absolute().parents:
        return None
    try:
        return keep(content, file)
    except OSError as error:
        sys.stderr.write(f"aktif: the bad rows were not kept: {error.filename}: {error.strerror}; see --bad-rows\n")
        return None


def publish(of: "Settings", events: "Iterable[Outgoing]", total: int) -> int:
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
        task = progress.add_task("publishing", total=total)
        return broker.publish(events, lambda number: progress.advance(task, number))


def known_already(of: "Settings", terms: "Terms", events: "Iterable[Outgoing]") -> int | None:
    """How many of these events were worked before; None where the database cannot be asked."""
    from itertools import islice

    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    from services.cli.environment import database

    if of.database_url is None:
        return None
    statement = text("SELECT count(*) FROM state_inbox WHERE source = :source AND id = ANY(CAST(:ids AS text[]))")
    ids, known = (event.id for event in events), 0
    try:
        with database(of) as engine, engine.connect() as connection:
            while some := list(islice(ids, _IDS_AT_ONCE)):
                known += connection.execute(statement, {"source": terms.source, "ids": some}).scalar_one()
    except SQLAlchemyError:
        return None
    return known


def checked_source(source: str) -> str:
    """A source from which HR's events may come. Raises typer.BadParameter for another."""
    from schemas.envelope import Malformed
    from services.cli.publishing import check_source

    try:
        check_source(source)
    except Malformed as error:
        raise typer.BadParameter(error.detail, param_hint="--source") from None
    return source


def _say_faults(file: Path, found: "StaffList", kept_in: Path | None) -> None:
    from services.cli.output import clean

    if found.layout.unused:
        sys.stderr.write(f"{file}: columns not used: {clean(', '.join(found.layout.unused))}\n")
    shown = found.faults[:_FAULTS_SHOWN] if kept_in else found.faults
    for fault in shown:
        sys.stderr.write(f"{file}:{fault.line}: {fault.field}: {fault.reason}\n")
    if more := len(found.faults) - len(shown):
        sys.stderr.write(f"… and {more:,} more, all of them in {kept_in}\n")


def _say_result(file: Path, found: "StaffList", result: dict[str, Any], *, as_json: bool, lane: str) -> None:
    from services.cli.output import count, print_json

    if as_json:
        bad = list(map(_plain, found.faults))
        print_json({"file": str(file), "rows": found.rows, "good": len(found.good), **result, "bad": bad})
        return
    words = [f"{file.name}: {count(found.rows, 'row')}"]
    if result["dry_run"]:
        words.append(f"{len(found.good):,} good, nothing published (--dry-run)")
    else:
        words.append(f"{result['published']:,} published on lane {lane}")
    if bad_lines := len({fault.line for fault in found.faults}):
        words.append(f"{bad_lines:,} bad and left out")
    typer.echo(", ".join(words) + ".")
    if repeats := result["repeats"]:
        typer.echo(
            f"{repeats:,} of them had been registered before in the same form: a repeat changes nothing "
            "(--again sends them as new events)."
        )
    elif result["published"] and repeats is None:
        typer.echo("Rows that were registered before in the same form are repeats and change nothing.")
    if result["bad_rows"]:
        typer.echo(f"Mend the bad ones in {result['bad_rows']} and register that file.")


def _plain(fault: "Fault") -> dict[str, Any]:
    return {"line": fault.line, "field": fault.field, "reason": fault.reason}
