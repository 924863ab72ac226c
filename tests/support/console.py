"""All of Aktif with its console, people who may log in, and dead letters for them to look at."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser
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


_FILE: Final = (
    "INSERT INTO letters (service, source, id, queue, origin, type, ic_number, reason, fingerprint, body, headers) "
    "VALUES ('state', '/hr/kelantan', :id, 'state.live', 'aktif.hr', 'aktif.ActivationRequested.v1', :ic, :reason, "
    "'ffff' || left(md5(:reason), 12), :body, '{}') RETURNING letter_id"
)


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
        self.is_ready()

    def is_ready(self) -> None:
        """Waits until it has its broker and its database."""
        eventually("the console is ready", lambda: _status(f"{self.url}/readyz") == 200)

    def starts(self, **settings: str) -> None:
        """Starts it, and waits for nothing."""
        api = {"AKTIF_BROKER_API_URL": self.world.servers.broker_api_url}
        self.world.start("console", **{"AKTIF_CONSOLE_BIND": f"127.0.0.1:{self.port}", **api, **settings})

    def opens_another(self, **settings: str) -> "Console":
        """One more console of the same world, a process of its own."""
        self.world.running[f"console at {self.port}"] = self.world.running.pop("console")
        another = Console(self.world)
        another.opens(**settings)
        return another

    def knows(self, name: str, role: Role) -> str:
        """Adds somebody; gives the name."""
        with self.world.engine.begin() as connection:
            people.add(connection, name, role, PASSWORD, "tests")
        return name

    def visitor(self, *, address: str | None = None) -> Visitor:
        """A browser that was never here; closed with the console."""
        self._visitors.append(Visitor(self.url, address=address))
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

    def files(self, number: int = 1, *, reason: str = "internal_error", first: int = 0) -> list[int]:
        """Files letters of registrations that can be worked now, as the archivist would after a fault of ours."""
        from sqlalchemy import text

        bodies = [(ic, str(uuid4())) for ic in (f"880101{index:06}" for index in range(first, first + number))]
        with self.world.engine.begin() as connection:
            return [
                connection.execute(
                    text(_FILE),
                    {"id": id, "ic": ic, "reason": reason, "body": registered(ic_number=ic, id=id)},
                ).scalar_one()
                for ic, id in bodies
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


class _Forms(HTMLParser):
    """The forms of a page, by where they go; a box that is not ticked sends nothing."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: dict[str, list[tuple[str, str]]] = {}
        self._fields: list[tuple[str, str]] = []
        self._select = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self._fields = self.found.setdefault(given["action"], [])
        elif tag == "input" and given.get("name") and given.get("type") != "checkbox":
            self._fields.append((given["name"], given.get("value", "")))
        elif tag == "select":
            self._select = given["name"]
        elif tag == "option" and "selected" in given:
            self._fields.append((self._select, given["value"]))


def form_of(page: Page, action: str) -> dict[str, str | list[str]]:
    """What a form of a page carries before anybody types. Raises KeyError where there is none."""
    sent: dict[str, list[str]] = {}
    for name, value in _Forms(page.html).found[action]:
        sent.setdefault(name, []).append(value)
    return dict(sent)


def actions_of(page: Page) -> list[str]:
    """Where the forms of a page go."""
    return list(_Forms(page.html).found)


def sends(visitor: Visitor, page: Page, action: str, **typed: str | list[str]) -> Page:
    """Fills in the form that goes there, and sends it."""
    return Page.of(visitor.http.post(action, data={**form_of(page, action), **typed}))


def replays(visitor: Visitor, query: str, **bounds: str) -> Page:
    """Has a plan made, and starts it."""
    plan = visitor.goes_to(f"/letters/replay?{query}")
    return sends(visitor, plan, "/letters/replay", why="dibaiki", **bounds)


def logs_in(visitor: Visitor, name: str, password: str = PASSWORD) -> Page:
    """Fills in the login."""
    return sends(visitor, visitor.goes_to("/login"), "/login", name=name, password=password)


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
