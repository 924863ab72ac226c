"""`aktif check`: whether everything that Aktif rests on is as it must be; else what to do."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from services.cli.help import MACHINE, examples, prose

if TYPE_CHECKING:
    from shared.findings import Finding
    from shared.settings import Settings

    _Check = tuple[str, str, Callable[[], Iterator[Finding]]]

_HELP = prose(
    """Check settings, broker, database and mail relay; say of each that it is ok, or what to do.

    Nothing is changed and no mail is sent. The checks run side by side, each with a time limit of a few seconds, and
    one that fails hides no other. No password is shown.

    A service sees its own settings only: --for mailer, run where the mailer runs, checks what the mailer needs. For
    operator it is what an operator's login sees: broker, its management API, and database."""
)


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples(
        "aktif check",
        "aktif check --json",
        "aktif check --for mailer",
        "aktif check --for operator",
        exits={0: "nothing failed, though there may be warnings", 1: "something failed", 2: "wrong usage"},
    )
    app.command("check", help=_HELP, epilog=epilog, rich_help_panel=MACHINE)(_check)


def _check(
    service: Annotated[
        Literal["state", "mailer", "archivist", "portal", "operator"] | None,
        typer.Option("--for", help="Only what this service, or an operator, needs."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    from services.cli.check_view import show
    from services.cli.output import console, print_json
    from shared.findings import Level

    found = look(service)
    failed = any(finding.level is Level.FAILED for finding in found)
    if as_json:
        print_json({"ok": not failed, "findings": [finding.as_json() for finding in found]})
    else:
        show(console(), found)
    raise typer.Exit(1 if failed else 0)


def look(service: str | None = None) -> "list[Finding]":
    """Everything, or what one service or an operator needs, in the order in which it is shown. Raises nothing but for
    faults of ours."""
    from services.cli.check_settings import EVERYTHING, NEEDS, of_settings
    from services.cli.environment import borrow_from_up
    from shared.findings import Part
    from shared.settings import BadSettings, read_settings

    borrow_from_up()
    wanted = NEEDS[service] if service else EVERYTHING
    try:
        settings, faults = read_settings()
    except BadSettings as error:
        return [Part("settings").failed("read", str(error), "correct it; without settings nothing else is checked")]
    return list(of_settings(settings, faults, wanted)) + _side_by_side(_checks(settings, service, wanted))


def _checks(settings: "Settings", service: str | None, wanted: Sequence[str]) -> "Iterator[_Check]":
    """What can be looked at with these settings; what is missing was said of the settings."""
    from services.cli.check_broker import by_amqp, by_api
    from services.cli.check_database import by_sql
    from services.cli.check_mail import by_mailer
    from shared.broker.permissions import OPERATOR

    if settings.amqp_url is not None:
        yield "broker", "AMQP", partial(by_amqp, settings)
    if settings.amqp_url is not None and service in (None, OPERATOR):  # a worker has no login for the management API
        yield "broker", "management API", partial(by_api, settings)
    if settings.database_url is not None:
        yield "database", "login", partial(by_sql, settings)
    if "smtp_url" in wanted:
        yield "mail", "mailer", by_mailer


def _side_by_side(checks: "Iterator[_Check]") -> "list[Finding]":
    from services.cli.check_parts import guarded
    from shared.findings import Part

    def whole(part: str, what: str, look: "Callable[[], Iterator[Finding]]") -> "list[Finding]":
        return list(guarded(Part(part), what, look))

    with ThreadPoolExecutor() as pool:
        running = [pool.submit(whole, *check) for check in checks]
        return [finding for done in running for finding in done.result()]
