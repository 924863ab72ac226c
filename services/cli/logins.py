"""The users of `aktif provision`: for each service and for operators, with no more rights than its work needs, and for
HR systems; and the folder from which a service reads its URLs."""

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import typer

if TYPE_CHECKING:
    from shared.settings import Settings

_BROKER, _DATABASE, _API = "aktif_amqp_url", "aktif_database_url", "aktif_broker_api_url"
_LINK, _PEPPER, _SESSION = "aktif_link_keys", "aktif_pepper_keys", "aktif_session_keys"
_KEYS: Final = {  # which of those that are kept each service reads under what name
    "mailer": {_LINK: _LINK},
    "portal": {_LINK: _LINK, _PEPPER: _PEPPER, _SESSION: _SESSION},
    "operator": {_SESSION: "operator_session_keys"},
}


def of_services(of: "Settings", folder: Path) -> None:
    """Make or mend the logins of each service and of operators, and write their URLs; passwords that are there stay.

    Raises Failed and ManagementError of the broker's API, DBAPIError, and OSError of the folder.
    """
    _warn_of_broker(of)
    names = [*_broker_users(of, folder)]
    _database_logins(of, folder, names)
    typer.echo(f"logins: {', '.join(names)} have their own at broker and database, written to {folder}")


def of_hr(of: "Settings", name: str, folder: Path | None) -> bool:
    """Make an HR system's user; False where the management API could not be reached, which is said.

    Without a folder the password of a new user is shown, and that of an existing one stays. With one it is that of the
    folder; where the folder has none yet, an existing user gets a new one, which is said.
    """
    from services.cli.environment import management_api
    from services.cli.failures import Failed, explain
    from shared.broker.management import ManagementError, vhost_of
    from shared.broker.permissions import of_hr
    from shared.broker.users import has_user, permit, put_user

    vhost = vhost_of(of.broker_urls()[0])
    user = hr_user(name, vhost)
    file = folder / f"hr-{name}" / _BROKER if folder else None
    is_kept = file is not None and file.exists()
    password = _kept_password(file) if file else secrets.token_urlsafe(24)
    try:
        api = management_api(of)
        is_new = not has_user(api, user)
        if is_new or file:
            put_user(api, user, password)
        permit(api, vhost, user, of_hr(name))
    except (Failed, ManagementError) as error:
        typer.echo(f"aktif: the user {user} could not be made: {explain(error)}", err=True)
        return False
    if file:
        _write(file, _as_user(of.broker_urls(), user, password))
        typer.echo(f"user: {user}, written to {file}")
        if not is_new and not is_kept:
            typer.echo(f"aktif: {user} was there; its password before is no longer good", err=True)
    elif is_new:
        typer.echo(f"user: {user}, password {password} (shown only now)")
    else:
        typer.echo(f"user: {user} was there; its password stays, its permissions are set again")
    return True


def development_keys(folder: Path) -> None:
    """Make keys that only development accepts, and give each service those it needs; keys that are there stay."""
    from shared.settings import DEVELOPMENT

    for service, names in _KEYS.items():
        for name, kept in names.items():
            file = folder / "keys" / kept
            if not file.exists():
                _write(file, DEVELOPMENT + secrets.token_urlsafe(32))
            _write(folder / service / name, file.read_text())
    typer.echo(f"keys: for development only, in {folder / 'keys'}; refused where AKTIF_PORTAL_URL is https")


def broker_user(service: str, vhost: str) -> str:
    """`aktif-state`; in a vhost of another name than / with that name, since users are the whole broker's."""
    return _in_vhost(f"aktif-{service}", vhost)


def hr_user(name: str, vhost: str) -> str:
    """`hr-kelantan`; in a vhost of another name than / with that name."""
    return _in_vhost(f"hr-{name}", vhost)


def _in_vhost(user: str, vhost: str) -> str:
    return user if vhost == "/" else f"{user}-{vhost}"


def _broker_users(of: "Settings", folder: Path) -> Sequence[str]:
    from services.cli.environment import management_api
    from shared.broker.management import vhost_of
    from shared.broker.permissions import OPERATOR, logins
    from shared.broker.users import MAY_LOOK, permit, put_user

    api, vhost = management_api(of), vhost_of(of.broker_urls()[0])
    for service, permissions in logins().items():
        user, file = broker_user(service, vhost), folder / service / _BROKER
        password = _kept_password(file)
        put_user(api, user, password, tag=MAY_LOOK if service == OPERATOR else "")
        permit(api, vhost, user, permissions)
        _write(file, _as_user(of.broker_urls(), user, password))
        if service == OPERATOR:
            _write(folder / service / _API, _as_user([api.url], user, password))
    return list(logins())


def _database_logins(of: "Settings", folder: Path, services: Sequence[str]) -> None:
    from services.cli.environment import database
    from shared.store.roles import allow, login_of

    with database(of) as engine:
        for service in services:
            login, file = login_of(service, str(engine.url.database)), folder / service / _DATABASE
            password = _kept_password(file)
            with engine.begin() as connection:
                allow(connection, service, login, password)
            _write(file, engine.url.set(username=login, password=password).render_as_string(hide_password=False))


def _warn_of_broker(of: "Settings") -> None:
    from services.cli.environment import management_api
    from shared.broker.permissions import REFUSES_PASSIVE_DECLARES
    from shared.broker.users import version

    if (found := version(management_api(of))) in REFUSES_PASSIVE_DECLARES:
        typer.echo(
            f"aktif: RabbitMQ {found} refuses passive declares to users that configure nothing, so suspects would not "
            "be worked; use its next patch version",
            err=True,
        )


def _as_user(urls: Sequence[str], user: str, password: str) -> str:
    """The same places, comma-separated, for another user."""
    parts = [urlsplit(url) for url in urls]
    who = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return ",".join(urlunsplit(part._replace(netloc=f"{who}@{part.netloc.rpartition('@')[2]}")) for part in parts)


def _kept_password(file: Path) -> str:
    """The password in a URL that was written before, else a new one."""
    kept = urlsplit(file.read_text().split(",")[0]).password if file.exists() else None
    return unquote(kept) if kept else secrets.token_urlsafe(24)


def _write(file: Path, text: str) -> None:
    """A file, and a folder, that only their owner may read; what is there is replaced in one step."""
    from services.cli.servers.process import write_private

    file.parent.mkdir(parents=True, exist_ok=True)
    file.parent.chmod(0o700)
    new = file.with_name(f".{file.name}.new")
    write_private(new, text)
    os.replace(new, file)
