"""All of Aktif with its portal, and visitors from wherever a test wants them to come from."""

import os
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from services.cli.servers.ladder import Servers
from services.cli.servers.process import free_port
from shared.links import Purpose
from tests.support.invited import Invited, activates, asks_again, invite, tokens
from tests.support.waiting import eventually
from tests.support.web import Visitor
from tests.support.world import World, world

BEHIND_PROXY = {"AKTIF_TRUSTED_PROXIES": "127.0.0.1"}
"""With this, each visitor comes from an address of its own, so that no test uses up another's limit."""
_FIRST_ADDRESS = IPv4Address("10.0.0.1")


@dataclass
class Site:
    """A world with a portal in it."""

    world: World
    _visitors: list[Visitor] = field(default_factory=list)
    _indices: "count[int]" = field(default_factory=count)
    _addresses: "count[int]" = field(default_factory=lambda: count(int(_FIRST_ADDRESS)))

    def opens(self, **settings: str) -> None:
        """Starts the portal, and waits until it is ready."""
        self.world.start("portal", **{**BEHIND_PROXY, **settings})
        self.is_ready(self.world.portal_url)

    def opens_another(self, **settings: str) -> str:
        """Starts a second portal beside the first; gives its URL."""
        first, port = self.world.running["portal"], free_port()
        self.world.start("portal", **{**BEHIND_PROXY, "AKTIF_PORTAL_BIND": f"127.0.0.1:{port}", **settings})
        self.world.running |= {f"portal on {port}": self.world.running["portal"], "portal": first}
        url = f"http://localhost:{port}"
        self.is_ready(url)
        return url

    def is_ready(self, url: str | None = None) -> None:
        """Waits until a portal says that it is ready."""
        eventually("the portal is ready", lambda: _status(f"{url or self.world.portal_url}/readyz") == 200)

    def address(self) -> str:
        """An address that nobody came from before."""
        return str(IPv4Address(next(self._addresses)))

    def visitor(self, url: str | None = None, *, address: str | None = None, language: str = "en") -> Visitor:
        """A browser that was never here; closed with the site."""
        visitor = Visitor(url or self.world.portal_url, address=address or self.address(), language=language)
        self._visitors.append(visitor)
        return visitor

    def close(self) -> None:
        """Sends everybody home."""
        for visitor in self._visitors:
            visitor.close()

    def people(self, number: int) -> list[Invited]:
        """People with their mail."""
        first = next(self._indices)
        for _ in range(number - 1):
            next(self._indices)
        return invite(self.world.amqp_url, self.world.engine, range(first, first + number))

    def person(self) -> Invited:
        """One of them."""
        return self.people(1)[0]

    def active_person(self) -> Invited:
        """Somebody who went all the way."""
        person = self.person()
        assert activates(self.visitor(), person).path == "/account/activation/done"
        return person

    def recovery_link(self, person: Invited) -> str:
        """Asks for a mail of *Lupa Kata Laluan*; gives the address in it, below the portal's."""
        assert asks_again(self.visitor(), person.ic_number, "/account/recovery").status == 200
        asked = self.world.engine, [person.ic_number], Purpose.RECOVERY
        eventually("the recovery mail is accepted", lambda: tokens(*asked))
        return f"/account/recovery/link?token={tokens(*asked)[person.ic_number]}"

    def knows(self, question: str, **values: object) -> list[tuple[Any, ...]]:
        """Rows of the database."""
        with self.world.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(question), values)]

    @contextmanager
    def without(self, service: str) -> Iterator[None]:
        """A service stands still, as one that is overloaded or gone; what it holds stays with it."""
        process = self.world.running[service]
        os.kill(process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(process.pid, signal.SIGCONT)


@contextmanager
def site_on(servers: Servers, folder: Path, **settings: str) -> Iterator[Site]:
    """A site of its own, open."""
    with world(servers, folder) as found:
        found.start("state", "mailer", "archivist", **settings)
        with closing(Site(found)) as site:
            site.opens(**settings)
            yield site


def _status(url: str) -> int:
    try:
        return httpx.get(url, trust_env=False).status_code
    except httpx.TransportError:
        return 0
