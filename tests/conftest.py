"""Servers for the tests: one RabbitMQ and one PostgreSQL a session, one vhost and one database a test."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.cli.servers.ladder import Given, Servers, ServersMissing, servers
from services.cli.servers.process import ServerFailed
from tests.support.servers import create_database, database_name, drop_database, fresh_vhost

NEEDED = frozenset({"amqp", "database"})


@dataclass(frozen=True)
class Broker:
    """Where the session's RabbitMQ is."""

    amqp_url: str
    api_url: str


# The workers of pytest-xdist are told 80; what commands print is read as a pipe has it, unless a test narrows it.
os.environ.pop("COLUMNS", None)


def _run(given: Given | None = None) -> Iterator[Servers]:
    folder = Path(tempfile.mkdtemp(prefix="aktif tests-"))  # with a space, as a home may have one
    folder.chmod(0o755)  # PostgreSQL runs as another user where we are root
    try:
        with servers(folder, want=NEEDED, given=given, for_tests=True) as found:
            yield found
    except (ServersMissing, ServerFailed) as error:
        pytest.fail(str(error), pytrace=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def session_servers() -> Iterator[Servers]:
    """Both servers, started side by side: the URLs that are set, else private ones."""
    yield from _run()


@pytest.fixture(scope="session")
def own_servers(session_servers: Servers) -> Iterator[Servers]:
    """Servers that a test may kill and must start again: never those of a URL that is set."""
    if session_servers.rabbitmq is not None and session_servers.postgres is not None:
        yield session_servers
    else:
        yield from _run(Given())


@pytest.fixture(scope="session")
def rabbitmq(session_servers: Servers) -> Broker:
    """The session's RabbitMQ."""
    return Broker(session_servers.amqp_url, session_servers.broker_api_url)


@pytest.fixture(scope="session")
def postgres(session_servers: Servers) -> str:
    """The URL of the session's PostgreSQL."""
    return session_servers.database_url


@pytest.fixture
def vhost(rabbitmq: Broker) -> Iterator[str]:
    """The AMQP URL of a fresh vhost, deleted after the test."""
    with fresh_vhost(rabbitmq.amqp_url, rabbitmq.api_url) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_template(postgres: str) -> Iterator[str]:
    """The name of a database with our tables, of which each test gets a copy."""
    from shared.store.engine import migrate

    url = create_database(postgres)
    migrate(url)
    yield database_name(url)
    drop_database(url)


@pytest.fixture
def database(postgres: str, migrated_template: str) -> Iterator[str]:
    """The URL of a fresh database with our tables, dropped after the test."""
    url = create_database(postgres, template=migrated_template)
    yield url
    drop_database(url)
