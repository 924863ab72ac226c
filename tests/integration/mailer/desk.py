"""A mailer on a real database and a scripted relay, and what a test asks of them."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from pydantic import SecretStr
from sqlalchemy import Connection, Engine, insert, select, text, update

from schemas.envelope import Event, decode, encode
from schemas.events import EventData, Lane, MailKind, MailRequested, MailSettled
from services.mailer import worker
from services.mailer.worker import Mailer
from shared.broker.verdicts import Dead, Delivery, Done, Verdict
from shared.settings import Settings
from shared.store.engine import open_engine
from shared.store.tables import accounts, attempts, links, mailer_inbox, mails
from tests.support.smtp import SmtpServer

THEN = datetime(2026, 1, 11, 8, tzinfo=UTC)
KEY = "k" * 32


@dataclass
class Person:
    """An account with a link whose latest mail is `mail_id`."""

    account_id: UUID
    link_id: UUID
    mail_id: UUID
    email: str


@dataclass
class Desk:
    """Everything a test of the mailer needs."""

    url: str
    relay: SmtpServer
    engine: Engine
    settings: Mapping[str, Any] = field(default_factory=dict)
    connected: Callable[[], bool] = lambda: True
    _made: list[Mailer] = field(default_factory=list)
    _people: int = 0

    @property
    def mailer(self) -> Mailer:
        """The mailer, made at first use."""
        return self._made[0] if self._made else self.another()

    def another(self, *, smtp_timeout: float = 5.0, **changes: Any) -> Mailer:
        """A further mailer process, with other settings."""
        given = {"smtp_url": SecretStr(self.relay.url)} | dict(self.settings) | changes
        settings = Settings(link_keys=SecretStr(KEY), database_url=SecretStr(self.url), **given)
        made = worker.build(settings, connected=lambda: self.connected(), smtp_timeout=smtp_timeout)
        self._made.append(made)
        return made

    def close(self) -> None:
        """End the mailers."""
        for made in self._made:
            made.close()
        self.engine.dispose()

    def person(self, email: str | None = None, **account: Any) -> Person:
        """Register somebody invented."""
        with self.engine.begin() as connection:
            return self._register(connection, email, account)

    def people(self, count: int) -> list[Person]:
        """Register so many, quickly."""
        with self.engine.begin() as connection:
            return [self._register(connection, None, {}) for _ in range(count)]

    def _register(self, connection: Connection, email: str | None, account: Mapping[str, Any]) -> Person:
        self._people += 1
        person = Person(uuid4(), uuid4(), uuid4(), email or f"pegawai{self._people}@example.gov.my")
        row = {
            "account_id": person.account_id,
            "ic_number": f"8501010{self._people:05}",
            "name": f"PEGAWAI CONTOH {self._people}",
            "email": person.email,
            "registered_at": THEN,
            "state": "registered",
            "hr_source": "/hr/kelantan",
            "hr_time": THEN,
        }
        link = {
            "link_id": person.link_id,
            "account_id": person.account_id,
            "purpose": "activation",
            "issued_at": THEN,
            "mail_id": person.mail_id,
        }
        connection.execute(insert(accounts).values({**row, **account}))
        connection.execute(insert(links).values(link))
        return person

    def change_link(self, person: Person, **columns: Any) -> None:
        """What state does to a link."""
        with self.engine.begin() as connection:
            connection.execute(update(links).where(links.c.link_id == person.link_id).values(columns))

    def change_account(self, person: Person, **columns: Any) -> None:
        """What state does to an account."""
        with self.engine.begin() as connection:
            connection.execute(update(accounts).where(accounts.c.account_id == person.account_id).values(columns))

    def mail_row(self, person: Person) -> Mapping[str, Any]:
        """The row of a person's mail."""
        with self.engine.connect() as connection:
            return dict(connection.execute(select(mails).where(mails.c.mail_id == person.mail_id)).mappings().one())

    def attempt_results(self, person: Person) -> list[str]:
        """The results of the attempts of a person's mail, in order."""
        with self.engine.connect() as connection:
            query = (
                select(attempts.c.result).where(attempts.c.mail_id == person.mail_id).order_by(attempts.c.attempt_id)
            )
            return list(connection.execute(query).scalars())

    def count(self, table: Any) -> int:
        """How many rows a table has."""
        with self.engine.connect() as connection:
            return len(connection.execute(select(table)).all())

    @contextmanager
    def standby(self) -> Iterator[None]:
        """For as long as this lasts, the database can be read and takes nothing, as a standby does."""
        self._alter_database("SET default_transaction_read_only = on")
        yield
        self._alter_database("RESET default_transaction_read_only")

    def _alter_database(self, change: str) -> None:
        """Change the database for every connection: those that there are end."""
        others = "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        with self.engine.begin() as connection:
            connection.execute(text("SET TRANSACTION READ WRITE"))
            connection.execute(text(f'ALTER DATABASE "{connection.engine.url.database}" {change}'))
        with self.engine.begin() as connection:
            connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity {others}"))
        self.engine.dispose()

    def received_by(self) -> Counter[str]:
        """How many mails the relay took for each recipient."""
        return Counter(mail.recipient for mail in self.relay.mails)

    def inbox(self) -> list[Mapping[str, Any]]:
        """The mailer's inbox."""
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(select(mailer_inbox)).mappings()]


def mail_requested(person: Person, kind: MailKind = MailKind.ACTIVATION, **changes: Any) -> MailRequested:
    """The request for a person's mail."""
    link = person.link_id if kind in {MailKind.ACTIVATION, MailKind.RECOVERY} else None
    fields = {"mail_id": person.mail_id, "account_id": person.account_id, "link_id": link, "kind": kind}
    return MailRequested(**(fields | changes))


def delivery_of(data: EventData, *, id: str | None = None, source: str = "/aktif/state", **changes: Any) -> Delivery:
    """A delivery of some event."""
    body = encode(data, id=id or str(uuid4()), source=source, time=THEN)
    return Delivery(**({"body": body, "content_type": None, "exchange": "aktif.events", "lane": Lane.BULK} | changes))


def request(person: Person, **changes: Any) -> Delivery:
    """A delivery of the request for a person's activation mail."""
    return delivery_of(mail_requested(person), **changes)


def settled(verdict: Verdict) -> tuple[Event, MailSettled]:
    """The one MailSettled that a verdict causes."""
    assert isinstance(verdict, Done | Dead)
    (outgoing,) = verdict.outgoing
    assert (outgoing.exchange, outgoing.routing_key) == ("aktif.events", "live.MailSettled")
    event = decode(outgoing.body, outgoing.exchange)
    assert isinstance(event.data, MailSettled)
    assert outgoing.id == event.id
    return event, event.data


def results_of(verdicts: Sequence[Verdict]) -> list[str]:
    """Verdicts in words."""
    return [type(verdict).__name__.lower().lstrip("_") for verdict in verdicts]


def open_desk(url: str, relay: SmtpServer) -> Desk:
    """A desk on a fresh database."""
    return Desk(url, relay, open_engine(url, application="test"))
