"""Operators on real servers: a database alone, or a world in which state and archivist work."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text

from services.cli.servers.ladder import Servers
from shared.broker.publisher import Message, Publisher
from shared.operations.carrying import Publish
from shared.store.engine import open_engine
from tests.support.world import World, world

Count = Callable[[str], int]


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    """The test's database."""
    found = open_engine(database, application="test", pool_size=5)
    yield found
    found.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """A connection to it that commits by itself."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as found:
        yield found


@pytest.fixture
def our_world(session_servers: Servers, tmp_path: Path) -> Iterator[World]:
    """A world in which nothing runs yet."""
    with world(session_servers, tmp_path) as found:
        yield found


@pytest.fixture
def publish(our_world: World) -> Iterator[Publish]:
    """Publishes to the world's broker, and fails where it does not confirm."""
    publisher = Publisher([our_world.amqp_url], "test")
    publisher.start()

    def confirmed(messages: Sequence[Message]) -> None:
        assert publisher.publish_and_wait(messages, 30), "the broker did not confirm"

    yield confirmed
    publisher.stop()


def put(connection: Connection, statement: str, **parameters: object) -> None:
    """Run one statement."""
    connection.execute(text(statement), parameters)
