"""Everything is killed with work in flight, and nothing is lost, dead, done twice, or in need of a hand."""

import random
import time
from collections.abc import Callable
from itertools import pairwise

import pytest

from services.cli.ledger import audit
from services.cli.servers.process import Server
from shared.broker.publisher import Message
from tests.support.registrations import hr_event, message, publish, registration, registrations
from tests.support.waiting import eventually
from tests.support.world import World

ACCEPTED = "SELECT count(*) FROM mails WHERE result = 'accepted'"
ALL = ("state", "mailer", "archivist")
RETURN_SECONDS = 10
TWICE_A_KILL = 50


def register_and_mail(world: World, count: int) -> Callable[[], bool]:
    """Publish registrations; says whether each person has a mail that was accepted."""
    publish(world.amqp_url, registrations(count))
    return lambda: world.count(ACCEPTED) == count


def assert_conserved(world: World, count: int) -> None:
    """Nothing lost, nothing dead, no transition twice."""
    assert world.count("SELECT count(*) FROM accounts WHERE state = 'registered'") == count
    assert world.count("SELECT count(*) FROM links") == count
    twice = "SELECT count(*) FROM (SELECT 1 FROM history GROUP BY source, id HAVING count(*) > 1) AS twice"
    assert world.count(twice) == 0
    assert world.depths()["dead"] == 0
    assert world.count("SELECT count(*) FROM letters") == 0
    assert world.count("SELECT count(*) FROM mails") == count
    assert world.mails_caught() - world.mails_twice() == count
    eventually("the ledger is clean", lambda: audit(world.engine, None).clean, within=10)
    assert audit(world.engine, None).done == 2 * count  # each person's MailRequested and its MailSettled


@pytest.mark.parametrize("what", ["broker", "database", "mail server"])
def test_a_server_killed_in_the_middle_of_2000_events_costs_nothing(our_world: World, what: str) -> None:
    servers = our_world.servers
    server: Server = {"broker": servers.rabbitmq, "database": servers.postgres, "mail server": our_world.catcher}[what]  # type: ignore[assignment]
    our_world.start(*ALL)
    all_mailed = register_and_mail(our_world, 2000)
    eventually("mails are being sent", lambda: 100 < our_world.mails_caught() < 1900, every=0.005)

    server.kill()
    eventually("nothing moves any more", at_rest(our_world))
    sent_before = our_world.mails_caught()
    server.start()
    took = eventually("mails are sent again", lambda: our_world.mails_caught() > sent_before, within=RETURN_SECONDS)

    our_world.settle(all_mailed)
    print(f"{what}: going on {took:.1f} s after its return, {our_world.mails_twice()} mails sent twice")
    assert_conserved(our_world, 2000)
    assert our_world.mails_twice() <= TWICE_A_KILL


@pytest.mark.parametrize("service", ["state", "mailer"])
def test_a_worker_killed_20_times_during_5000_events_costs_nothing(our_world: World, service: str) -> None:
    our_world.start(*ALL)
    chance = random.Random(service)
    kills, wave, twice = 20, 250, list[int]()

    for life in range(kills):
        eventually("the last life's work is done", has_worked(our_world, service, life * wave), every=0.05)
        working = our_world.is_working(service)
        publish(our_world.amqp_url, registrations(wave, first=life * wave))
        eventually(f"{service} works", working, every=0.005)
        eventually("a moment later", after(chance.uniform(0, 0.05)), every=0.001)
        our_world.kill(service)
        twice.append(our_world.mails_twice())
        our_world.start(service)

    count = kills * wave
    our_world.settle(lambda: our_world.count(ACCEPTED) == count, within=120)
    twice.append(our_world.mails_twice())
    by_kill = [after - before for before, after in pairwise(twice)]
    print(f"{service} killed {kills} times: mails sent twice {twice[-1]}, by kill {by_kill}")
    assert_conserved(our_world, count)
    assert max(by_kill) <= (TWICE_A_KILL if service == "mailer" else 0)


def test_an_archivist_killed_20_times_during_5000_letters_files_each(our_world: World) -> None:
    our_world.start("state", "archivist")
    chance = random.Random("archivist")
    kills, wave = 20, 250

    for life in range(kills):
        publish(our_world.amqp_url, (bad(index) for index in range(life * wave, (life + 1) * wave)))
        eventually("the archivist works", our_world.is_working("archivist"), every=0.005)
        eventually("a moment later", after(chance.uniform(0, 0.03)), every=0.001)
        our_world.kill("archivist")
        our_world.start("archivist")

    count = kills * wave
    our_world.settle(
        lambda: our_world.count("SELECT count(*) FROM letters") == count and not our_world.depths()["dead"]
    )
    assert our_world.count("SELECT count(*) FROM letters WHERE reason = 'bad_ic_number'") == count
    assert audit(our_world.engine, None).clean


def test_a_mail_server_that_goes_and_comes_30_times_costs_nothing(our_world: World) -> None:
    our_world.start(*ALL)
    flaps, wave = 30, 100

    for flap in range(flaps):
        arriving = our_world.is_working("mailer")
        publish(our_world.amqp_url, registrations(wave, first=flap * wave))
        eventually("a mail arrives", arriving, within=RETURN_SECONDS, every=0.005)
        our_world.catcher.kill()
        our_world.catcher.start()

    our_world.settle(lambda: our_world.count(ACCEPTED) == flaps * wave)
    print(f"{flaps} flaps: {our_world.mails_twice()} mails sent twice")
    assert_conserved(our_world, flaps * wave)
    assert our_world.mails_twice() <= flaps * TWICE_A_KILL


def at_rest(world: World, seconds: float = 0.5) -> Callable[[], bool]:
    """Whether no mail was caught for a while."""
    last, since = world.mails_caught(), time.monotonic()

    def rests() -> bool:
        nonlocal last, since
        if (now := world.mails_caught()) != last:
            last, since = now, time.monotonic()
        return time.monotonic() - since > seconds

    return rests


def has_worked(world: World, service: str, count: int) -> Callable[[], bool]:
    """Whether a service has worked so many of the events that registrations cause."""
    worked = f"SELECT count(*) FROM {service}_inbox WHERE type <> 'aktif.MailSettled.v1'"
    return lambda: world.count(worked) >= count


def after(seconds: float) -> Callable[[], bool]:
    """Comes true some seconds from now: a kill must meet every moment of the work, not always the same one."""
    until = time.monotonic() + seconds
    return lambda: time.monotonic() >= until


def bad(index: int) -> Message:
    """A registration with an impossible date of birth."""
    return message(hr_event(f"bad-{index}", registration(index, ic_number=f"851399{index:06d}")))
