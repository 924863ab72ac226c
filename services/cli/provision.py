"""`aktif provision`: the broker's topology, the database's tables, who may log in, and an HR system's feed."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from services.cli.help import MACHINE, examples, prose

if TYPE_CHECKING:
    from shared.settings import Settings

_HELP = prose(
    """Declare the broker's topology and bring the database to this version. Repeatable; reports drift.

    What is there in another form is left as it is, since a queue may hold messages, and named; the exit code is then 1.

    --hr NAME also makes what one HR system needs: the feed queue feed.NAME and the user hr-NAME (in a vhost other
    than /: hr-NAME-VHOST), who may publish to aktif.hr and read that queue, and nothing else. Its password is generated
    and shown once.

    --logins FOLDER makes a broker user and a database login for each service and for operators, who may do what their
    work needs and nothing else, and writes their URLs to FOLDER/SERVICE/aktif_amqp_url and aktif_database_url (with
    --hr also FOLDER/hr-NAME/aktif_amqp_url). A service reads its folder at /run/secrets, or where AKTIF_SECRETS_DIR
    says. Passwords in FOLDER stay. --development also makes keys, which are refused where links are https."""
)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}", re.ASCII)


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples("aktif provision", "aktif provision --hr kelantan", "aktif provision --logins /etc/aktif/secrets")
    app.command("provision", help=_HELP, epilog=epilog, rich_help_panel=MACHINE)(_provision)


def _provision(
    hr: Annotated[str | None, typer.Option(metavar="NAME", help="An HR system, such as kelantan.")] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--logins", metavar="FOLDER", file_okay=False, help="Make logins, and write their URLs there."),
    ] = None,
    development: Annotated[
        bool, typer.Option("--development", help="With --logins: make keys too, for development only.")
    ] = False,
) -> None:
    from services.cli import logins
    from services.cli.environment import settings

    if hr is not None and not _NAME.fullmatch(hr):
        raise typer.BadParameter("must be letters, digits, - and _, at most 60", param_hint="--hr")
    if development and folder is None:
        raise typer.BadParameter("only with --logins", param_hint="--development")
    of = settings()
    drift = broker(of)
    typer.echo(f"broker: {_size()} are there at {_where(of)}")
    database(of)
    typer.echo("database: tables are those of this version")
    is_whole = True
    if hr is not None:
        drift += feed(of, hr)
        is_whole = logins.of_hr(of, hr, folder)
    if folder is not None:
        logins.of_services(of, folder)
    if folder is not None and development:
        logins.development_keys(folder)
    for line in drift:
        typer.echo(f"drift: {line}", err=True)
    if drift:
        typer.echo(
            "aktif: what differs was left as it is; mend it, or empty and delete it and provision again", err=True
        )
    raise typer.Exit(0 if is_whole and not drift else 1)


def broker(of: "Settings") -> list[str]:
    """Declare the topology; returns a line for everything that is there in another form. Raises BrokerUnreachable.

    Bindings and policies, by which others change what we declared, can be seen through the management API only.
    """
    from services.cli.environment import management_api
    from services.cli.failures import Failed, explain
    from shared.broker.drift import drift
    from shared.broker.management import ManagementError
    from shared.broker.provision import provision

    refused = provision(of.broker_urls())
    try:
        return drift(management_api(of)) or refused
    except (Failed, ManagementError) as error:
        typer.echo(f"aktif: policies and bindings were not checked: {explain(error)}", err=True)
        return refused


def database(of: "Settings") -> None:
    """Bring the database to the newest revision, and give each service a role that writes only its own tables."""
    from sqlalchemy.exc import ProgrammingError

    from shared.store.engine import migrate, open_engine
    from shared.store.roles import grant

    migrate(of.require("database_url"))
    engine = open_engine(of.require("database_url"), application="aktif-provision")
    try:
        with engine.begin() as connection:
            grant(connection)
    except ProgrammingError:
        typer.echo("database: the roles of the services were not made; give this user CREATEROLE, or make them by hand")
    finally:
        engine.dispose()


def feed(of: "Settings", name: str) -> list[str]:
    """Declare the queue that one HR system listens to; returns drift as `broker` does."""
    from shared.broker.provision import provision
    from shared.broker.topology import feed_topology

    drift = provision(of.broker_urls(), feed_topology(name))
    typer.echo(f"feed: queue feed.{name} gets what concerns registrations from a source that ends in /{name}")
    return drift


def _size() -> str:
    from shared.broker.topology import TOPOLOGY

    return f"{len(TOPOLOGY.exchanges)} exchanges, {len(TOPOLOGY.queues)} queues and {len(TOPOLOGY.bindings)} bindings"


def _where(of: "Settings") -> str:
    from services.cli.environment import without_password

    return ", ".join(map(without_password, of.broker_urls()))
