"""Bad input dead-letters at once with a reason and a field, is told to HR, and harms no neighbour."""

import json
import os
import subprocess
import sys
from typing import Any

import pika
import pytest
from sqlalchemy import text

from schemas.envelope import caused_id
from schemas.events import Exchange, Lane
from shared.broker.publisher import Message
from shared.broker.topology import LETTERS
from shared.broker.verdicts import Wait
from shared.operations.ledger import audit
from tests.support.builders import digest
from tests.support.feed import Feed
from tests.support.registrations import SOURCE, hr_event, ic_number, message, publish, registration, registrations
from tests.support.tap import Tap
from tests.support.waiting import eventually
from tests.support.world import KEYS, World

LINK = "3f1c9a52-7b44-5e0e-9d1f-2b3c4d5e6f70"


def raw(body: bytes, id_: str = "raw") -> Message:
    """Any bytes, published as a registration."""
    return Message(Exchange.HR, "bulk.ActivationRequested", body, message_id=id_)


def changed(id_: str, **attributes: Any) -> Message:
    """A registration with other context attributes."""
    event = {**hr_event(id_, registration(900)), **attributes}
    return raw(json.dumps(event).encode(), id_)


def of_person(id_: str, **data: Any) -> Message:
    """A registration with other data."""
    return message(hr_event(id_, registration(901, **data)))


def password(exchange: str, id_: str, digest_: str, *, link: str = LINK, **headers: str | int) -> Message:
    """A PasswordSet on some exchange."""
    data = {"link_id": link, "session_digest": "a" * 64, "password_digest": digest_}
    event = {**hr_event(id_, data, "PasswordSet"), "source": "/portal" if exchange == Exchange.PORTAL else SOURCE}
    body = json.dumps(event).encode()
    return Message(exchange, "live.PasswordSet", body, message_id=id_, headers=headers)


BAD = {
    "bytes": (raw(b"\xff\xfe"), "not_utf8", None, False),
    "json": (raw(b'{"specversion": "1.0",'), "not_json", None, False),
    "envelope": (changed("no-time", time="yesterday"), "bad_envelope", "time", True),
    "version": (changed("v9", type="aktif.ActivationRequested.v9"), "unknown_version", "type", True),
    "type": (changed("other", type="aktif.SomethingElse.v1"), "unknown_type", "type", True),
    "exchange": (password(Exchange.HR, "hr-password", digest()), "wrong_exchange", None, True),
    "field": (of_person("no-email", email="nobody"), "bad_field", "data.email", True),
    "size": (of_person("large", name="A" * 70_000), "too_large", None, True),
    "control characters": (of_person("control", name="PEGAWAI\u0000CONTOH"), "control_character", "data.name", True),
    "impossible IC date": (of_person("ic", ic_number="851399000001"), "bad_ic_number", "data.ic_number", True),
    "digest strength": (
        password(Exchange.PORTAL, "weak", digest().replace("m=19456", "m=1024")),
        "weak_digest",
        "data.password_digest",
        False,
    ),
}


def test_each_kind_of_bad_input_is_dead_at_once_told_to_hr_and_harms_no_neighbour(aktif: World) -> None:
    feed = Feed(aktif.amqp_url, SOURCE.rpartition("/")[2])
    good = list(registrations(len(BAD) * 3))
    mixed = [*good]
    for place, (bad, *_) in enumerate(BAD.values()):
        mixed.insert(place * 4, bad)

    publish(aktif.amqp_url, mixed)
    aktif.settle(lambda: aktif.count("SELECT count(*) FROM letters") == len(BAD) and not aktif.depths()["dead"])

    with aktif.engine.connect() as connection:
        filed = connection.execute(text("SELECT reason, field FROM letters")).all()
    assert sorted(map(str, filed)) == sorted(str((reason, field)) for _, reason, field, _ in BAD.values())
    assert aktif.count("SELECT count(*) FROM accounts") == len(good)
    told = {(said["rejected_id"], said["reason"], said["field"]) for said in feed.said("EventRejected")}
    assert told == {(bad.message_id, reason, field) for bad, reason, field, tell in BAD.values() if tell}


