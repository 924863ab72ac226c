"""What replays do to people: no password that works is changed, and a mail that is refused for good is told."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import text

from schemas.envelope import encode
from schemas.events import EventData, Exchange
from shared.broker.publisher import Message
from shared.operations import carrying, letters, results
from shared.operations.carrying import Publish
from shared.operations.filters import Filter
from shared.operations.replay import Order, start
from shared.operations.results import Progress
from shared.operations.standing import Obsolete, Result
from tests.integration.operations.test_letters import a_mail_given_up, an_account
from tests.support.builders import digest, password_set, questions_set, redeemed
from tests.support.letters import file_all, letter
from tests.support.registrations import hr_event, message, registration
from tests.support.smtp import SmtpServer
from tests.support.waiting import eventually
from tests.support.world import World

Replay = Callable[[], int]


@pytest.fixture
def replay(our_world: World, publish: Publish) -> Replay:
    """Replays every letter, obsolete ones too, and waits for the results; the operation's number is returned."""

    def carried() -> int:
        with our_world.engine.begin() as connection:
            begun = start(connection, "rahim", Order(Filter(), "mended", with_obsolete=True))
        carrying.carry_on(our_world.engine, begun.operation_id, publish, wait=lambda _: False)
        eventually("all have a result", lambda: not progress(our_world, begun.operation_id).waiting)
        return begun.operation_id

    return carried


def progress(world: World, operation: int) -> Progress:
    with world.engine.connect() as connection:
        return results.progress(connection, operation)


def worked(world: World, publish: Publish, steps: Sequence[tuple[EventData, datetime]]) -> None:
    """Have a person's steps worked, one after the other."""
    for number, (data, at) in enumerate(steps, 1):
        id_ = f"step-{number}-{type(data).__name__}"
        body = encode(data, id=id_, source="/portal", time=at)
        publish([Message(Exchange.PORTAL, f"live.{type(data).__name__}", body)])
        receipts = f"SELECT count(*) FROM state_inbox WHERE id = '{id_}'"
        eventually(f"{id_} is worked", partial(world.count, receipts))


def test_a_replayed_password_does_not_take_the_place_of_the_one_that_the_person_set_since(
    our_world: World, publish: Publish, replay: Replay
) -> None:
    our_world.start("state", "archivist")
    publish([message(hr_event("r1", registration(7)))])
    eventually("there is a link", lambda: our_world.count("SELECT count(*) FROM links"))
    with our_world.engine.connect() as connection:
        link: UUID = connection.execute(text("SELECT link_id FROM links")).scalar_one()
    at = datetime.now(UTC)
    worked(our_world, publish, [(redeemed(link, at), at), (questions_set(link), at + timedelta(seconds=1))])
    died = encode(password_set(link, mark="first"), id="died", source="/portal", time=at + timedelta(seconds=2))
    (letter_id,) = file_all(our_world.engine, [letter(died, queue="state.live", origin=Exchange.PORTAL)])
    worked(our_world, publish, [(password_set(link, mark="second"), at + timedelta(seconds=60))])

    with our_world.engine.connect() as connection:
        one = letters.one(connection, letter_id)
    assert one is not None
    assert one.line.obsolete is Obsolete.LINK_OVER
    replay()

    with our_world.engine.connect() as connection:
        password = connection.execute(text("SELECT password_digest FROM accounts WHERE state = 'active'")).scalar_one()
    assert password == digest("second")


def test_a_replayed_mail_that_is_refused_for_good_is_told_with_its_word(our_world: World, replay: Replay) -> None:
    with our_world.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        letter_id, _ = a_mail_given_up(connection, our_world.engine, an_account(connection))
    with SmtpServer() as relay:
        relay.answer("rcpt", "550 5.1.1 no such user")
        our_world.start("mailer", AKTIF_SMTP_URL=relay.url)

        operation = replay()

    found = progress(our_world, operation)
    with our_world.engine.connect() as connection:
        (of_letter,) = results.results(connection, operation, only=Result.REJECTED)
        one = letters.one(connection, letter_id)
    assert (found.worked, found.rejected, found.failed, found.published) == (0, 1, 0, 1)
    assert (of_letter.letter_id, of_letter.did) == (letter_id, "permanent")
    assert one is not None
    assert (one.replays[0].result, one.replays[0].did) == (Result.REJECTED, "permanent")
