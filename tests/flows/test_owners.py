"""One owner per table, held by database roles: each service does its work with its own, and can do no other's."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from sqlalchemy import text

from services.cli.servers.ladder import Servers
from shared.store.roles import grant, owners, role_of
from shared.store.tables import metadata
from tests.support.person import Person
from tests.support.registrations import hr_event, message, publish, registration
from tests.support.waiting import eventually
from tests.support.world import World, world

SERVICES = sorted({*owners()} - {"operator"})
"""Operators are no process: `tests/integration/cli` does their work with their role."""


@pytest.fixture
def granted(session_servers: Servers, tmp_path: Path) -> Iterator[World]:
    """A world with the roles made, and nothing running yet."""
    with world(session_servers, tmp_path) as found:
        with found.engine.begin() as connection:
            grant(connection)
        yield found


def as_role(found: World, service: str) -> str:
    """The database's URL for a service, with a role that may now log in."""
    role, password = role_of(service), secrets.token_hex(8)
    with found.engine.begin() as connection:
        connection.execute(text(f"ALTER ROLE {role} LOGIN PASSWORD '{password}'"))
    parts = urlsplit(found.database_url)
    return urlunsplit(parts._replace(netloc=f"{role}:{password}@{parts.netloc.rpartition('@')[2]}"))


def test_each_service_does_its_work_with_no_more_than_its_own_role(granted: World) -> None:
    for service in SERVICES:
        granted.start(service, AKTIF_DATABASE_URL=as_role(granted, service))
    person = Person(granted, registration(1)["email"])

    publish(granted.amqp_url, [message(hr_event("one", registration(1)))])
    publish(granted.amqp_url, [message(hr_event("bad", registration(2, email="nobody")))])
    person.redeems(person.link_in(person.waits_for_mail()))

    eventually("the link is redeemed", lambda: granted.count("SELECT count(*) FROM accounts WHERE state = 'redeemed'"))
    eventually("the bad one is filed", lambda: granted.count("SELECT count(*) FROM letters"))
    eventually("the mail is settled", lambda: granted.count("SELECT count(*) FROM mailer_inbox"))


@pytest.mark.parametrize("service", owners())
def test_a_role_reads_every_table_and_writes_only_its_own(granted: World, service: str) -> None:
    question = text("SELECT has_table_privilege(:role, :name, :what)")

    def may(what: str) -> set[str]:
        with granted.engine.connect() as connection:
            asked = {name: {"role": role_of(service), "name": name, "what": what} for name in metadata.tables}
            return {name for name, parameters in asked.items() if connection.execute(question, parameters).scalar_one()}

    own = {name for name, table in metadata.tables.items() if table.info["owner"] == service}
    changed = own - {"audit"}  # of which only what its rows say is theirs to give
    assert may("SELECT") == set(metadata.tables)
    assert [may(what) for what in ("INSERT", "UPDATE", "DELETE", "TRUNCATE")] == [changed, changed, changed, set()]
