"""`aktif dead`: the dead letters, as the archivist filed them, and what is done about them."""

from typing import Annotated

import typer

from services.cli import dead_closing, dead_replay
from services.cli.audit import As, Why
from services.cli.dead_filter import (
    Group,
    Ic,
    Letter,
    Person,
    Queue,
    Reason,
    Since,
    StatusWord,
    Text,
    Type,
    Until,
    Which,
)
from services.cli.help import SEE, examples, prose

_LIST = prose(
    """List dead letters: groups of one cause with their counts, then the letters, newest first.

    Only open ones, unless --status says otherwise. Letters that the archivist has not filed yet are in the queue `dead`
    (`aktif queues`)."""
)
_SHOW = prose(
    """Show one letter: why it is dead, what to do, what HR was told, its body with names, addresses and IC numbers
    masked, its account, and what was done about it.

    --unmask shows those in clear, which is kept in the audit with your name and why. What a person typed in the portal
    is never shown."""
)


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    every = (
        "aktif dead list",
        "aktif dead show 17",
        "aktif dead replay --reason gave_up --why 'the relay works again'",
    )
    dead = typer.Typer(
        help="Dead letters: list, show, replay, register again, discard.",
        epilog=examples(*every),
        rich_markup_mode="rich",
    )
    list_examples = examples(
        "aktif dead list", "aktif dead list --reason gave_up --since 2d", "aktif dead list --status all --json"
    )
    dead.command("list", help=_LIST, epilog=list_examples)(_list)
    show_examples = examples("aktif dead show 17", "aktif dead show 17 --unmask --why 'HR asks for ticket 4711'")
    dead.command("show", help=_SHOW, epilog=show_examples)(_show)
    dead_replay.add_to(dead)
    dead_closing.add_to(dead)
    app.add_typer(dead, name="dead", rich_help_panel=SEE)


def _list(
    reason: Reason = None,
    queue: Queue = None,
    type_: Type = None,
    text: Text = None,
    ic: Ic = None,
    since: Since = None,
    until: Until = None,
    group: Group = None,
    person: Person = None,
    status: Annotated[StatusWord, typer.Option(help="What was done about them.")] = "open",
    limit: Annotated[int, typer.Option(min=0, help="At most so many letters; the groups count all.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print groups and letters as JSON.")] = False,
) -> None:
    from dataclasses import asdict

    from services.cli import dead_view
    from services.cli.environment import database, settings
    from services.cli.output import print_json
    from shared.operations import letters, results
    from shared.operations.groups import groups as causes_of

    which = Which(reason, queue, type_, text, ic, since, until, group, person)
    wanted = which.chosen(status=status)
    with database(settings()) as engine, engine.connect() as connection:
        groups = causes_of(connection, wanted)
        lines = letters.page(connection, wanted, limit=limit).lines if limit else ()
        running = results.newest(connection, running=True)
    if as_json:
        causes = {"groups": [asdict(one) for one in groups.shown], "groups_left_out": groups.left_out}
        print_json({**causes, "letters": [asdict(one) for one in lines]})
    else:
        is_filtered = any((*which, status != "open"))
        dead_view.show_list(groups, lines, running, is_filtered=is_filtered)


def _show(
    letter_id: Letter,
    unmask: Annotated[bool, typer.Option("--unmask", help="Show what is personal; kept in the audit.")] = False,
    why: Why = None,
    as_: As = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the letter as JSON, masked as on the screen.")] = False,
) -> None:
    from services.cli import dead_filter, dead_view
    from services.cli.audit import logged, reason, whoever
    from services.cli.environment import database, settings
    from services.cli.output import print_json
    from shared.operations import letters

    with logged(), database(settings()) as engine:
        letter = dead_filter.found(engine, letter_id)
        body = letter.shown_body
        if unmask:
            wanted_for, who = reason(why), whoever(as_)
            with engine.begin() as connection:
                body = letters.reveal(connection, letter, who, wanted_for)
    if as_json:
        print_json(dead_view.as_json(letter, body))
    else:
        dead_view.show(letter, body, clear=unmask)
