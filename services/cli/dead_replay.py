"""`aktif dead plan` and `replay`: what a replay would do; beginning, resuming and cancelling one."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from services.cli.audit import As, Why, Yes
from services.cli.dead_filter import Group, Ic, Letters, Person, Queue, Reason, Since, Text, Type, Until, Which
from services.cli.help import examples, prose

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from shared.operations.replay import Order

_PLAN = prose(
    """Say what a replay would do, and do nothing: how many letters match, are obsolete, wait, and may be sent.

    A letter is obsolete when its event was worked since, its account is active or withdrawn so that it would be
    refused, HR sent something newer, or its mail is no longer wanted."""
)
_REPLAY = prose(
    """Send letters back to the queue they died from, under the same id; each at most once, whoever else replays.

    First says what it will do, and takes nothing that is filed after that. Ctrl-C here, or --cancel N from elsewhere,
    ends it in order: what was not sent is free again, and --resume N goes on with it, also after its process was
    killed. Ends with what became of the letters; `aktif dead show` links each to the
    letter that it died in again."""
)
_EXAMPLES: Final = (
    "aktif dead replay 17 18 --why 'the database has room again'",
    "aktif dead replay --reason gave_up --rate 50 --stop-after 5",
    "aktif dead replay --group 0123456789abcdef --limit 10 --yes --why 'a try'",
    "aktif dead replay --resume 3",
    "aktif dead replay --cancel 3",
)

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
    person: Person = None,
    limit: Limit = None,
    obsolete: Obsolete = False,
    force: Force = False,
    as_json: _Json = False,
) -> None:
    from services.cli import dead_replay_view as view
    from services.cli.environment import database, settings
    from services.cli.output import print_json
    from shared.operations.replay import Order, plan

    which = Which(reason, queue, type_, text, ic, since, until, group, person)
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
    person: Person = None,
    limit: Limit = None,
    rate: Annotated[float | None, typer.Option(min=0.01, help="At most so many letters a second.")] = None,
    stop_after: Annotated[
        int | None, typer.Option(min=1, help="Stop when so many have failed again; sends few at first.")
    ] = None,
    obsolete: Obsolete = False,
    force: Force = False,
    resume: Annotated[int | None, typer.Option(metavar="N", min=1, help="Go on with replay N.")] = None,
    cancel: Annotated[int | None, typer.Option(metavar="N", min=1, help="End replay N.")] = None,
    wait: Annotated[float, typer.Option(min=0, help="Wait so many seconds for the results.")] = 10,
    why: Why = None,
    yes: Yes = False,
    as_: As = None,
    as_json: _Json = False,
) -> None:
    from services.cli import dead_carrying
    from services.cli import dead_replay_view as view
    from services.cli.audit import logged, whoever
    from services.cli.audit import reason as asked_why
    from services.cli.environment import database, settings
    from services.cli.output import print_json
    from shared.operations.replay import Order
    from shared.operations.results import State

    which = Which(reason, queue, type_, text, ic, since, until, group, person)
    wanted = which.chosen(letters)
    if (resume or cancel) and (wanted.as_json() or limit or rate or stop_after or (resume and cancel)):
        hint = "--resume" if resume else "--cancel"
        raise typer.BadParameter("names one that was begun: name no letters and no limits", param_hint=hint)
    of, who = settings(), whoever(as_)
    with logged(), database(of) as engine:
        if cancel:
            _cancelled(engine, cancel, who)
            return
        if resume:
            operation = _resumed(engine, resume, who)
        else:
            order = Order(wanted, asked_why(why), obsolete, force, rate, limit, stop_after)
            operation = _started(engine, order, who, yes=yes)
        result = dead_carrying.carry_on(of, engine, operation, who, wait)
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
        begun = start(connection, who, order.before(found.at))
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


def _cancelled(engine: "Engine", operation: int, who: str) -> None:
    """End one that runs, and say when that is. Raises Failed where it does not run."""
    from services.cli.failures import Failed
    from shared.operations.carrying import Cancelled, cancel
    from shared.operations.results import NotThere

    try:
        with engine.begin() as connection:
            ends = cancel(connection, operation, who)
    except NotThere as error:
        raise Failed(str(error)) from None
    if ends is Cancelled.BEFORE:
        raise Failed(f"replay {operation} had ended before")
    when = "has ended" if ends is Cancelled.NOW else "ends as soon as the portion in hand is sent"
    typer.echo(f"Replay {operation} {when}; what is not sent is free again.")