@pytest.mark.parametrize(
    "headers",
    [
        {"x-attempt": 99, "x-replay": 7, "x-handbacks": 9, "x-lane": "live"},
        {"x-origin": Exchange.PORTAL.value},
        {"x-delivery-count": 0, "x-death": "no table"},
    ],
    ids=["attempts", "origin", "deaths"],
)
def test_a_password_published_as_hr_is_dead_whatever_its_headers_say(aktif: World, headers: dict[str, Any]) -> None:
    publish(aktif.amqp_url, [password(Exchange.HR, "forged", digest(), **headers)])

    eventually("it is filed", lambda: aktif.count("SELECT count(*) FROM letters") == 1)
    with aktif.engine.connect() as connection:
        row = connection.execute(text("SELECT reason, origin, attempt, replay, headers FROM letters")).one()
    assert row[:4] == ("wrong_exchange", Exchange.HR.value, 1, 0)
    assert set(row.headers) <= {"x-origin", "x-lane", "x-attempt", "x-replay", "x-handbacks", "x-service", "x-queue",
                                "x-reason", "x-field", "x-detail", "x-died-at"}  # fmt: skip


FOREIGN: dict[str, Any] = {
    "headers": {
        "CC": ["live.ActivationRequested", "mailer.live", "state.suspect", "dead"],
        "BCC": ["live.PasswordSet", "live.MailRequested", "wait.5s"],
        "x-origin": "aktif.portal", "x-attempt": 99, "x-replay": 7, "x-lane": "live", "x-handbacks": 9,
        "x-delivery-count": 40, "x-death": "no table", "x-foreign": "y",
    },
    "expiration": "3600000",
}  # fmt: skip
"""Properties of a publisher's that a broker or a worker might heed."""


def test_a_publishers_properties_do_no_harm_and_are_on_nothing_that_we_publish(aktif: World) -> None:
    tap = Tap(aktif.amqp_url)
    good = message(hr_event("good", registration(1)))
    dead = message(hr_event("bad", registration(2, email="nobody")))

    publish_with(aktif.amqp_url, good, **FOREIGN)
    eventually("the mail is sent", lambda: aktif.count("SELECT count(*) FROM mails WHERE result = 'accepted'") == 1)
    early = password(Exchange.PORTAL, "early", digest(), link=newest_link(aktif))
    publish_with(aktif.amqp_url, early, **FOREIGN)
    publish_with(aktif.amqp_url, dead, **FOREIGN)
    eventually("the bad one is filed", lambda: aktif.count("SELECT count(*) FROM letters") == 1)
    eventually("the early one waits", lambda: Wait.S5.queue in {seen.exchange for seen in tap.seen()})
    aktif.settle(lambda: aktif.count("SELECT count(*) FROM state_inbox WHERE type = 'aktif.MailSettled.v1'") == 1)

    assert aktif.count("SELECT count(*) FROM history WHERE event = 'ActivationRequested.registration'") == 1
    assert aktif.count("SELECT count(*) FROM mails") == 1
    assert aktif.count("SELECT count(*) FROM letters WHERE reason = 'bad_field'") == 1
    ours = [seen for seen in tap.seen() if seen.exchange not in {Exchange.HR, Exchange.PORTAL}]
    assert {LETTERS, Wait.S5.queue, Exchange.EVENTS} <= {seen.exchange for seen in ours}
    for seen in ours:
        headers = seen.properties.headers or {}
        assert seen.properties.expiration is None
        assert not {"CC", "BCC", "x-foreign", "x-delivery-count"} & set(headers)
        assert headers.get("x-attempt", 1) < 99
    tap.close()


def publish_with(amqp_url: str, published: Message, **properties: Any) -> None:
    """Publish with properties that our own publisher never sets."""
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    try:
        channel = connection.channel()
        channel.confirm_delivery()
        named = pika.BasicProperties(message_id=published.message_id, delivery_mode=2, **properties)
        channel.basic_publish(published.exchange, published.routing_key, published.body, named, mandatory=True)
    finally:
        connection.close()


