"""All of Aktif, running, and an HR system's user on its broker."""

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import pytest

from services.cli.servers.ladder import Servers
from services.cli.servers.management import Management
from tests.support.world import World, world


@dataclass(frozen=True)
class HrSystem:
    """What an HR team is given: the broker's URL with its user, and the name of its feed."""

    name: str
    amqp_url: str

    @property
    def feed(self) -> str:
        """The queue it listens to."""
        return f"feed.{self.name}"


@pytest.fixture(scope="module")
def aktif(session_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """State, mailer and archivist at work for all HR systems of this module."""
    with world(session_servers, tmp_path_factory.mktemp("aktif")) as found:
        found.start("state", "mailer", "archivist")
        yield found


@pytest.fixture
def hr(aktif: World) -> Iterator[HrSystem]:
    """An HR system as `aktif provision --hr NAME` makes it; users are the broker's, so each test has its own."""
    name = f"contoh-{secrets.token_hex(3)}"
    environment = {
        **os.environ,
        "AKTIF_AMQP_URL": aktif.amqp_url,
        "AKTIF_BROKER_API_URL": aktif.servers.broker_api_url,
        "AKTIF_DATABASE_URL": aktif.database_url,
    }
    command = [sys.executable, "-m", "services.cli", "provision", "--hr", name]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    told = re.search(r"(?m)^user: (?P<user>[^,\s]+), password (?P<password>\S+)", done.stdout)
    assert told is not None, done.stdout + done.stderr
    yield HrSystem(name, _with_user(aktif.amqp_url, told["user"], told["password"]))
    Management(aktif.servers.broker_api_url).request("DELETE", f"users/{told['user']}")


def _with_user(amqp_url: str, user: str, password: str) -> str:
    parts = urlsplit(amqp_url)
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.netloc.rpartition('@')[2]}"))
