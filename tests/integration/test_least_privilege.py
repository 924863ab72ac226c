"""Each service and HR with a user of its own: with it they do all of their work, and are refused everything else."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker, ProbableAccessDeniedError
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from schemas.events import Lane
from services.cli.__main__ import run
from services.cli.logins import broker_user, hr_user
from services.cli.servers.ladder import Servers
from shared.broker import permissions
from shared.broker.management import Management, vhost_of
from shared.broker.permissions import logins
from shared.broker.topology import feed_queue
from shared.broker.users import version
from shared.store.engine import open_engine
from shared.store.roles import login_of
from tests.support.ledger import one_round
from tests.support.person import Person
from tests.support.registrations import hr_event, ic_number, message, publish, registration
from tests.support.servers import database_name, fresh_vhost
from tests.support.waiting import eventually
from tests.support.world import World, world

ANSWERS = {"mother_name": "Ibu Contoh", "first_school": "Sekolah Contoh", "first_car": "Kereta Contoh"}
SERVICES = ("state", "mailer", "archivist", "portal")
Act = Callable[[BlockingChannel], object]


@dataclass
class Logins:
    """A world whose logins were made by `aktif provision`, and the folder in which they are."""

    world: World
    api: Management
    folder: Path
    hr_system: str

    def url(self, who: str, name: str = "aktif_amqp_url") -> str:
        """A URL of somebody's own."""
        return (self.folder / (f"hr-{self.hr_system}" if who == "hr" else who) / name).read_text()

    def start(self) -> None:
        """All services, each with what is its own."""
        for service in SERVICES:
            urls = {"AKTIF_AMQP_URL": self.url(service), "AKTIF_DATABASE_URL": self.url(service, "aktif_database_url")}
            self.world.start(service, **urls)

    def hr_publishes(self, id_: str, data: dict[str, Any]) -> None:
        """One event, as HR."""
        event = hr_event(id_, data) | {"source": f"/hr/{self.hr_system}"}
        publish(self.url("hr"), [message(event, lane=Lane.LIVE)])

    def hr_hears(self) -> list[str]:
        """The types of the events in HR's feed."""
        with pika.BlockingConnection(pika.URLParameters(self.url("hr"))) as connection:
            channel, found = connection.channel(), list[str]()
            while (got := channel.basic_get(feed_queue(self.hr_system)))[0] is not None:
                found.append(json.loads(got[2])["type"])
        return found


@pytest.fixture
def given(session_servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Logins]:
    """Logins for a vhost and a database of the test's own; nothing runs yet."""
    monkeypatch.chdir(tmp_path)
    with world(session_servers, tmp_path) as found:
        name = vhost_of(found.amqp_url)
        monkeypatch.setenv("AKTIF_AMQP_URL", found.amqp_url)
        monkeypatch.setenv("AKTIF_BROKER_API_URL", session_servers.broker_api_url)
        monkeypatch.setenv("AKTIF_DATABASE_URL", found.database_url)
        api = Management(session_servers.broker_api_url)
        try:
            assert run(["provision", "--hr", name, "--logins", str(tmp_path / "secrets"), "--development"]) == 0
            yield Logins(found, api, tmp_path / "secrets", name)
        finally:
            _forget(found, api)


def _forget(found: World, api: Management) -> None:
    """Users and database logins are the whole server's, and do not go with the vhost and the database."""
    name = vhost_of(found.amqp_url)
    for user in (hr_user(name, name), *(broker_user(service, name) for service in logins())):
        api.request("DELETE", f"users/{user}")
    with found.engine.begin() as connection:
        for service in logins():
            connection.execute(text(f"DROP ROLE {login_of(service, database_name(found.database_url))}"))