def newest_link(aktif: World) -> str:
    """The link that was issued last."""
    with aktif.engine.connect() as connection:
        return str(connection.execute(text("SELECT link_id FROM links ORDER BY issued_at DESC LIMIT 1")).scalar_one())


def test_a_key_that_no_queue_is_bound_for_becomes_a_letter(aktif: World) -> None:
    event = hr_event("astray", registration(1))

    publish(aktif.amqp_url, [Message(Exchange.HR, "ActivationRequested", json.dumps(event).encode())])

    eventually("it is filed", lambda: aktif.count("SELECT count(*) FROM letters WHERE reason = 'unroutable'") == 1)


def test_an_id_used_again_for_something_else_is_dead_and_the_first_stands(aktif: World) -> None:
    first, other = registration(1), registration(1, name="ORANG LAIN")

    publish(aktif.amqp_url, [message(hr_event("same", first)), message(hr_event("same", other))])

    eventually("it is filed", lambda: aktif.count("SELECT count(*) FROM letters WHERE reason = 'id_reused'") == 1)
    assert aktif.count("SELECT count(*) FROM accounts WHERE name = 'PEGAWAI CONTOH 1'") == 1


def test_a_mended_event_under_the_id_of_a_dead_one_is_worked(aktif: World) -> None:
    publish(aktif.amqp_url, [message(hr_event("mended", registration(1, email="nobody")))])
    eventually("it is dead", lambda: aktif.count("SELECT count(*) FROM letters") == 1)

    publish(aktif.amqp_url, [message(hr_event("mended", registration(1)), lane=Lane.LIVE)])

    eventually("the person is registered", lambda: aktif.count("SELECT count(*) FROM accounts") == 1)
    assert aktif.count(f"SELECT count(*) FROM accounts WHERE ic_number = '{ic_number(1)}'") == 1


def test_no_publisher_can_hide_another_letter_or_upset_the_ledger(aktif: World) -> None:
    good = hr_event("good", registration(1))
    cause = caused_id((SOURCE, "good"), 0, "MailRequested")
    forged = [
        message({**hr_event(cause, registration(2)), "source": "/aktif/state"}),
        message({**hr_event("stolen", registration(3)), "source": "/portal"}),
        message({**hr_event("stolen", registration(4)), "source": "/portal"}),
    ]

    publish(aktif.amqp_url, [message(good), *forged])
    aktif.settle(lambda: aktif.count("SELECT count(*) FROM letters WHERE reason = 'wrong_source'") == len(forged))

    eventually("the ledger is clean", lambda: audit(aktif.engine, None).clean)
    assert aktif.count("SELECT count(DISTINCT ic_number) FROM letters") == len(forged)


@pytest.mark.parametrize(
    ("service", "setting", "value"),
    [
        ("mailer", "AKTIF_MAIL_FROM", "x <a@é.my>"),
        ("state", "AKTIF_AMQP_URL", "amqp://u:rahsia@127.0.0.1/?heartbeat=abc"),
        ("state", "AKTIF_DATABASE_URL", "postgresql+psycopg://u:rahsia@127.0.0.1/x?bogus=1"),
        ("mailer", "AKTIF_LINK_KEYS", "rahsia"),
    ],
)
def test_a_bad_setting_stops_the_process_with_one_line(aktif: World, service: str, setting: str, value: str) -> None:
    environment = {
        **os.environ,
        **KEYS,
        "AKTIF_AMQP_URL": aktif.amqp_url,
        "AKTIF_DATABASE_URL": aktif.database_url,
        "AKTIF_SMTP_URL": aktif.catcher.url,
        setting: value,
    }

    done = subprocess.run(
        [sys.executable, "-m", f"services.{service}"], env=environment, capture_output=True, text=True, timeout=20
    )

    assert done.returncode == 2
    assert done.stderr.startswith(f"aktif {service}: {setting}")
    assert done.stderr.count("\n") == 1
    assert "rahsia" not in done.stderr
