"""A world a test, on servers that may be killed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.cli.servers.ladder import Servers
from tests.support.world import World, world


@pytest.fixture
def our_world(own_servers: Servers, tmp_path: Path) -> Iterator[World]:
    """All of Aktif on servers of its own, with nothing running yet."""
    with world(own_servers, tmp_path) as found:
        yield found
