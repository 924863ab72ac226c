"""No usable secret at rest: no link, password, answer or session in a message, a table, a log or a dead letter."""

import pika
from pika.adapters.blocking_connection import BlockingChannel
from sqlalchemy import text

from schemas.events import Exchange
from shared.broker.topology import LETTERS
from shared.store.tables import metadata
from tests.flows.test_the_guide import ANSWERS, IC, PASSWORD, registered
from tests.support.person import Person
from tests.support.registrations import registration
from tests.support.waiting import eventually
from tests.support.world import KEYS, World

TAP = "tap"


def test_what_would_open_an_account_is_nowhere_but_in_the_mail(aktif: World) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(aktif.amqp_url))
    channel = tapped(connection)
    person = registered(aktif)
    mail = person.waits_for_mail()
    link = person.link_in(mail)

    person.redeems(link)
    person.sets_questions(link, **ANSWERS)
    person.sets_password(link, PASSWORD)
    stranger = Person(aktif, person.address)
    stranger.sets_password(type(link)(int=1), "Kata-Laluan-Orang-99")
    person.waits_for_mail(2)
    eventually("the stranger's event is dead", lambda: aktif.count("SELECT count(*) FROM letters") == 1)

    secrets = [token_in(mail.as_string()), PASSWORD, "Kata-Laluan-Orang-99", *ANSWERS.values(), *KEYS.values()]
    personal = [IC, person.address, registration(1)["name"]]
    messages, logs = all_messages(channel), "".join(map(aktif.log_of, ("state", "mailer", "archivist")))
    connection.close()
    assert "PasswordSet" in messages
    assert IC in rows(aktif)
    assert not [secret for secret in secrets if secret in messages + rows(aktif) + logs]
    assert not [value for value in personal if value in logs]


def tapped(connection: pika.BlockingConnection) -> BlockingChannel:
    """A channel with a queue that gets a copy of everything that is published from here on."""
    channel = connection.channel()
    channel.queue_declare(TAP, durable=True)
    for exchange in (*Exchange, LETTERS):
        channel.queue_bind(TAP, exchange, "#")
    return channel


def all_messages(channel: BlockingChannel) -> str:
    """Everything that the tap has seen, headers and all."""
    seen = list[str]()
    while (got := channel.basic_get(TAP, auto_ack=True))[0] is not None:
        seen.append(f"{got[0].routing_key} {got[1]!r} {got[2].decode()}")
    return "\n".join(seen)


def rows(aktif: World) -> str:
    """Every row of every table, as text."""
    with aktif.engine.connect() as connection:
        return "\n".join(
            str(row[0])
            for table in metadata.sorted_tables
            for row in connection.execute(text(f"SELECT t::text FROM {table.name} t"))
        )


def token_in(mail: str) -> str:
    """The token in a mail, where soft line breaks may divide it."""
    return mail.replace("=\n", "").replace("=3D", "=").partition("?token=")[2][:64]
