"""`aktif dead register` and `discard`: ending a letter otherwise than by replaying it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.audit import As, Why, Yes
from services.cli.dead_filter import Group, Ic, Letter, Letters, Person, Queue, Reason, Since, Text, Type, Until, Which
from services.cli.help import examples, prose

if TYPE_CHECKING:
    from schemas.envelope import Outgoing

_REGISTER = prose(
    """Register a letter's person again, with corrections: a new registration takes the letter's place.

    What is not corrected is taken from the letter, its source too, so that the right HR system hears of it. The same
    correction sent twice is one event."""
)
_DISCARD = prose(
    """Discard letters: nothing is done about them, and they leave the list. Nothing is deleted; --undo opens them
    again.

    One that is filed again afterwards is open again."""
)


def add_to(dead: typer.Typer) -> None:
    """Add the commands."""
    dead.command(
        "register",
        help=_REGISTER,
        epilog=examples(
            "aktif dead register 17 --ic-number 850101-03-0007 --why 'says HR'",
            "aktif dead register 17 --email pegawai@example.gov.my --no-mail",
        ),
    )(_register)
    dead.command(
        "discard",
        help=_DISCARD,
        epilog=examples(
            "aktif dead discard 17 --why 'a test of HR'",
            "aktif dead discard --reason wrong_exchange --since 1d --why 'mended'",
            "aktif dead discard 17 18 --undo --why 'they were no test'",
        ),
    )(_discard)


def _register(
    letter_id: Letter,
    ic_number: Annotated[str | None, typer.Option("--ic-number", metavar="IC", help="Dashes are allowed.")] = None,
    name: Annotated[str | None, typer.Option(help="As on the card.")] = None,
    email: Annotated[str | None, typer.Option(help="The address that the mail goes to.")] = None,
    registered_at: Annotated[str | None, typer.Option(help="Such as 2020-07-13T10:45:50+08:00.")] = None,
    notify: Annotated[bool | None, typer.Option("--mail/--no-mail", help="Whether a mail goes out.")] = None,
    source: Annotated[str | None, typer.Option(help="The HR system, where the letter names none.")] = None,
    why: Why = None,
    yes: Yes = False,
    as_: As = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the event's source and id as JSON.")] = False,
) -> None:
    from services.cli.audit import confirm, logged, reason, whoever
    from services.cli.dead_filter import found
    from services.cli.environment import database, settings
    from services.cli.output import print_json
    from services.cli.publishing import publishing
    from shared.operations import register_again

    of, who = settings(), whoever(as_)
    given = {"ic_number": ic_number, "name": name, "email": email, "registered_at": registered_at}
    given |= {"notify": None if notify is None else str(notify).lower(), "source": source}
    changes = {field: value for field, value in given.items() if value is not None}
    with logged(), database(of) as engine:
        letter = found(engine, letter_id)
        wanted_for = reason(why)
        event = _corrected(letter, changes)
        confirm(f"Register the person of letter {letter_id} again, with {', '.join(changes) or 'no change'}?", yes=yes)
        with engine.begin() as connection, _said_if_overtaken():
            seen = letter.closing.at if letter.closing else None
            register_again.ask(connection, letter, event, who, wanted_for, seen)
        with publishing(of.broker_urls()) as broker:
            broker.publish([event])
        with engine.begin() as connection:
            register_again.close(connection, letter, event, who, wanted_for)
    if as_json:
        print_json({"letter_id": letter_id, "id": event.id, "routing_key": event.routing_key})
    else:
        typer.echo(f"Registered again as event {event.id}; `aktif dead show {letter_id}` says what it did.")


@contextmanager
def _said_if_overtaken() -> Iterator[None]:
    """Raises Failed where somebody has closed the letter since it was looked at."""
    from services.cli.failures import Failed
    from shared.operations.register_again import Overtaken

    try:
        yield
    except Overtaken as error:
        raise Failed(f"nothing was done: {error}") from None


def _corrected(letter: Any, changes: dict[str, str]) -> "Outgoing":
    """The event that takes a letter's place. Raises typer.BadParameter, which repeats no value."""
    from shared.clock import now
    from shared.operations import register_again

    try:
        return register_again.corrected(letter, {**register_again.form(letter), **changes}, now())
    except register_again.Refused as error:
        hints = ", ".join(f"--{fault.field.replace('_', '-')}" for fault in error.faults)
        raise typer.BadParameter(str(error), param_hint=hints) from None


def _discard(
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
    undo: Annotated[bool, typer.Option("--undo", help="Open these discarded letters again.")] = False,
    why: Why = None,
    yes: Yes = False,
    as_: As = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the number as JSON.")] = False,
) -> None:
    from services.cli.audit import confirm, logged, whoever
    from services.cli.audit import reason as asked_why
    from services.cli.environment import database, settings
    from services.cli.output import count, print_json
    from shared.operations import discard
    from shared.operations.letters import count as number_of

    which = Which(reason, queue, type_, text, ic, since, until, group, person)
    wanted = which.chosen(letters, status="discarded" if undo else "all")
    if not letters and (undo or not any(which)):
        raise typer.BadParameter("name the letters" + ("" if undo else ", or say which"), param_hint="ID")
    of, who, wanted_for = settings(), whoever(as_), asked_why(why)
    with logged(), database(of) as engine:
        with engine.connect() as connection:
            plan = discard.plan(connection, wanted)
            number = number_of(connection, wanted) if undo else plan.letters
        verb = "Open" if undo else "Discard"
        if number:
            confirm(f"{verb} {count(number, 'letter')}{' again' if undo else ''}?", yes=yes)
        with engine.begin() as connection:
            if undo:
                done = discard.undo(connection, letters or (), who, wanted_for)
            else:
                done = discard.discard(connection, wanted.before(plan.at), who, wanted_for)
    if as_json:
        print_json({"opened" if undo else "discarded": done})
    else:
        typer.echo(f"{count(done, 'letter')} {'open again' if undo else 'discarded'}.")
    raise typer.Exit(0 if done else 1)
