"""All of Aktif with its console, people who may log in, and dead letters for them to look at."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx

from schemas.events import Exchange
from services.cli.servers.ladder import Servers
from services.cli.servers.process import free_port
from shared.broker.publisher import Message, Publisher
from shared.operations import people
from shared.operations.people import Role
from tests.support.waiting import eventually
from tests.support.web import Page, Visitor
from tests.support.world import World, world

PASSWORD: Final = "Rahsia-Konsol-1"
OPERATOR: Final = "rahim.operator"
VIEWER: Final = "lina.viewer"


@dataclass
class Console:
    """A world with a console in it, an operator and a viewer."""

    world: World
    port: int = field(default_factory=free_port)
    _visitors: list[Visitor] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://localhost:{self.port}"

    def opens(self, **settings: str) -> None:
        """Starts it, and waits until it is ready."""
        self.starts(**settings)
        eventually("the console is ready", lambda: _status(f"{self.url}/readyz") == 200)

    def starts(self, **settings: str) -> None:
        """Starts it, and waits for nothing."""
        api = {"AKTIF_BROKER_API_URL": self.world.servers.broker_api_url}
        self.world.start("console", **{"AKTIF_CONSOLE_BIND": f"127.0.0.1:{self.port}", **api, **settings})

    def knows(self, name: str, role: Role) -> str:
        """Adds somebody; gives the name."""
        with self.world.engine.begin() as connection:
            people.add(connection, name, role, PASSWORD, "tests")
        return name

    def visitor(self) -> Visitor:
        """A browser that was never here; closed with the console."""
        self._visitors.append(Visitor(self.url))
        return self._visitors[-1]

    def visited_by(self, name: str) -> Visitor:
        """The browser of somebody who is logged in."""
        visitor = self.visitor()
        assert logs_in(visitor, name).path == "/"
        return visitor

    def asks(self, question: str, **values: object) -> list[tuple[Any, ...]]:
        """Rows of the database."""
        from sqlalchemy import text

        with self.world.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(question), values)]

    def publishes(self, bodies: Sequence[bytes], exchange: str = Exchange.HR, key: str | None = None) -> None:
        """Publishes as an HR system would."""
        publisher = Publisher([self.world.amqp_url], "test")
        publisher.start()
        key = key or "live.ActivationRequested"
        assert publisher.publish_and_wait([Message(exchange, key, body) for body in bodies], 30)
        publisher.stop()

    def dies(self, number: int = 1, **changes: Any) -> list[int]:
        """Has so many registrations become dead letters, by default for an impossible date; gives their numbers."""
        before = self.world.count("SELECT COALESCE(max(letter_id), 0) FROM letters")
        self.publishes([registered(**{"ic_number": f"859901{index:06}", **changes}) for index in range(number)])
        filed = "SELECT count(*) FROM letters WHERE letter_id > "
        eventually("the letters are filed", lambda: self.world.count(f"{filed}{before}") == number)
        return [
            row[0] for row in self.asks("SELECT letter_id FROM letters WHERE letter_id > :last ORDER BY 1", last=before)
        ]

    def close(self) -> None:
        """Sends everybody home."""
        for visitor in self._visitors:
            visitor.close()


def registered(source: str = "/hr/kelantan", id: str | None = None, **data: Any) -> bytes:
    """The bytes of a registration, right or wrong, with a plainly invented person in it."""
    person = {"ic_number": "850101030007", "name": "PEGAWAI CONTOH", "email": "pegawai.contoh@example.gov.my"}
    event = {
        "specversion": "1.0",
        "id": id or str(uuid4()),
        "source": source,
        "type": "aktif.ActivationRequested.v1",
        "time": datetime.now(UTC).isoformat(),
        "datacontenttype": "application/json",
        "data": {"reason": "registration", **person, "registered_at": "2020-07-13T10:45:50+08:00", **data},
    }
    return json.dumps(event).encode()


def logs_in(visitor: Visitor, name: str, password: str = PASSWORD) -> Page:
    """Fills in the login."""
    return visitor.submits(visitor.goes_to("/login"), name=name, password=password)


@contextmanager
def console_on(servers: Servers, folder: Path, *services: str, **settings: str) -> Iterator[Console]:
    """A console of its own, open, with some services at work."""
    with world(servers, folder) as found:
        found.start(*(services or ("state", "mailer", "archivist")))
        with closing(Console(found)) as console:
            console.knows(OPERATOR, Role.OPERATOR)
            console.knows(VIEWER, Role.VIEWER)
            console.opens(**settings)
            yield console


def _status(url: str) -> int:
    try:
        return httpx.get(url, trust_env=False).status_code
    except httpx.TransportError:
        return 0
