"""A command line with servers of a test's own."""

import base64
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from services.cli.__main__ import run
from shared.broker.management import Management, vhost_of
from shared.broker.provision import provision
from shared.store.engine import open_engine
from tests.conftest import Broker


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed as data."""
        return json.loads(self.out)


Aktif = Callable[..., Said]


@dataclass(frozen=True)
class Queues:
    """The queues of the test's vhost."""

    api: Management
    vhost: str

    def take(self, queue: str, most: int = 1000) -> list[dict[str, Any]]:
        """Take up to so many messages out of a queue; the events in them."""
        request = {"count": most, "ackmode": "ack_requeue_false", "encoding": "base64"}
        found = self.api.request("POST", f"queues/{self.vhost}/{queue}/get", request)
        return [json.loads(base64.b64decode(message["payload"])) for message in found]


@pytest.fixture
def amqp_url(vhost: str) -> str:
    """A vhost with our topology."""
    assert provision([vhost]) == []
    return vhost


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    """The test's database."""
    found = open_engine(database, application="test")
    yield found
    found.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """A connection to it that commits by itself."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as found:
        yield found


@pytest.fixture
def queues(amqp_url: str, rabbitmq: Broker) -> Queues:
    """The queues of the test's vhost."""
    return Queues(Management(rabbitmq.api_url), vhost_of(amqp_url))


@pytest.fixture
def reader(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Aktif:
    """`reader(*arguments)`: `aktif` in an empty folder, with a database and no broker."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("AKTIF_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AKTIF_DATABASE_URL", database)

    def call(*arguments: str) -> Said:
        code = run(arguments)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return call


@pytest.fixture
def aktif(reader: Aktif, amqp_url: str, rabbitmq: Broker, monkeypatch: pytest.MonkeyPatch) -> Aktif:
    """`aktif(*arguments)`, with a broker too."""
    monkeypatch.setenv("AKTIF_AMQP_URL", amqp_url)
    monkeypatch.setenv("AKTIF_BROKER_API_URL", rabbitmq.api_url)
    return reader


def put(connection: Connection, statement: str, **parameters: object) -> None:
    """Run one statement."""
    connection.execute(text(statement), parameters)
