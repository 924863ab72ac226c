"""`aktif queues`: what waits where, who works on it, and what is wrong."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from services.cli.help import SEE, examples, prose

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from shared.broker.management import ManagementApi, QueueState

_HELP = prose(
    """Show every queue: depth, unacked, consumers, rates, lag, and in words what is wrong.

    Lag is the age that the event last taken had when it was worked. The broker counts anew every few seconds. With
    --watch the screen is drawn each second; q or Ctrl-C ends it."""
)
_NEWEST_ROWS: Final = 10_000
_LAST_TAKEN: Final = (
    "SELECT DISTINCT ON (lane) lane, at - event_time AS lag, now() - at AS ago FROM "
    "(SELECT lane, at, event_time FROM {inbox} ORDER BY at DESC LIMIT {rows}) AS newest "
    "ORDER BY lane, at DESC, event_time"
)
_NEW_LETTERS: Final = "SELECT count(*) FROM letters WHERE filed_at > now() - interval '1 hour'"
_PULSE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Line:
    """One queue, as it is shown. Rates are per second; lag and last_taken are None where nothing is known."""

    queue: str
    messages: int
    unacked: int
    consumers: int
    rate_in: float
    rate_out: float
    lag: timedelta | None = None
    last_taken: timedelta | None = None
    remark: str = ""
    is_wrong: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """Of one queue: how old the event last taken was when it was worked, and how long ago that is."""

    lag: timedelta
    ago: timedelta


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
            print_json([asdict(line) for line in look(api, engine)])
        else:
            console().print(screen(look(api, engine)))


def look(api: "ManagementApi", engine: "Engine | None") -> list[Line]:
    """Every queue of the topology and every other of the vhost, with what is wrong. Raises Failed."""
    from shared.broker.topology import TOPOLOGY

    found = {queue.name: queue for queue in api.queues()}
    taken, new_letters = _from_database(engine)
    ours = [queue.name for queue in TOPOLOGY.queues]
    others = sorted(found.keys() - set(ours))
    return [_line(name, found.get(name), taken.get(name), new_letters) for name in [*ours, *others]]


def _from_database(engine: "Engine | None") -> tuple[Mapping[str, Taken], int | None]:
    """What the inboxes tell of each work queue, and how many letters were filed within the hour."""
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    from shared.broker.topology import SERVICES

    if engine is None:
        return {}, None
    taken = dict[str, Taken]()
    try:
        with engine.connect() as connection:
            for service in SERVICES:
                statement = _LAST_TAKEN.format(inbox=f"{service}_inbox", rows=_NEWEST_ROWS)
                for lane, lag, ago in connection.execute(text(statement)):
                    taken[f"{service}.{lane}"] = Taken(max(lag, timedelta()), ago)
            return taken, int(connection.execute(text(_NEW_LETTERS)).scalar_one())
    except SQLAlchemyError:
        return {}, None


def _line(name: str, state: "QueueState | None", taken: Taken | None, new_letters: int | None) -> Line:
    if state is None:
        return Line(name, 0, 0, 0, 0, 0, remark="is not there: run `aktif provision`", is_wrong=True)
    remark, is_wrong = _remark(state, taken, new_letters)
    return Line(
        name,
        state.ready + state.unacked,
        state.unacked,
        state.consumers,
        state.rate_in,
        state.rate_acked,
        lag=taken.lag if taken and state.consumers else None,
        last_taken=taken.ago if taken else None,
        remark=remark,
        is_wrong=is_wrong,
    )


def _remark(state: "QueueState", taken: Taken | None, new_letters: int | None) -> tuple[str, bool]:
    """What an operator should know of a queue, and whether something is wrong with it."""
    from services.cli.output import age, count
    from shared.broker.topology import DEAD_QUEUE, SERVICES

    service, _, lane = state.name.partition(".")
    if service in SERVICES and lane == "suspect":
        return ("messages that may have killed a worker, tried one by one" if state.ready else ""), False
    if service in SERVICES and not state.consumers:
        since = f", the last event was taken {age(taken.ago)} ago" if taken else ""
        return f"no consumer{since}: start `aktif {service}`", True
    if state.name == DEAD_QUEUE:
        if not state.consumers:
            return "no consumer: start `aktif archivist`", True
        if new_letters:
            return f"{count(new_letters, 'letter')} filed within the hour: `aktif dead list`", True
    if service == "feed" and not state.consumers and state.ready:
        return "nobody listens, which stops nobody", False
    return "", False


def screen(lines: Sequence[Line]) -> Any:
    """The queues as a table, and below it in words what an operator should know."""
    from rich.console import Group
    from rich.text import Text

    from services.cli.output import BAD, QUIET

    remarks = [
        Text.assemble((f"{line.queue}: ", "bold"), (line.remark, BAD if line.is_wrong else QUIET))
        for line in lines
        if line.remark
    ]
    return Group(_table(lines), *([Text(), *remarks] if remarks else []))


def _table(lines: Sequence[Line]) -> Any:
    from rich.text import Text

    from services.cli.output import BAD, QUIET, age, table

    numbers = ("depth", "unacked", "consumers", "in/s", "out/s", "lag")
    shown = table("queue", *numbers, right=numbers)
    for line in lines:
        is_idle = not (line.messages or line.rate_in or line.rate_out or line.remark or line.consumers)
        shown.add_row(
            Text(line.queue, style=BAD if line.is_wrong else ""),
            f"{line.messages:,}",
            f"{line.unacked:,}",
            str(line.consumers),
            _rate(line.rate_in),
            _rate(line.rate_out),
            age(line.lag) if line.lag is not None else "–",
            style=QUIET if is_idle else None,
        )
    return shown


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 or not rate else f"{rate:.1f}"


def _watch(api: "ManagementApi", engine: "Engine | None") -> None:
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    from services.cli.output import QUIET, at, console
    from shared.clock import now

    def draw() -> Any:
        head = Text.assemble(("aktif queues", "bold"), (f"  {at(now())}  q or Ctrl-C ends", QUIET))
        return Group(head, screen(look(api, engine)))

    with _keys() as pressed, Live(draw(), console=console(), screen=True, auto_refresh=False) as live:
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
