"""`aktif ledger`: prints the reconciliation of all events, and mends it."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

from services.cli.help import SEE, examples, prose

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from services.cli.ledger import Caused, LedgerReport
    from services.cli.management import BrokerApi
    from shared.settings import Settings

_HELP = prose(
    """Check that every event that was caused is found exactly once: done, waiting or dead.

    Reads what each inbox says it caused and looks it up on the receiver's side. What is found nowhere is waiting or
    lost while queues hold messages, and lost when they are empty. Exit code 1 where not all is found exactly once.

    --mend publishes what is lost again, under the same ids, which is safe: an event takes effect once."""
)
_SHOWN: Final = 10


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples(
        "aktif ledger",
        "aktif ledger --mend",
        "aktif ledger --json",
        exits={0: "every event is found exactly once", 1: "one is not, or may not be yet"},
    )
    app.command("ledger", help=_HELP, epilog=epilog, rich_help_panel=SEE)(_ledger)


def _ledger(
    mend: Annotated[bool, typer.Option("--mend", help="Publish again what was caused and is lost.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    from services.cli.environment import database, settings
    from services.cli.ledger import audit
    from services.cli.output import print_json

    of = settings()
    with database(of) as engine:
        report = audit(engine, _api(of))
        mended = _mend(of, engine, report) if mend else 0
    if as_json:
        print_json(
            {
                "clean": report.clean,
                **asdict(report),
                "waiting": {**asdict(report.waiting), "messages": report.waiting.messages},
                "lost": len(report.lost),
                "mended": mended,
            }
        )
    else:
        _show(report, mended)
    is_mended = mended == len(report.missing) and not report.twice
    raise typer.Exit(0 if report.clean or is_mended else 1)


def _api(of: "Settings") -> "BrokerApi | None":
    """The management API, where one answers; else the ledger cannot say what waits."""
    from services.cli.environment import management_api
    from services.cli.failures import Failed

    if of.amqp_url is None and of.broker_api_url is None:
        return None
    api = management_api(of)
    try:
        api.queues()
    except Failed as error:
        typer.echo(f"aktif: {error}", err=True)
        return None
    return api


def _mend(of: "Settings", engine: "Engine", report: "LedgerReport") -> int:
    """Publish what is certainly lost; returns how many events that were."""
    from services.cli.ledger import outgoing_of
    from services.cli.publishing import publishing

    if not report.lost:
        return 0
    with publishing(of.broker_urls()) as broker:
        return broker.publish(outgoing_of(engine, report.lost))


def _show(report: "LedgerReport", mended: int) -> None:
    from services.cli.output import BAD, GOOD, ODD, QUIET, console, count, table

    screen = console()
    summary = table("Events between state and mailer", "number", right=("number",))
    summary.add_row("caused", f"{report.caused:,}")
    summary.add_row("done", f"{report.done:,}")
    summary.add_row("dead letters", f"{report.dead:,}")
    summary.add_row("mails that are tried again", f"{report.waiting.retried_mails:,}")
    found_nowhere = BAD if report.lost else ODD if report.missing else None
    summary.add_row(
        "found nowhere" if report.lost else "not found yet", f"{len(report.missing):,}", style=found_nowhere
    )
    summary.add_row("found twice", f"{len(report.twice):,}", style=BAD if report.twice else None)
    summary.add_row("besides, told to HR systems", f"{report.told:,}", style=QUIET)
    screen.print(summary)
    _show_events(report.lost, "Lost")
    _show_events(report.twice, "Twice")
    screen.print(_queues_in_words(report))
    if mended:
        screen.print(f"Mended: {count(mended, 'event')} published again under the same ids.", style=GOOD)
    elif report.clean:
        screen.print("Clean: every caused event has exactly one fate.", style=GOOD)
    elif report.lost:
        screen.print("Not clean: `aktif ledger --mend` publishes what is lost again, under the same ids.", style=BAD)
    elif report.missing:
        words = f"Not decided: {count(len(report.missing), 'event')} wait or are lost"
        screen.print(f"{words}; look again when the queues are empty (`aktif queues --watch`).", style=ODD)
    else:
        screen.print("Not clean: what is found twice needs a person who looks at both.", style=BAD)


def _show_events(events: "tuple[Caused, ...]", title: str) -> None:
    from services.cli.output import at, clean, console, table

    if not events:
        return
    rows = table("caused at", "event", "id", "found", title=title)
    for column in rows.columns[:2]:
        column.no_wrap = True
    for event in events[:_SHOWN]:
        name = event.type.removeprefix("aktif.").removesuffix(".v1")
        rows.add_row(at(event.at), clean(name), clean(event.id), event.why)
    console().print(rows)
    if len(events) > _SHOWN:
        console().print(f"and {len(events) - _SHOWN:,} more: `aktif ledger --json` names them all")


def _queues_in_words(report: "LedgerReport") -> str:
    from services.cli.output import count

    depths = report.waiting.queues
    if depths is None:
        return "The queues could not be read, so what waits is not known."
    holding = ", ".join(f"{name} {depth:,}" for name, depth in depths.items() if depth)
    moving = " They moved meanwhile." if report.moved else ""
    if not holding:
        return f"All queues are empty.{moving}"
    return f"The queues hold {count(report.waiting.messages, 'message')} ({holding}).{moving}"
