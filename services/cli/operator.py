"""`aktif operator`: the people of the console."""

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from services.cli.audit import As, whoever
from services.cli.help import MACHINE, examples, prose

if TYPE_CHECKING:
    from shared.operations.people import Person

_ADD = prose(
    """Add somebody to the console: a viewer looks, with IC numbers, names and addresses masked; an operator acts too.

    The password is asked for twice, or read from the first line of standard input; it never stands on a command
    line."""
)
_REMOVE = "Remove somebody from the console, at once; what they did stays in the audit."


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    every = ("aktif operator add siti --role viewer", "aktif operator list", "aktif operator remove siti")
    people = typer.Typer(
        help="The people of the console: add, list, remove.", epilog=examples(*every), rich_markup_mode="rich"
    )
    people.command("add", help=_ADD, epilog=examples(every[0], "aktif operator add rahim --role operator --as siti"))(
        _add
    )
    people.command(
        "list",
        help="List who may use the console, and as what.",
        epilog=examples(every[1], "aktif operator list --json"),
    )(_list)
    people.command("remove", help=_REMOVE, epilog=examples(every[2]))(_remove)
    app.add_typer(people, name="operator", rich_help_panel=MACHINE)


_Name = Annotated[str, typer.Argument(metavar="NAME", help="The name to log in with, such as siti.aminah.")]


def _add(
    name: _Name,
    role: Annotated[Literal["viewer", "operator"], typer.Option(help="What this person may do.")],
    as_: As = None,
) -> None:
    from services.cli.audit import logged
    from services.cli.environment import database, settings
    from shared.operations import people

    of, who = settings(), whoever(as_)
    password = _password(name)
    with logged(), database(of) as engine:
        try:
            with engine.begin() as connection:
                people.add(connection, name, people.Role(role), password, who)
        except people.Refused as error:
            raise typer.BadParameter(str(error), param_hint="NAME") from None
    typer.echo(f"{name} may use the console as {role}.")


def _list(as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False) -> None:
    from dataclasses import asdict

    from services.cli.environment import database, settings
    from services.cli.output import print_json
    from shared.operations.people import everybody

    with database(settings()) as engine, engine.connect() as connection:
        found = everybody(connection)
    if as_json:
        print_json([asdict(person) for person in found])
    else:
        _show(found)


def _remove(name: _Name, as_: As = None) -> None:
    from services.cli.audit import logged
    from services.cli.environment import database, settings
    from services.cli.failures import Failed
    from shared.operations import people

    with logged(), database(settings()) as engine, engine.begin() as connection:
        if not people.remove(connection, name, whoever(as_)):
            raise Failed(f"nobody is called {name}; `aktif operator list` names all")
    typer.echo(f"{name} may not use the console any more.")


def _show(found: "list[Person]") -> None:
    from services.cli.output import at, clean, console, table

    if not found:
        console().print("Nobody may use the console yet: `aktif operator add NAME --role operator`.")
        return
    shown = table("name", "role", "added", "by")
    for person in found:
        shown.add_row(clean(person.name), person.role.value, at(person.added_at), clean(person.added_by))
    console().print(shown)


def _password(name: str) -> str:
    if sys.stdin.isatty():
        password: str = typer.prompt(f"Password for {name}", hide_input=True, confirmation_prompt=True, err=True)
        return password
    return sys.stdin.readline().rstrip("\n")
