"""`aktif ledger`: prints the reconciliation of all events, keeps it for the console, and mends it."""

import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

from services.cli.audit import As, Why
from services.cli.help import SEE, examples, prose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine

    from services.cli.management import BrokerApi
    from shared.operations.ledger import Caused, LedgerReport
    from shared.operations.sent import Sent
    from shared.settings import Settings

_HELP = prose(
    """Check that every event that was caused is found exactly once: done, waiting or dead.

    Reads what each inbox says it caused, and what operators replayed or registered again, and looks it up on the
    receiver's side. What is found nowhere is waiting or lost while queues hold messages, and lost when they are empty.
    Exit code 1 where not all is found exactly once. The result is kept with your name, and shown on the console's
    board and its page Ledger.

    --mend publishes what is lost again, under the same ids and replay numbers, which is safe: an event takes effect
    once. It is kept in the audit."""
)
_SHOWN: Final = 10


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples(
        "aktif ledger",
        "aktif ledger --mend --why 'mailer.bulk was purged'",
        "aktif ledger --json",
        exits={0: "every event is found exactly once", 1: "one is not, or may not be yet"},
    )
    app.command("ledger", help=_HELP, epilog=epilog, rich_help_panel=SEE)(_ledger)


def _ledger(
    mend: Annotated[bool, typer.Option("--mend", help="Publish again what was caused and is lost.")] = False,
    why: Why = None,
    as_: As = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    from services.cli.audit import logged
    from services.cli.environment import database, settings
    from services.cli.output import print_json
    from shared.operations.ledger import audit

    of, begun = settings(), time.monotonic()
    with logged(), database(of) as engine:
        report = audit(engine, _api(of))
        seconds = time.monotonic() - begun
        ledger_id = _keep(engine, report, as_, seconds)
        mended = _mend(of, engine, ledger_id, report, as_, why) if mend and report.lost else 0
    if as_json:
        print_json(
            {
                "clean": report.clean,
                "verdict": report.verdict,
                **asdict(report),
                "waiting": {**asdict(report.waiting), "messages": report.waiting.messages},
                "lost": len(report.lost),
                "mended": mended,
                "ledger_id": ledger_id,
                "seconds": round(seconds, 3),
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


def _keep(engine: "Engine", report: "LedgerReport", as_: str | None, seconds: float) -> int | None:
    """Keep what was found; returns its number. A look must not fail for that, so None where it cannot be kept."""
    from sqlalchemy.exc import SQLAlchemyError

    from services.cli.audit import whoever
    from services.cli.failures import Failed, explain
    from shared.operations.ledger_runs import keep

    try:
        with engine.begin() as connection:
            return keep(connection, report, whoever(as_), seconds)
    except (Failed, SQLAlchemyError) as error:
        typer.echo(f"aktif: this result is not kept: {explain(error)}", err=True)
        return None


def _mend(
    of: "Settings", engine: "Engine", ledger_id: int | None, report: "LedgerReport", as_: str | None, why: str | None
) -> int:
    """Publish what is certainly lost; returns how many events that were. What cannot be audited is not done.

    Why is asked for on a terminal; a script need not say it.
    """
    from services.cli.audit import reason, whoever
    from services.cli.publishing import publishing
    from shared.operations.ledger_runs import mend

    if ledger_id is None:
        typer.echo("aktif: nothing is mended, since it could not be kept in the audit who did it", err=True)
        return 0
    because = reason(why) if why or sys.stdin.isatty() else None
    with publishing(of.broker_urls()) as broker:
        return mend(engine, ledger_id, report, whoever(as_), because, broker.send)


def _show(report: "LedgerReport", mended: int) -> None:
    from services.cli.output import BAD, GOOD, ODD, QUIET, console, count, table

    screen = console()
    summary = table("Events", "number", right=("number",))
    summary.add_row("caused, between state and mailer", f"{report.caused:,}")
    summary.add_row("sent by operators", f"{report.sent:,}")
    summary.add_row("done", f"{report.done:,}")
    summary.add_row("dead letters", f"{report.dead:,}")
    summary.add_row("mails that are tried again", f"{report.waiting.retried_mails:,}")
    unfound = len(report.missing) - len(report.lost)
    summary.add_row("not found yet", f"{unfound:,}", style=ODD if unfound else None)
    summary.add_row("lost", f"{len(report.lost):,}", style=BAD if report.lost else None)
    summary.add_row("found twice", f"{len(report.twice):,}", style=BAD if report.twice else None)
    summary.add_row("besides, told to HR systems", f"{report.told:,}", style=QUIET)
    screen.print(summary)
    _show_events(report.lost, "Lost")
    _show_events(report.twice, "Twice")
    screen.print(_queues_in_words(report))
    if mended:
        screen.print(f"Mended: {count(mended, 'event')} published again under the same ids.", style=GOOD)
    else:
        words, style = _verdict(report)
        screen.print(words, style=style)


def _verdict(report: "LedgerReport") -> tuple[str, str]:
    """What it comes to and what to do, and how that looks."""
    from services.cli.output import BAD, GOOD, ODD, count
    from shared.operations.ledger import DEAD_AFTER, Verdict

    match report.verdict:
        case Verdict.CLEAN:
            return "Clean: every caused event has exactly one fate.", GOOD
        case Verdict.LOST:
            return "Not clean: `aktif ledger --mend` publishes what is lost again, under the same ids.", BAD
        case Verdict.UNDECIDED:
            words = f"Not decided: {count(len(report.missing), 'event')} wait or are lost"
            return f"{words}; look again when the queues are empty (`aktif queues --watch`).", ODD
        case Verdict.TWICE if any(event.why == DEAD_AFTER for event in report.twice):
            words = "Not clean: look at the account and the letter (`aktif dead list --text ID --status all`)"
            return f"{words}; where all is well with the person, `aktif dead discard` settles it.", BAD
        case Verdict.TWICE:
            return "Not clean: what is found twice needs a person who looks at both.", BAD


def _show_events(events: "Sequence[Caused | Sent]", title: str) -> None:
    from services.cli.output import at, clean, console, table

    if not events:
        return
    rows = table("at", "event", "id", "found", title=title)
    for column in rows.columns[:2]:
        column.no_wrap = True
    for event in events[:_SHOWN]:
        name = (event.type or "unreadable").removeprefix("aktif.").removesuffix(".v1")
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
