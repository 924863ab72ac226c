"""A portal that is visited: a process of its own, on the whole stack, one for all tests of a file."""

from collections.abc import Iterator

import pytest

from services.cli.servers.ladder import Servers
from tests.support.site import Site, site_on


@pytest.fixture(scope="module")
def site(session_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """All of Aktif, behind a proxy on this machine."""
    with site_on(session_servers, tmp_path_factory.mktemp("site")) as found:
        yield found
