"""`aktif dead plan` and `replay`: what a replay would do; doing it, with progress, in order to be ended and resumed."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from services.cli.audit import As, Why, Yes
from services.cli.dead_filter import Group, Ic, Letters, Queue, Reason, Since, Text, Type, Until, Which
from services.cli.help import examples, prose

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from shared.operations.carrying import Turn
    from shared.operations.replay import Order
    from shared.operations.results import Progress
    from shared.settings import Settings

_PLAN = prose(
    """Say what a replay would do, and do nothing: how many letters match, are obsolete, wait, and may be sent.

    A letter is obsolete when its event was worked since, its account is active or withdrawn so that it would be
    refused, HR sent something newer, or its mail is no longer wanted."""
)
_REPLAY = prose(
    """Send letters back to the queue they died from, under the same id; each at most once, whoever else replays.

    First says what it will do. Ctrl-C ends it in order: what was not sent is free again, and --resume N goes on with
    it, also after its process was killed. Ends with what became of the letters; `aktif dead show` links each to the
    letter that it died in again."""
)
_EXAMPLES: Final = (
    "aktif dead replay 17 18 --why 'the database has room again'",
    "aktif dead replay --reason gave_up --rate 50 --stop-after 5",
    "aktif dead replay --group 0123456789abcdef --limit 10 --yes --why 'a try'",
    "aktif dead replay --resume 3",
)
_FRAME_SECONDS: Final = 0.5

Obsolete = Annotated[bool, typer.Option("--obsolete", help="Send obsolete ones too.")]
Force = Annotated[bool, typer.Option("--force", help="Send those too that somebody may have forged.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="At most so many letters, the oldest first.")]
_Json = Annotated[bool, typer.Option("--json", help="Print the numbers as JSON.")]


def add_to(dead: typer.Typer) -> None:
    """Add the commands."""
    plans = examples("aktif dead plan", "aktif dead plan --reason gave_up", "aktif dead plan 17 18 --obsolete")
    dead.command("plan", help=_PLAN, epilog=plans)(_plan)
    dead.command("replay", help=_REPLAY, epilog=examples(*_EXAMPLES))(_replay)


def _plan(
    letters: Letters = None,
    reason: Reason = None,
    queue: Queue = None,
    type_: Type = None,
    text: Text = None,
    ic: Ic = None,
    since: Since = None,
    until: Until = None,
    group: Group = None,
    limit: Limit = None,
    obsolete: Obsolete = False,
    force: Force = False,
    as_json: _Json = False,
) -> None:
    from services.cli import dead_replay_view as view
    from services.cli.environment import database, settings
    from services.cli.output import print_json
    from shared.operations.replay import Order, plan

    which = Which(reason, queue, type_, text, ic, since, until, group)
    order = Order(which.chosen(letters), "plan", obsolete, force, most=limit)
    with database(settings()) as engine, engine.connect() as connection:
        found = plan(connection, order)
    if as_json:
        print_json(view.plan_as_json(found))
    else:
        view.show_plan(found)


def _replay(
    letters: Letters = None,
    reason: Reason = None,
    queue: Queue = None,
    type_: Type = None,
    text: Text = None,
    ic: Ic = None,
    since: Since = None,
    until: Until = None,
    group: Group = None,
    limit: Limit = None,
    rate: Annotated[float | None, typer.Option(min=0.01, help="At most so many letters a second.")] = None,
    stop_after: Annotated[
        int | None, typer.Option(min=1, help="Stop when so many have failed again; sends few at first.")
    ] = None,
    obsolete: Obsolete = False,
    force: Force = False,
    resume: Annotated[int | None, typer.Option(metavar="N", min=1, help="Go on with replay N.")] = None,
    wait: Annotated[float, typer.Option(min=0, help="Wait so many seconds for the results.")] = 10,
    why: Why = None,
    yes: Yes = False,
    as_: As = None,
    as_json: _Json = False,
) -> None:
    from services.cli import dead_replay_view as view
    from services.cli.audit import logged, whoever
    from services.cli.audit import reason as asked_why
    from services.cli.environment import database, settings
    from services.cli.output import print_json
    from shared.operations.replay import Order
    from shared.operations.results import State

    which = Which(reason, queue, type_, text, ic, since, until, group)
    wanted = which.chosen(letters)
    if resume and (wanted.as_json() or limit or rate or stop_after):
        raise typer.BadParameter("goes on as it was begun: name no letters and no limits", param_hint="--resume")
    of, who = settings(), whoever(as_)
    with logged(), database(of) as engine:
        if resume:
            operation = _resumed(engine, resume, who)
        else:
            order = Order(wanted, asked_why(why), obsolete, force, rate, limit, stop_after)
            operation = _started(engine, order, who, yes=yes)
        result = _carry_on(of, engine, operation, who, wait)
    if as_json:
        print_json(view.progress_as_json(result))
    else:
        view.show_result(result)
    raise typer.Exit(0 if result.state is State.DONE and not result.failed else 1)


def _started(engine: "Engine", order: "Order", who: str, *, yes: bool) -> int:
    """Say the plan, ask, and begin. Raises typer.Exit where there is nothing to send."""
    from services.cli import dead_replay_view as view
    from services.cli.audit import confirm
    from services.cli.output import count
    from shared.operations.replay import plan, start

    with engine.connect() as connection:
        found = plan(connection, order)
    view.show_plan(found, stderr=True)
    if not found.to_send:
        raise typer.Exit(1)
    confirm(f"Send {count(found.to_send, 'letter')} home?", yes=yes)
    with engine.begin() as connection:
        begun = start(connection, who, order)
    typer.echo(f"Replay {begun.operation_id}: {count(begun.letters, 'letter')}.", err=True)
    return begun.operation_id


def _resumed(engine: "Engine", operation: int, who: str) -> int:
    from services.cli.failures import Failed
    from services.cli.output import count
    from shared.operations.carrying import NotResumable, resume
    from shared.operations.results import NotThere

    try:
        with engine.begin() as connection:
            queued = resume(connection, operation, who)
    except (NotThere, NotResumable) as error:
        raise Failed(str(error)) from None
    typer.echo(f"Replay {operation}: {count(queued, 'letter')} left.", err=True)
    return operation


def _carry_on(of: "Settings", engine: "Engine", operation: int, who: str, patience: float) -> "Progress":
    """Publish until it is over or a signal comes, then wait a while for results."""
    from services.cli.publishing import publishing
    from shared.operations import carrying
    from shared.operations.results import State

    try:
        with publishing(of.broker_urls()) as broker, _ending() as ending, _bar(engine, operation) as draw:

            def on_turn(_: "Turn") -> None:
                draw()

            state = carrying.carry_on(engine, operation, broker.send, wait=ending.wait, on_turn=on_turn)
            if ending.is_set() and state is State.RUNNING:
                with engine.begin() as connection:
                    carrying.cancel(connection, operation, who)
            return _results(engine, operation, time.monotonic() + patience, ending, draw)
    except Exception:
        sys.stderr.write(f"aktif: replay {operation} is not over; `aktif dead replay --resume {operation}` goes on\n")
        raise


def _results(
    engine: "Engine", operation: int, until: float, ending: threading.Event, draw: Callable[[], None]
) -> "Progress":
    from shared.operations.results import progress

    while True:
        with engine.connect() as connection:
            found = progress(connection, operation)
        draw()
        if not found.waiting or time.monotonic() > until or ending.wait(_FRAME_SECONDS):
            return found


@contextmanager
def _ending() -> Iterator[threading.Event]:
    """Set by the first Ctrl-C or SIGTERM; the second Ctrl-C ends at once."""
    ending = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def end(_: int, __: Any) -> None:
        ending.set()
        signal.signal(signal.SIGINT, before[signal.SIGINT])

    for number in before:
        signal.signal(number, end)
    try:
        yield ending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _bar(engine: "Engine", operation: int) -> Iterator[Callable[[], None]]:
    """A function that draws how far it is, on a terminal, twice a second at most."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    from services.cli.output import console
    from shared.operations.results import progress

    screen = console(stderr=True)
    columns = (TextColumn("replaying"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[words]}"))
    drawn = 0.0
    with Bar(*columns, TimeElapsedColumn(), console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task("replaying", total=None, words="")

        def draw() -> None:
            nonlocal drawn
            if bar.disable or time.monotonic() - drawn < _FRAME_SECONDS:
                return
            with engine.connect() as connection:
                now = progress(connection, operation)
            words = f"{now.worked:,} worked, {now.failed:,} failed again, {now.waiting:,} waiting"
            bar.update(task, completed=now.published, total=now.letters, words=words)
            drawn = time.monotonic()

        yield draw
