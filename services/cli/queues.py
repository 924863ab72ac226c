"""`aktif queues`: what waits where, who works on it, and what is wrong."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

import typer

from services.cli.help import SEE, examples, prose

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from shared.broker.management import ManagementApi
    from shared.operations.queues import Known, Line

_HELP = prose(
    """Show every queue: depth, unacked, consumers, rates, lag, and in words what is wrong.

    Lag is the age that the event last taken had when it was worked. The broker counts anew every few seconds. With
    --watch the screen is drawn each second; q or Ctrl-C ends it."""
)
_PULSE_SECONDS: Final = 1.0
_FRAME: Final = 4
"""Lines of a screen that are neither queue nor remark."""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples("aktif queues", "aktif queues --watch", "aktif queues --json")
    app.command("queues", help=_HELP, epilog=epilog, rich_help_panel=SEE)(_queues)


def _queues(
    watch: Annotated[bool, typer.Option("--watch", help="Draw the screen each second until q or Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the queues as JSON.")] = False,
) -> None:
    from services.cli.environment import database, management_api, settings
    from services.cli.output import console, print_json

    if watch and (as_json or not sys.stdout.isatty()):
        raise typer.BadParameter("needs a terminal, and no --json", param_hint="--watch")
    of = settings()
    api = management_api(of)
    with database(of) if of.database_url else nullcontext() as engine:
        if watch:
            _watch(api, engine)
        elif as_json:
            print_json([asdict(line) for line in look(api, engine).lines])
        else:
            console().print(screen(look(api, engine)))


class Seen(NamedTuple):
    """Every queue of the topology and every other of the vhost, and what is wrong beyond any of them."""

    lines: "list[Line]"
    alarms: list[str]
    has_database: bool


def look(api: "ManagementApi", engine: "Engine | None") -> Seen:
    """Look once. Raises Failed where the management API does not answer."""
    from shared.broker.management import ManagementError
    from shared.operations.queues import Known, lines

    known, alarms = _known(engine), list[str]()
    with suppress(ManagementError):  # who may look at queues may not always look at nodes
        alarms = api.alarms()
    return Seen(lines(api.queues(), known or Known({}, None)), alarms, known is not None)


def _known(engine: "Engine | None") -> "Known | None":
    """What the database tells; None where it does not answer."""
    from sqlalchemy.exc import SQLAlchemyError

    from shared.operations.queues import known

    try:
        if engine is not None:
            with engine.connect() as connection:
                return known(connection)
    except SQLAlchemyError:
        pass
    return None


def screen(seen: Seen, height: int | None = None) -> Any:
    """In words what an operator should know, then the queues; the idle ones of them together where they do not fit."""
    from rich.console import Group
    from rich.text import Text

    from services.cli.output import BAD, QUIET, count

    remarks = [
        Text(f"RabbitMQ has an alarm and takes nothing from anybody: {alarm}", style=BAD) for alarm in seen.alarms
    ]
    if not seen.has_database:
        remarks.append(Text("the database does not answer or is not set, so no lag is known", style=QUIET))
    remarks += [
        Text.assemble((f"{line.queue}: ", "bold"), (line.remark, BAD if line.is_wrong else QUIET))
        for line in sorted(seen.lines, key=lambda line: not line.is_wrong)
        if line.remark
    ]
    shown, idle = seen.lines, list["Line"]()
    if height is not None and len(shown) + len(remarks) + _FRAME > height:
        shown, idle = [one for one in shown if not _is_idle(one)], [one for one in shown if _is_idle(one)]
    below = [Text(f"and {count(len(idle), 'idle queue')}", style=QUIET)] if idle else []
    return Group(*remarks, *([Text()] if remarks else []), _table(shown), *below)


def _is_idle(line: "Line") -> bool:
    return not (line.messages or line.rate_in or line.rate_out or line.remark)


def _table(lines: "Sequence[Line]") -> Any:
    from rich.text import Text

    from services.cli.output import BAD, QUIET, age, table

    numbers = ("depth", "unacked", "consumers", "in/s", "out/s", "lag")
    shown = table("queue", *numbers, right=numbers)
    for line in lines:
        shown.add_row(
            Text(line.queue, style=BAD if line.is_wrong else ""),
            f"{line.messages:,}",
            f"{line.unacked:,}",
            str(line.consumers),
            _rate(line.rate_in),
            _rate(line.rate_out),
            age(line.lag) if line.lag is not None else "–",
            style=QUIET if _is_idle(line) and not line.consumers else None,
        )
    return shown


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 or not rate else f"{rate:.1f}"


def _watch(api: "ManagementApi", engine: "Engine | None") -> None:
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    from services.cli.failures import Failed
    from services.cli.output import BAD, QUIET, at, console
    from shared.clock import now

    terminal = console()

    def draw() -> Any:
        head = Text.assemble(("aktif queues", "bold"), (f"  {at(now())}  q or Ctrl-C ends", QUIET))
        try:
            return Group(head, screen(look(api, engine), terminal.height - 1))
        except Failed as error:  # whoever watches wants to see it come back
            return Group(head, Text(str(error), style=BAD))

    with _keys() as pressed, Live(draw(), console=terminal, screen=True, auto_refresh=False) as live:
        while "q" not in pressed(_PULSE_SECONDS):
            live.update(draw(), refresh=True)


@contextmanager
def _keys() -> Iterator[Any]:
    """A function that waits some seconds for keys and returns what was pressed, without Enter."""
    import select
    import termios
    import threading
    import tty

    if not sys.stdin.isatty():
        nobody = threading.Event()
        yield lambda seconds: "q" if nobody.wait(seconds) else ""
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)

    def pressed(seconds: float) -> str:
        ready, _, _ = select.select([sys.stdin], [], [], seconds)
        return sys.stdin.read(1).lower() if ready else ""

    try:
        yield pressed
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
