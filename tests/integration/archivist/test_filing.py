"""Filing letters: a death is one, however often it is told; another death of the same event opens its letter again."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pika
import pytest
from sqlalchemy import Engine, text

from schemas.events import Lane
from services.archivist.worker import Archivist
from services.cli.servers.ladder import Servers
from shared.broker.publisher import Message
from shared.broker.topology import DEAD_QUEUE, LETTERS
from shared.broker.verdicts import Delivery
from shared.operations import discard, letters
from shared.operations.filters import Filter, Status
from shared.operations.replay import Order, start
from shared.store.engine import open_engine
from tests.support.letters import letter, registrations_dead
from tests.support.registrations import hr_event, publish, registration
from tests.support.waiting import eventually
from tests.support.world import World, world


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    """The test's database."""
    found = open_engine(database, application="test")
    yield found
    found.dispose()


@pytest.fixture
def our_world(session_servers: Servers, tmp_path: Path) -> Iterator[World]:
    """A world in which nothing runs yet."""
    with world(session_servers, tmp_path) as found:
        yield found


def filed(engine: Engine, messages: Sequence[Message]) -> None:
    """Have the archivist file letters of workers."""
    Archivist(engine)(
        [Delivery(m.body, None, LETTERS, Lane.LIVE, via=LETTERS, headers=m.headers or {}) for m in messages]
    )


def the_letter(engine: Engine) -> tuple[Status, int]:
    """Where the only letter stands, and how often it was filed."""
    with engine.connect() as connection:
        (line,) = letters.page(connection, Filter()).lines
    return line.status, line.times


def closed(engine: Engine) -> None:
    """Discard what is open."""
    with engine.begin() as connection:
        assert discard.discard(connection, Filter(), "siti", "a test of HR") == 1


def test_a_death_that_is_told_again_does_not_open_its_letter_again(engine: Engine) -> None:
    death = registrations_dead(1)
    filed(engine, death)
    closed(engine)

    filed(engine, death)

    assert the_letter(engine) == (Status.DISCARDED, 1)


def test_an_event_that_dies_once_more_opens_its_letter_again(engine: Engine) -> None:
    event = hr_event("reg-1", registration(1))
    filed(engine, [letter(event)])
    closed(engine)

    filed(engine, [letter(event)])

    assert the_letter(engine) == (Status.OPEN, 2)


def test_what_the_broker_found_no_queue_for_opens_its_letter_again_since_it_tells_no_moment(engine: Engine) -> None:
    unroutable = Delivery(b'{"id": "x"}', None, "aktif.hr", Lane.LIVE, via="aktif.hr", routing_key="live.Nonsense")
    Archivist(engine)([unroutable])
    closed(engine)

    Archivist(engine)([unroutable])

    assert the_letter(engine) == (Status.OPEN, 2)


def test_letters_that_were_filed_and_not_acked_are_not_open_again_after_their_replay(our_world: World) -> None:
    publish(our_world.amqp_url, registrations_dead(20))
    with pika.BlockingConnection(pika.URLParameters(our_world.amqp_url)) as connection:
        channel, taken = connection.channel(), list[Delivery]()
        while len(taken) < 20:
            method, properties, body = channel.basic_get(DEAD_QUEUE)
            if method is not None:
                headers = properties.headers
                taken.append(Delivery(body, None, LETTERS, Lane.BULK, via=method.exchange, headers=headers))
        Archivist(our_world.engine)(taken)
        with our_world.engine.begin() as database:
            assert start(database, "rahim", Order(Filter(), "mended")).letters == 20

    publish(our_world.amqp_url, registrations_dead(1, first=20))
    our_world.start("archivist")
    eventually("what is behind them is filed", lambda: our_world.count("SELECT count(*) FROM letters") == 21)

    with our_world.engine.connect() as database:
        assert letters.count(database, Filter(status=Status.OPEN)) == 1
        assert database.execute(text("SELECT max(times) FROM letters")).scalar_one() == 1