def test_with_logins_of_their_own_the_services_do_all_of_the_guide(given: Logins) -> None:
    given.start()
    person = Person(given.world, registration(1)["email"])

    given.hr_publishes("good", registration(1))
    given.hr_publishes("bad", registration(2, email="nobody"))
    link = person.link_in(person.waits_for_mail())
    person.redeems(link)
    person.sets_questions(link, **ANSWERS)
    person.sets_password(link, "Kereta-Merah-1985")
    person.waits_for_mail(2)

    eventually("the bad one is filed", lambda: given.world.count("SELECT count(*) FROM letters") == 1)
    eventually(
        "the mails are settled",
        lambda: given.world.count("SELECT count(*) FROM state_inbox WHERE type = 'aktif.MailSettled.v1'") == 2,
    )
    assert given.world.count(f"SELECT count(*) FROM accounts WHERE state = 'active' AND ic_number = '{ic_number(1)}'")
    assert sorted(given.hr_hears()) == ["aktif.AccountActivated.v1", "aktif.EventRejected.v1"]
    assert [given.world.stop(service) for service in SERVICES] == [0, 0, 0, 0]
    assert not any("REFUSED" in given.world.log_of(service) for service in SERVICES)


def test_a_retry_waits_and_comes_home_with_the_services_own_users(given: Logins) -> None:
    given.start()
    person = Person(given.world, registration(1)["email"])
    given.hr_publishes("good", registration(1))
    link = person.link_in(person.waits_for_mail())

    person.sets_questions(link, **ANSWERS)  # before the link is redeemed, so it waits 5 s
    eventually("it was tried again", lambda: '"retry"' in given.world.log_of("state"))
    person.redeems(link)

    eventually("both took effect", lambda: given.world.count("SELECT count(*) FROM questions") == 3)
    assert "REFUSED" not in given.world.log_of("state")


def test_provisioning_again_keeps_every_url(given: Logins) -> None:
    files = sorted(file for file in given.folder.rglob("*") if file.is_file())
    before = {file: file.read_text() for file in files}

    again = ["provision", "--hr", given.hr_system, "--logins", str(given.folder), "--development"]
    assert run(again) == 0

    assert {file: file.read_text() for file in given.folder.rglob("*") if file.is_file()} == before
    assert {oct(file.stat().st_mode & 0o777) for file in files} == {"0o600"}
    assert {oct(file.parent.stat().st_mode & 0o777) for file in files} == {"0o700"}


def test_a_login_whose_file_is_lost_gets_a_new_password_and_works(given: Logins) -> None:
    lost = given.folder / "state" / "aktif_amqp_url"
    before = lost.read_text()
    lost.unlink()

    assert run(["provision", "--logins", str(given.folder)]) == 0

    assert lost.read_text() != before
    with pytest.raises(pika.exceptions.ProbableAuthenticationError):
        pika.BlockingConnection(pika.URLParameters(before))
    pika.BlockingConnection(pika.URLParameters(lost.read_text())).close()


