"""`aktif up`: everything on this machine, until Ctrl-C ends all of it."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from services.cli.environment import FILE, FOLDER
from services.cli.help import MACHINE, examples, prose

if TYPE_CHECKING:
    from services.cli.children import Children
    from services.cli.demo import Demo
    from services.cli.servers.ladder import Given, Servers
    from services.cli.up_view import View
    from shared.settings import Settings

_HELP = prose(
    """Run everything on this machine; Ctrl-C ends all of it.

    Starts a private RabbitMQ, PostgreSQL and mail catcher for each URL that is not set, provisions them, and starts
    every service. Other `aktif` commands in the same folder then need no settings. Data, ports, keys and caught mails
    stay in the folder over restarts; no mail leaves this machine unless AKTIF_SMTP_URL is set.

    --demo also registers a sample staff list of invented people, shows their mails arriving, and prints one activation
    link. --trouble adds registrations and mails that become dead letters, for an operator to try. A second run sends
    the same messages again: nobody is mailed twice for it, and bad registrations that were closed are open again."""
)
_SERVICES: Final = ("state", "mailer", "archivist", "portal", "console")
_KEYS: Final = {
    "AKTIF_LINK_KEYS": "link_key",
    "AKTIF_PEPPER_KEYS": "pepper_key",
    "AKTIF_SESSION_KEYS": "session_key",
}
_PORT: Final = 8080
_CONSOLE_PORT: Final = 8081
CONSOLE_PASSWORD: Final = "console_password"  # noqa: S105
OPERATOR: Final = "operator"
"""Who may log in to the console of a first start."""
_PULSE_SECONDS: Final = 0.5
_ONCE_SECONDS: Final = 90.0


class _Asked(NamedTuple):
    """The options as they were typed."""

    demo: bool
    once: bool
    trouble: bool
    port: int | None


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples("aktif up --demo", "aktif up --demo --trouble", "aktif up --port 9000", "aktif up --demo --once")
    app.command("up", help=_HELP, epilog=epilog, rich_help_panel=MACHINE)(_up)


def _up(
    demo: Annotated[bool, typer.Option("--demo", help="Register a sample staff list and show its mails.")] = False,
    once: Annotated[bool, typer.Option("--once", help="With --demo: end when its mails have arrived.")] = False,
    trouble: Annotated[
        bool, typer.Option("--trouble", help="With --demo: add people who become dead letters, for operators to try.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Where the portal listens, on localhost; else 8080 or the next free one."),
    ] = None,
    folder: Annotated[Path, typer.Option(file_okay=False, help="Where everything is kept.")] = FOLDER,
) -> None:
    from services.cli.servers.ladder import servers
    from services.cli.trouble import BUSY_DOMAIN
    from services.cli.up_view import View
    from shared.settings import load_settings

    for is_asked, hint in ((once, "--once"), (trouble, "--trouble")):
        if is_asked and not demo:
            raise typer.BadParameter("only with --demo", param_hint=hint)
    given = _given(load_settings())
    if demo and given.smtp_url:
        raise typer.BadParameter("would mail invented addresses through AKTIF_SMTP_URL; unset it", param_hint="--demo")
    folder.mkdir(parents=True, exist_ok=True, mode=0o755)
    view, busy = View(folder), BUSY_DOMAIN if trouble else None
    try:
        with _ended_by_signals(), view, servers(folder, given=given, busy=busy, on_progress=view.say) as found:
            code = _run(found, view, folder, _Asked(demo, once, trouble, port))
    except KeyboardInterrupt:
        code = 0
    raise typer.Exit(code)


def _run(found: "Servers", view: "View", folder: Path, asked: _Asked) -> int:
    from services.cli.children import Children
    from services.cli.demo import Demo
    from services.cli.trouble import troubles

    of = _settle_in(found, folder, asked)
    besides = troubles(of.mail_retry_hours) if asked.trouble else None
    view.say("provisioning")
    _provision(of, view)
    _let_an_operator_in(of, folder / CONSOLE_PASSWORD)
    children = Children(_SERVICES, folder / "services", found.environment())
    try:
        view.say("starting the services")
        children.start()
        sample = Demo(of, found.maildir, besides.events if besides else ()) if asked.demo and found.maildir else None
        if sample is not None:
            view.say("registering the sample staff list")
            sample.begin()
        view.begin(found, children, sample, besides, of)
        return _look_after(children, view, sample, once=asked.once)
    finally:
        _ignore_signals()
        view.end()
        children.stop()
        (folder / FILE).unlink(missing_ok=True)
        view.say("ending the servers")


def _look_after(children: "Children", view: "View", sample: "Demo | None", *, once: bool) -> int:
    """Until a signal; with `once` until the demo is over, or has taken too long."""
    latest = time.monotonic() + _ONCE_SECONDS
    while True:
        for child in children.look_after():
            view.say(f"{child.name} ended and is started again: {child.last_words()}")
        if sample is not None and not sample.is_over:
            sample.look()
        view.update()
        if once and sample is not None and (sample.is_over or time.monotonic() > latest):
            return 0 if sample.is_complete else 1
        time.sleep(_PULSE_SECONDS)


def _given(of: "Settings") -> "Given":
    """The servers that are set, by whatever way settings are read."""
    from services.cli.servers.ladder import Given

    names = ("amqp_url", "broker_api_url", "database_url", "smtp_url")
    return Given(**{name: of.require(name) if getattr(of, name) else None for name in names})


def _settle_in(found: "Servers", folder: Path, asked: _Asked) -> "Settings":
    """Make what these servers need ours and everybody's in this folder: where they are, and keys, made once."""
    from services.cli.environment import leave_for_others
    from services.cli.servers.process import kept_secret
    from services.cli.trouble import RETRY_HOURS
    from shared.settings import load_settings

    port = _port(folder / "portal_port", _PORT, asked.port)
    console_port = _port(folder / "console_port", _CONSOLE_PORT)
    variables = found.environment() | {
        "AKTIF_PORTAL_URL": f"http://localhost:{port}",
        "AKTIF_PORTAL_BIND": f"127.0.0.1:{port}",
        "AKTIF_CONSOLE_BIND": f"127.0.0.1:{console_port}",
    }
    if asked.trouble:
        variables["AKTIF_MAIL_RETRY_HOURS"] = str(RETRY_HOURS)
    set_by_hand = load_settings().model_fields_set
    variables |= {
        name: kept_secret(folder / file)
        for name, file in _KEYS.items()
        if name.removeprefix("AKTIF_").lower() not in set_by_hand
    }
    for name in {"portal_url", "portal_bind", "console_bind", "mail_retry_hours"} & set_by_hand:
        variables.pop(f"AKTIF_{name.upper()}", None)
    os.environ.update(variables)
    leave_for_others(folder, variables)
    return load_settings()


