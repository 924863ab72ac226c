"""No usable secret at rest: no link, password, answer or session in a message, a table, a log or a dead letter."""

from sqlalchemy import text

from shared.broker.topology import HOME
from shared.broker.verdicts import Wait
from shared.store.tables import metadata
from tests.flows.test_the_guide import ANSWERS, IC, PASSWORD, registered
from tests.support.person import Person
from tests.support.registrations import registration
from tests.support.tap import Tap
from tests.support.waiting import eventually
from tests.support.world import KEYS, World


def test_what_would_open_an_account_is_nowhere_but_in_the_mail(aktif: World) -> None:
    tap = Tap(aktif.amqp_url)
    person = registered(aktif)
    mail = person.waits_for_mail()
    link = person.link_in(mail)

    person.redeems(link)
    person.sets_password(link, PASSWORD)  # too early: it waits in a wait queue, and comes home
    person.sets_questions(link, **ANSWERS)
    stranger = Person(aktif, person.address)
    stranger.sets_password(type(link)(int=1), "Kata-Laluan-Orang-99")
    person.waits_for_mail(2)
    eventually("the stranger's event is dead", lambda: aktif.count("SELECT count(*) FROM letters") == 1)

    passwords, sessions = [PASSWORD, "Kata-Laluan-Orang-99"], [person.secret, stranger.secret]
    secrets = [token_in(mail.as_string()), *passwords, *sessions, *ANSWERS.values(), *KEYS.values()]
    personal = [IC, person.address, registration(1)["name"]]
    messages, logs = all_messages(tap), "".join(map(aktif.log_of, ("state", "mailer", "archivist")))
    assert "PasswordSet" in messages
    assert {Wait.S5.queue, HOME} <= {seen.exchange for seen in tap.seen()}
    assert IC in rows(aktif)
    assert stranger.browser in rows(aktif)  # only in the body of the letter
    assert not [secret for secret in secrets if secret in messages + rows(aktif) + logs]
    assert not [value for value in personal if value in logs]
    tap.close()


def all_messages(tap: Tap) -> str:
    """Everything that was published, headers and all."""
    return "\n".join(f"{seen.routing_key} {seen.properties!r} {seen.body.decode()}" for seen in tap.seen())


def rows(aktif: World) -> str:
    """Every value of every row of every table, as text."""
    with aktif.engine.connect() as connection:
        return "\n".join(
            value.decode(errors="replace") if isinstance(value, bytes) else str(value)
            for table in metadata.sorted_tables
            for row in connection.execute(text(f"SELECT * FROM {table.name}"))
            for value in row
        )


def token_in(mail: str) -> str:
    """The token in a mail, where soft line breaks may divide it."""
    return mail.replace("=\n", "").replace("=3D", "=").partition("?token=")[2][:64]
