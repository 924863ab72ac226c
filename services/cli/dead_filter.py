"""Which letters a command is about: the options that all of them share."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from shared.operations.filters import Filter
    from shared.operations.filters import Person as Somebody
    from shared.operations.letters import Letter as Found

Letters = Annotated[
    list[int] | None, typer.Argument(metavar="[ID]...", min=1, help="Numbers of letters; none: by the options below.")
]
Letter = Annotated[int, typer.Argument(metavar="ID", help="Its number in `aktif dead list`.", min=1)]
Reason = Annotated[str | None, typer.Option(help="Only letters with this reason word.")]
Queue = Annotated[str | None, typer.Option(help="Only of this queue or service: state.bulk, mailer.")]
Type = Annotated[str | None, typer.Option("--type", help="Only of this event, such as PasswordSet.")]
Text = Annotated[str | None, typer.Option("--text", help="Only where the event's id or source begins so.")]
Ic = Annotated[str | None, typer.Option("--ic", metavar="IC", help="Only about this person, mails too.")]
Since = Annotated[str | None, typer.Option(help="Only filed since: 30m, 2h, 3d, or an ISO 8601 time.")]
Until = Annotated[str | None, typer.Option(help="Only filed before: 30m, 2h, 3d, or an ISO 8601 time.")]
Group = Annotated[str | None, typer.Option("--group", help="Only of this group, by its fingerprint.")]
Person = Annotated[
    str | None,
    typer.Option("--person", help="Only about this person: the id of the account, or the number of a letter."),
]
StatusWord = Literal["open", "replayed", "discarded", "registered", "all"]


class Which(NamedTuple):
    """The options as they were typed."""

    reason: str | None = None
    queue: str | None = None
    type: str | None = None
    text: str | None = None
    ic: str | None = None
    since: str | None = None
    until: str | None = None
    group: str | None = None
    person: str | None = None

    def chosen(self, letters: list[int] | None = None, status: StatusWord = "all") -> "Filter":
        """The filter that they mean, for these letters or all. Raises typer.BadParameter."""
        from services.cli.asking import checked_ic
        from shared.operations.filters import Filter, Status

        return Filter(
            reason=self.reason,
            queue=self.queue,
            type=self.type,
            text=self.text,
            ic_number=checked_ic(self.ic) if self.ic else None,
            since=moment(self.since, "--since"),
            until=moment(self.until, "--until"),
            fingerprint=self.group,
            person=_person(self.person) if self.person else None,
            status=None if status == "all" else Status(status),
            letters=tuple(letters or ()),
        )


def _person(typed: str) -> "Somebody":
    from shared.operations.filters import person_from

    try:
        return person_from(typed)
    except ValueError:
        hint = "must be the id of an account, or the number of a letter; an IC number goes with --ic"
        raise typer.BadParameter(hint, param_hint="--person") from None


def moment(typed: str | None, option: str) -> datetime | None:
    """A span back from now, or a time, in Malaysia where it has no offset. Raises typer.BadParameter."""
    from shared.clock import now
    from shared.wording import moment_from

    if typed is None:
        return None
    try:
        return moment_from(typed, now())
    except ValueError:
        raise typer.BadParameter("must be like 30m, 2h, 3d or 2021-01-11T08:00", param_hint=option) from None


def found(engine: "Engine", letter_id: int) -> "Found":
    """The letter of a number. Raises Failed."""
    from services.cli.failures import Failed
    from shared.operations import letters

    with engine.connect() as connection:
        letter = letters.one(connection, letter_id)
    if letter is None:
        raise Failed(f"no dead letter has the number {letter_id}; `aktif dead list` names them")
    return letter