def _port(file: Path, usual: int, asked: int | None = None) -> int:
    """Where pages are: as asked, else as before, since mails and bookmarks name it, else the usual or a free port."""
    from services.cli.servers.process import free_port, port_is_free

    if asked is None and file.exists():
        return int(file.read_text())
    port = asked or (usual if port_is_free(usual) else free_port())
    file.write_text(f"{port}\n")
    return port


def _let_an_operator_in(of: "Settings", file: Path) -> None:
    """Where nobody may log in to the console yet: the person `operator`, with a password that this file keeps."""
    import secrets

    from services.cli.environment import database
    from services.cli.servers.process import write_private
    from shared.operations import people

    with database(of) as engine, engine.begin() as connection:
        if people.everybody(connection):
            return
        password = f"{secrets.token_hex(8)}-Aa1"  # such as the rules want
        people.add(connection, OPERATOR, people.Role.OPERATOR, password, "aktif up")
        write_private(file, f"{password}\n")


def _provision(of: "Settings", view: "View") -> None:
    from services.cli import provision

    for line in provision.broker(of):
        view.say(f"drift: {line}")
    provision.database(of)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM and a closed terminal end us as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore_signals() -> None:
    """While everything is being ended in order, a second Ctrl-C must not leave the half of it behind."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
