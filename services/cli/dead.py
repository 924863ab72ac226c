"""`aktif dead`: the dead letters, as the archivist filed them."""

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from services.cli.help import SEE, examples, prose

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

_LIST = prose(
    """List dead letters: groups of one cause with their counts, then the letters, newest first.

    Letters that the archivist has not filed yet are in the queue `dead` (`aktif queues`)."""
)
_SHOW = prose(
    """Show one letter: why it is dead, what to do, its body with names, addresses and IC numbers masked, its account.

    What a person typed in the portal is never shown."""
)
_SPAN: Final = re.compile(r"(?P<number>\d{1,6})\s*(?P<unit>[smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_WHERE: Final = (
    "WHERE (CAST(:reason AS text) IS NULL OR reason = :reason) AND (CAST(:queue AS text) IS NULL OR queue = :queue) "
    "AND (CAST(:since AS timestamptz) IS NULL OR filed_at >= :since)"
)
_GROUPS: Final = (
    "SELECT fingerprint, min(service) AS service, min(type) AS type, min(reason) AS reason, min(field) AS field, "  # noqa: S608
    "count(*) AS letters, min(first_filed_at) AS first_filed_at, max(filed_at) AS filed_at, max(detail) AS detail "
    f"FROM letters {_WHERE} GROUP BY fingerprint ORDER BY count(*) DESC, max(filed_at) DESC"
)
_LETTERS: Final = (
    "SELECT letter_id, filed_at, queue, origin, type, reason, field, detail, attempt, replay, times, by_broker, "  # noqa: S608
    f"source, id, fingerprint FROM letters {_WHERE} ORDER BY filed_at DESC, letter_id DESC LIMIT :limit"
)
_LETTER: Final = "SELECT * FROM letters WHERE letter_id = :letter"
_ACCOUNT: Final = (
    "SELECT ic_number, state FROM accounts WHERE ic_number = CAST(:ic AS bpchar) "
    "OR account_id = CAST(:account AS uuid) "
    "OR account_id = (SELECT account_id FROM links WHERE link_id = CAST(:link AS uuid)) LIMIT 1"
)

Letter = dict[str, Any]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    both = examples("aktif dead list", "aktif dead show 17")
    dead = typer.Typer(help="Dead letters: list them, show one.", epilog=both, rich_markup_mode="rich")
    list_examples = examples("aktif dead list", "aktif dead list --reason gave_up --since 2d", "aktif dead list --json")
    dead.command("list", help=_LIST, epilog=list_examples)(_list)
    dead.command("show", help=_SHOW, epilog=examples("aktif dead show 17"))(_show)
    app.add_typer(dead, name="dead", rich_help_panel=SEE)


def _list(
    reason: Annotated[str | None, typer.Option(help="Only letters with this reason word.")] = None,
    queue: Annotated[str | None, typer.Option(help="Only letters of this queue, such as state.bulk.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Only letters filed since: 30m, 2h, 3d, or an ISO 8601 time.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="At most so many letters; the groups count all.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print groups and letters as JSON.")] = False,
) -> None:
    from services.cli import dead_view
    from services.cli.environment import database, settings
    from services.cli.output import print_json

    parameters = {"reason": reason, "queue": queue, "since": _moment(since), "limit": limit}
    with database(settings()) as engine, engine.connect() as connection:
        groups = [row._asdict() for row in _ask(connection, _GROUPS, parameters)]
        letters = [row._asdict() for row in _ask(connection, _LETTERS, parameters)]
    if as_json:
        print_json({"groups": groups, "letters": letters})
    else:
        dead_view.show_list(groups, letters, is_filtered=any((reason, queue, since)))


def _show(
    letter_id: Annotated[int, typer.Argument(metavar="ID", help="Its number in `aktif dead list`.", min=1)],
    as_json: Annotated[bool, typer.Option("--json", help="Print the letter as JSON, masked as on the screen.")] = False,
) -> None:
    from services.cli import dead_view
    from services.cli.environment import database, settings
    from services.cli.failures import Failed
    from services.cli.output import print_json

    with database(settings()) as engine, engine.connect() as connection:
        rows = _ask(connection, _LETTER, {"letter": letter_id})
        if not rows:
            raise Failed(f"no dead letter has the number {letter_id}; `aktif dead list` names them")
        letter: Letter = rows[0]._asdict()
        account = _account_of(connection, letter)
    if as_json:
        print_json(dead_view.as_json(letter, account))
    else:
        dead_view.show(letter, account)


def _account_of(connection: "Connection", letter: Letter) -> "Row[Any] | None":
    """The account that a letter is about, by whatever its data names it."""
    from services.cli.masking import ids_of

    ids = ids_of(letter["body"])
    found = _ask(connection, _ACCOUNT, {"ic": letter["ic_number"], **ids})
    return found[0] if found else None


def _moment(since: str | None) -> datetime | None:
    """A span back from now, or a time, in Malaysia where it has no offset. Raises typer.BadParameter."""
    from shared.clock import MALAYSIA, now

    if since is None:
        return None
    if match := _SPAN.fullmatch(since.strip()):
        return now() - timedelta(**{_UNITS[match["unit"]]: int(match["number"])})
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        raise typer.BadParameter("must be like 30m, 2h, 3d or 2021-01-11T08:00", param_hint="--since") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=MALAYSIA)


def _ask(connection: "Connection", statement: str, parameters: dict[str, Any]) -> "list[Row[Any]]":
    from sqlalchemy import text

    return list(connection.execute(text(statement), parameters))