def test_a_broker_that_would_refuse_a_look_at_suspects_is_warned_of(
    given: Logins, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    again = ["provision", "--logins", str(given.folder)]
    found = version(given.api)
    assert (run(again), capsys.readouterr().err) == (0, "")

    monkeypatch.setattr(permissions, "REFUSES_PASSIVE_DECLARES", {found})

    assert run(again) == 0
    assert f"RabbitMQ {found} refuses passive declares" in capsys.readouterr().err


def test_operators_keep_the_ledger_and_mend_it_with_their_own_logins(
    given: Logins, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with given.world.engine.begin() as connection:
        one_round(connection, "1")
        connection.execute(text("DELETE FROM state_inbox WHERE source = '/aktif/mailer'"))
    mine = given.url("operator")
    user = mine.partition("://")[2].rpartition("@")[0]
    monkeypatch.setenv("AKTIF_AMQP_URL", mine)
    monkeypatch.setenv("AKTIF_BROKER_API_URL", f"http://{user}@{given.world.servers.broker_api_url.rpartition('@')[2]}")
    monkeypatch.setenv("AKTIF_DATABASE_URL", given.url("operator", "aktif_database_url"))
    capsys.readouterr()

    assert run(["ledger", "--mend", "--as", "siti"]) == 0

    assert "Mended: 1 event published again" in capsys.readouterr().out
    assert given.world.count("SELECT mended FROM ledgers WHERE verdict = 'lost' AND who = 'siti'") == 1
    assert given.world.count("SELECT count(*) FROM audit WHERE what = 'mend'") == 1
    assert given.world.depths()["state.live"] == 1


def publishing(exchange: str, key: str = "live.ActivationRequested") -> Act:
    """Publish, and wait for what the broker says."""

    def act(channel: BlockingChannel) -> None:
        channel.confirm_delivery()
        channel.basic_publish(exchange, key, b"{}")

    return act


def getting(queue: str) -> Act:
    """Take a message."""
    return lambda channel: channel.basic_get(queue)


def declaring(queue: str) -> Act:
    """Make a queue."""
    return lambda channel: channel.queue_declare(queue, durable=True)


def deleting(queue: str) -> Act:
    """Delete a queue."""
    return lambda channel: channel.queue_delete(queue)


def binding(queue: str, exchange: str) -> Act:
    """Listen to what others say."""
    return lambda channel: channel.queue_bind(queue, exchange, "#")


REFUSED_AT_BROKER: dict[str, tuple[str, Act]] = {
    "HR sets a password": ("hr", publishing("aktif.portal", "live.PasswordSet")),
    "HR asks for a mail": ("hr", publishing("aktif.events", "live.MailRequested")),
    "HR speaks to other HR systems": ("hr", publishing("aktif.feed", "kelantan.AccountActivated")),
    "HR forges our headers": ("hr", publishing("aktif.home", "state.live")),
    "HR files a letter": ("hr", publishing("aktif.letters", "state.live")),
    "HR publishes past all exchanges": ("hr", publishing("", "state.live")),
    "HR reads registrations": ("hr", getting("state.live")),
    "HR reads another's feed": ("hr", getting("feed.other")),
    "HR makes a queue": ("hr", declaring("feed.mine")),
    "HR listens to events": ("hr", binding("feed.other", "aktif.events")),
    "state settles a mail": ("state", publishing("aktif.events", "live.MailSettled")),
    "state asks as an operator": ("state", publishing("aktif.events", "live.ActivationRequested")),
    "state registers": ("state", publishing("aktif.hr")),
    "state sets a password": ("state", publishing("aktif.portal", "live.PasswordSet")),
    "state tells HR of a mail": ("state", publishing("aktif.feed", "kelantan.MailSettled")),
    "state reads the mailer's queue": ("state", getting("mailer.live")),
    "state reads dead letters": ("state", getting("dead")),
    "state deletes its queue": ("state", deleting("state.live")),
    "the mailer asks for a mail": ("mailer", publishing("aktif.events", "live.MailRequested")),
    "the mailer tells HR": ("mailer", publishing("aktif.feed", "kelantan.MailUndeliverable")),
    "the mailer registers": ("mailer", publishing("aktif.hr")),
    "the mailer reads state's queue": ("mailer", getting("state.bulk")),
    "the mailer reads state's suspects": ("mailer", getting("state.suspect")),
    "the archivist files a letter": ("archivist", publishing("aktif.letters", "state.live")),
    "the archivist sends one home": ("archivist", publishing("aktif.home", "state.live")),
    "the archivist reads events": ("archivist", getting("state.live")),
    "the archivist deletes letters": ("archivist", deleting("dead")),
    "the portal registers": ("portal", publishing("aktif.hr")),
    "the portal asks for a mail": ("portal", publishing("aktif.events", "live.MailRequested")),
    "the portal says what no person does": ("portal", publishing("aktif.portal", "live.MailSettled")),
    "the portal forges our headers": ("portal", publishing("aktif.home", "state.live")),
    "the portal reads what people do": ("portal", getting("state.live")),
    "the portal reads dead letters": ("portal", getting("dead")),
    "operators set a password": ("operator", publishing("aktif.portal", "live.PasswordSet")),
    "operators read registrations": ("operator", getting("state.live")),
    "operators publish what HR may not": ("operator", publishing("aktif.hr", "live.PasswordSet")),
    "operators delete letters": ("operator", deleting("dead")),
    "operators file a letter": ("operator", publishing("aktif.letters", "state.live")),
    "operators speak to HR": ("operator", publishing("aktif.feed", "kelantan.AccountActivated")),
}


def test_every_user_is_refused_at_the_broker_what_is_not_its_work(given: Logins) -> None:
    with pika.BlockingConnection(pika.URLParameters(given.world.amqp_url)) as connection:
        connection.channel().queue_declare("feed.other", durable=True)

    answers = {what: broker_answers(given.url(who), act) for what, (who, act) in REFUSED_AT_BROKER.items()}

    assert {what: answer for what, answer in answers.items() if "ACCESS_REFUSED" not in answer} == {}


def broker_answers(url: str, act: Act) -> str:
    """What the broker says to something that is done on a channel."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        try:
            act(connection.channel())
        except ChannelClosedByBroker as error:
            return str(error.reply_text)
    return "done"


@pytest.mark.parametrize("who", ["hr", *SERVICES, "operator"])
def test_a_user_of_one_vhost_is_refused_in_another(given: Logins, session_servers: Servers, who: str) -> None:
    with fresh_vhost(session_servers.amqp_url, session_servers.broker_api_url) as other:
        elsewhere = pika.URLParameters(given.url(who))
        elsewhere.virtual_host = vhost_of(other)

        with pytest.raises(ProbableAccessDeniedError):
            pika.BlockingConnection(elsewhere)


REFUSED_AT_DATABASE = {
    "state settles a mail": ("state", "UPDATE mails SET result = 'accepted'"),
    "state holds the mailer's rows": ("state", "SELECT * FROM mails FOR UPDATE"),
    "state forgets letters": ("state", "DELETE FROM letters"),
    "the mailer sets a password": ("mailer", "UPDATE accounts SET password_digest = 'x'"),
    "the mailer issues a link": ("mailer", "INSERT INTO links DEFAULT VALUES"),
    "the mailer rewrites history": ("mailer", "DELETE FROM history"),
    "the archivist rewrites an inbox": ("archivist", "DELETE FROM state_inbox"),
    "the archivist sends mail": ("archivist", "INSERT INTO mails DEFAULT VALUES"),
    "the portal sets a password": ("portal", "UPDATE accounts SET password_digest = 'x'"),
    "the portal redeems a link": ("portal", "UPDATE links SET redeemed_at = now()"),
    "the portal answers an event": ("portal", "DELETE FROM state_inbox"),
    "operators change an account": ("operator", "UPDATE accounts SET state = 'withdrawn'"),
    "operators forget letters": ("operator", "DELETE FROM letters"),
    "operators rewrite the audit": ("operator", "UPDATE audit SET who = 'x'"),
    "operators forget what they did": ("operator", "DELETE FROM audit"),
    "operators empty the audit": ("operator", "TRUNCATE audit"),
    "operators date the audit back": (
        "operator",
        "INSERT INTO audit (at, who, what, subject) VALUES ('2020-01-01', 'x', 'x', 'x')",
    ),
    "operators number the audit": (
        "operator",
        "INSERT INTO audit (audit_id, who, what, subject) VALUES (1, 'x', 'x', 'x')",
    ),
    "state replays a letter": ("state", "INSERT INTO replays DEFAULT VALUES"),
    "the archivist forges the audit": ("archivist", "INSERT INTO audit DEFAULT VALUES"),
    "state forges the ledger": ("state", "INSERT INTO ledgers DEFAULT VALUES"),
    "the portal makes an operator": ("portal", "INSERT INTO operators DEFAULT VALUES"),
    "state empties its table": ("state", "TRUNCATE accounts"),
    "state changes its table": ("state", "ALTER TABLE accounts DROP COLUMN name"),
    "state makes a table": ("state", "CREATE TABLE mine (id int)"),
    "state becomes another": ("state", "SET ROLE aktif_mailer"),
    "the mailer makes a user": ("mailer", "CREATE ROLE mine"),
}


def test_every_login_is_refused_at_the_database_what_is_not_its_work(given: Logins) -> None:
    answers = {
        what: database_answers(given.url(who, "aktif_database_url"), statement)
        for what, (who, statement) in REFUSED_AT_DATABASE.items()
    }

    assert {what: answer for what, answer in answers.items() if answer != "insufficient privilege"} == {}


def test_operators_add_to_the_audit_who_did_what_and_the_database_says_when(given: Logins) -> None:
    line = "INSERT INTO audit (who, what, subject, reason, details) VALUES ('siti', 'note', 'x', 'y', '{}')"

    assert database_answers(given.url("operator", "aktif_database_url"), line) == "done"


def database_answers(url: str, statement: str) -> str:
    """What the database says to a statement of somebody who may read."""
    engine = open_engine(url, application="test")
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT count(*) FROM accounts"))
            connection.execute(text(statement))
    except ProgrammingError as error:
        return "insufficient privilege" if isinstance(error.orig, InsufficientPrivilege) else str(error.orig)
    finally:
        engine.dispose()
    return "done"
