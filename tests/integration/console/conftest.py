"""A console that is visited: a process of its own, on the whole stack, one for all tests of a file."""

from collections.abc import Iterator

import pytest

from services.cli.servers.ladder import Servers
from tests.support.console import Console, console_on


@pytest.fixture(scope="module")
def console(session_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """All of Aktif with its console."""
    with console_on(session_servers, tmp_path_factory.mktemp("console")) as found:
        yield found
