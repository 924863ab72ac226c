"""A desk for each test."""

from collections.abc import Iterator

import pytest

from tests.integration.broker.conftest import hands as hands
from tests.integration.mailer.desk import Desk, open_desk
from tests.support.smtp import SmtpServer


@pytest.fixture
def relay() -> Iterator[SmtpServer]:
    """A relay that accepts everything until it is told otherwise."""
    with SmtpServer() as server:
        yield server


@pytest.fixture
def desk(database: str, relay: SmtpServer) -> Iterator[Desk]:
    """A mailer, its database and its relay."""
    made = open_desk(database, relay)
    yield made
    made.close()
