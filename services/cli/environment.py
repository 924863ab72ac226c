"""Where the command line finds its settings: as every service does, else from the `aktif up` of this folder."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from services.cli.management import BrokerApi
    from shared.settings import Settings

FOLDER: Final = Path(".aktif")
"""What `aktif up` keeps, under the current directory."""
FILE: Final = "env"
_SERVERS: Final = ("AKTIF_AMQP_URL", "AKTIF_BROKER_API_URL", "AKTIF_DATABASE_URL", "AKTIF_SMTP_URL")


def borrow_from_up(folder: Path = FOLDER) -> bool:
    """Set in our environment what a running `aktif up` left for others; whether anything was set.

    Whoever sets a server by hand means other servers than those, so then nothing of them is used: half of each would
    be the worst. A file that is not ours alone is not read, for it says where we send what.
    """
    from dotenv import dotenv_values

    file = folder / FILE
    if not _is_ours_alone(file):
        return False
    try:
        found = {name: value for name, value in dotenv_values(file, interpolate=False).items() if value is not None}
        by_hand = {**dotenv_values(".env", interpolate=False), **os.environ}
    except UnicodeDecodeError:
        return False  # whoever reads the settings says so
    if any(name in by_hand and by_hand[name] != found.get(name) for name in _SERVERS):
        return False
    missing = {name: value for name, value in found.items() if name not in by_hand}
    os.environ.update(missing)
    return bool(missing)


def leave_for_others(folder: Path, variables: Mapping[str, str]) -> None:
    """Write the file that `borrow_from_up` reads."""
    from services.cli.servers.process import write_private

    write_private(folder / FILE, "".join(f"{name}='{value}'\n" for name, value in variables.items()))


def settings() -> "Settings":
    """The settings. Raises BadSettings."""
    borrow_from_up()
    from shared.settings import load_settings

    return load_settings()


@contextmanager
def database(of: "Settings") -> "Iterator[Engine]":
    """The database, connected to on first use. Raises BadSettings where none is set."""
    from shared.store.engine import open_engine

    engine = open_engine(of.require("database_url"), application="aktif-cli")
    try:
        yield engine
    finally:
        engine.dispose()


def management_api(of: "Settings", timeout: float = 10) -> "BrokerApi":
    """The broker's management API. Raises BadSettings where neither it nor a broker is set."""
    from services.cli.management import BrokerApi
    from shared.broker.management import api_url_of, vhost_of

    url = of.require("broker_api_url") if of.broker_api_url else api_url_of(of.require("amqp_url"))
    return BrokerApi(url, vhost_of(of.broker_urls()[0]), timeout)


def without_password(url: str) -> str:
    """Where a URL leads, as it may be shown."""
    parts = urlsplit(url)
    return f"{parts.scheme.partition('+')[0]}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _is_ours_alone(file: Path) -> bool:
    try:
        status = file.stat()
    except OSError:
        return False
    return status.st_uid == os.geteuid() and not status.st_mode & 0o022
