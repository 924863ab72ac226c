"""All of Aktif, running."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.cli.servers.ladder import Servers
from tests.support.world import World, world


@pytest.fixture
def aktif(session_servers: Servers, tmp_path: Path) -> Iterator[World]:
    """State, mailer and archivist at work in a vhost and a database of their own."""
    with world(session_servers, tmp_path) as found:
        found.start("state", "mailer", "archivist")
        yield found
