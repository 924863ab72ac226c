"""The migrations make what the tables say, and keep what was there."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text

from shared.store.engine import migrate, open_engine
from shared.store.revision import alembic_config
from shared.store.tables import metadata
from tests.support.letters import file_all, letter
from tests.support.registrations import hr_event, registration
from tests.support.servers import create_database, drop_database

_OLD_LETTER = text(
    "INSERT INTO letters (service, source, id, queue, origin, type, reason, detail, fingerprint, body, headers) VALUES "
    "(:service, '/x', :id, :queue, :origin, :type, :reason, :detail, :fingerprint, convert_to(:body, 'UTF8'), '{}')"
)
_LINK = "0a4c2b7e-5a0e-4b0f-9d53-1d1c2f0f6a11"


def test_a_migrated_database_differs_in_nothing_from_the_tables(database: str) -> None:
    engine = open_engine(database, application="test")

    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)

    engine.dispose()
    assert differences == []


@pytest.fixture
def before_0008(postgres: str) -> Iterator[Engine]:
    """A database as it was before letters named links and times."""
    url = create_database(postgres)
    config = alembic_config()
    config.attributes["url"] = url
    command.upgrade(config, "0007")
    engine = open_engine(url, application="test")
    yield engine
    engine.dispose()
    drop_database(url)


def filed_before(engine: Engine, id_: str, **columns: str | None) -> None:
    """A letter as it was filed then; of HR unless said otherwise."""
    usual = {
        "service": "state", "queue": "state.bulk", "origin": "aktif.hr", "type": "aktif.ActivationRequested.v1",
        "reason": "database_error", "detail": "DiskFull", "fingerprint": "f", "body": "{}",
    }  # fmt: skip
    with engine.begin() as connection:
        connection.execute(_OLD_LETTER, {**usual, "id": id_, **columns})


def test_letters_from_before_get_the_time_the_link_and_what_they_ask_for(before_0008: Engine) -> None:
    stated = '{"time": "2021-01-11T08:00:00+08:00", "data": {"reason" : "resend"}}'
    step = f'{{"data": {{"link_id": "{_LINK}", "password_digest": "x"}}}}'
    filed_before(before_0008, "1", body=stated)
    filed_before(before_0008, "2", body='{"time": "2021-99-11T08:00:00+08:00"}')
    filed_before(before_0008, "3", body=step, type="aktif.PasswordSet.v1", origin="aktif.portal")

    migrate(before_0008.url.render_as_string(hide_password=False))

    with before_0008.connect() as connection:
        found = connection.execute(text("SELECT event_time, asks_for, link_id FROM letters ORDER BY id")).all()
    assert [tuple(row) for row in found] == [
        (datetime(2021, 1, 11, tzinfo=UTC), "resend", None),
        (None, None, None),
        (None, None, UUID(_LINK)),
    ]


def test_mails_from_before_are_grouped_as_those_that_are_filed_from_now_on_and_keep_the_newest_note(
    before_0008: Engine,
) -> None:
    mail = {"service": "mailer", "queue": "mailer.bulk", "origin": "aktif.events", "type": "aktif.MailRequested.v1",
            "reason": "gave_up"}  # fmt: skip
    filed_before(before_0008, "1", **mail, detail="451 4.3.0 later, id A1", fingerprint="one")
    filed_before(before_0008, "2", **mail, detail="451 4.3.0 later, id B2", fingerprint="two")
    filed_before(before_0008, "3", **mail, detail="452 4.2.2 mailbox full", fingerprint="three")
    filed_before(before_0008, "4", **mail, detail="connection lost", fingerprint="four")
    with before_0008.begin() as connection:
        connection.execute(
            text("INSERT INTO notes VALUES ('one', 'old', '2020-01-01', 'x'), ('two', 'new', now(), 'x')")
        )

    migrate(before_0008.url.render_as_string(hide_password=False))

    event = hr_event("5", registration(0), "MailRequested")
    file_all(before_0008, [letter(event, "gave_up", queue="mailer.bulk", detail="451 4.3.0 of another host")])
    with before_0008.connect() as connection:
        prints = {row.id: row.fingerprint for row in connection.execute(text("SELECT id, fingerprint FROM letters"))}
        note = connection.execute(
            text("SELECT note FROM notes WHERE fingerprint = :fingerprint"), {"fingerprint": prints["5"]}
        ).scalar_one()
    assert prints["1"] == prints["2"] == prints["5"]
    assert len({prints["1"], prints["3"], "one", "two", "three"}) == 5
    assert prints["4"] == "four"
    assert note == "new"
