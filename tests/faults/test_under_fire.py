"""Everything is killed with work in flight, and nothing is lost, dead, done twice, or in need of a hand."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from threading import Event
from typing import NamedTuple

import pytest

from services.cli.servers.process import Server
from shared.broker.publisher import Message, Publisher
from shared.operations.ledger import audit
from tests.support.registrations import hr_event, message, publish, registration, registrations
from tests.support.waiting import eventually
from tests.support.world import World

ACCEPTED = "SELECT count(*) FROM mails WHERE result = 'accepted'"
ALL = ("state", "mailer", "archivist")
RETURN_SECONDS = 10
TWICE_A_KILL = 50
KILLS, WAVE, FEW, AHEAD = 20, 250, 10, 60
VICTIMS = {
    "state": (
        ("state.bulk", "state.suspect"),
        "SELECT count(*) FROM state_inbox WHERE type <> 'aktif.MailSettled.v1'",
    ),
    "mailer": (("mailer.bulk", "mailer.suspect"), "SELECT count(*) FROM mailer_inbox"),
    "archivist": (("dead",), "SELECT count(*) FROM letters"),
}
"""Where a service's events wait, and how many of them it has committed."""


class Kill(NamedTuple):
    """What a kill met of a wave: how many events were committed, and how many of those were not acked."""

    committed: int
    unacked: int

    @property
    def in_the_middle(self) -> bool:
        """Whether something was committed, and something was left."""
        return 0 < self.committed < WAVE


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
    kills, twice = list[Kill](), list[int]()

    for life in range(KILLS):
        wave = list(registrations(WAVE, first=life * WAVE))
        kills.append(kill_in_the_middle(our_world, service, wave, life * WAVE, chance))
        twice.append(our_world.mails_twice())
        our_world.start(service)

    count = KILLS * WAVE
    our_world.settle(lambda: our_world.count(ACCEPTED) == count, within=120)
    twice.append(our_world.mails_twice())
    by_kill = [after - before for before, after in pairwise(twice)]
    print(f"{service}: {kills}, mails sent twice {twice[-1]}, by kill {by_kill}")
    assert_conserved(our_world, count)
    assert max(by_kill) <= (TWICE_A_KILL if service == "mailer" else 0)
    assert sum(kill.in_the_middle for kill in kills) > KILLS / 2
    assert sum(kill.unacked > 0 for kill in kills) > KILLS / 4  # between commit and ack


def test_an_archivist_killed_20_times_during_5000_letters_files_each(our_world: World) -> None:
    our_world.start("state", "archivist")
    chance = random.Random("archivist")
    kills = list[Kill]()

    for life in range(KILLS):
        wave = [bad(index) for index in range(life * WAVE, (life + 1) * WAVE)]
        kills.append(kill_in_the_middle(our_world, "archivist", wave, life * WAVE, chance))
        our_world.start("archivist")

    count = KILLS * WAVE
    our_world.settle(
        lambda: our_world.count("SELECT count(*) FROM letters") == count and not our_world.depths()["dead"]
    )
    print(f"archivist: {kills}")
    assert our_world.count("SELECT count(*) FROM letters WHERE reason = 'bad_ic_number'") == count
    assert audit(our_world.engine, None).clean
    assert sum(kill.in_the_middle for kill in kills) > KILLS / 2


def test_a_mail_server_that_goes_and_comes_30_times_costs_nothing(our_world: World) -> None:
    our_world.start(*ALL)
    flaps, wave = 30, 100

    for flap in range(flaps):
        arrived = mail_arrives(our_world)
        publish(our_world.amqp_url, registrations(wave, first=flap * wave))
        eventually("a mail arrives", arrived, within=RETURN_SECONDS, every=0.005)
        our_world.catcher.kill()
        our_world.catcher.start()

    our_world.settle(lambda: our_world.count(ACCEPTED) == flaps * wave, within=240)
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


def mail_arrives(world: World) -> Callable[[], bool]:
    """Whether a mail was caught since now."""
    before = world.mails_caught()
    return lambda: world.mails_caught() > before


def kill_in_the_middle(world: World, service: str, wave: Sequence[Message], before: int, chance: random.Random) -> Kill:
    """Kill a service somewhere in the middle of a wave that pours in, with so many events `before` it."""
    queues, committed = VICTIMS[service]
    goal, killed = before + round(chance.uniform(0.05, 0.95) * len(wave)), Event()

    def progress() -> int:
        return world.count(committed)

    def waiting() -> int:
        depths = world.depths()
        return sum(depths[queue] for queue in queues)

    def is_worked(start: int) -> bool:
        return killed.is_set() or progress() >= before + start - AHEAD

    def pour() -> None:
        """No more than a few ahead of the worker, so that no batch holds the whole wave."""
        for start in range(1, len(wave), FEW):
            eventually("it is worked", partial(is_worked, start), every=0.002)
            assert publisher.publish_and_wait(wave[start : start + FEW], 30), "the broker did not confirm"

    with publishing(world.amqp_url) as publisher, ThreadPoolExecutor(1) as pool:
        assert publisher.publish_and_wait(wave[:1], 30)
        eventually(f"{service} is up again and has done what was left", lambda: progress() > before, every=0.01)
        poured = pool.submit(pour)
        eventually(f"{service} has committed {goal}", lambda: progress() >= goal, every=0.002)
        eventually("a moment later", after(chance.uniform(0, 0.02)), every=0.001)
        world.kill(service)
        killed.set()
        poured.result()

    total = before + len(wave)
    eventually("the broker knows that it is gone", lambda: not world.consumers(queues[0]))
    eventually("what is not committed waits", lambda: progress() + waiting() >= total)
    return Kill(progress() - before, progress() + waiting() - total)


@contextmanager
def publishing(amqp_url: str) -> Iterator[Publisher]:
    """A publisher at hand."""
    publisher = Publisher([amqp_url], "test")
    publisher.start()
    try:
        yield publisher
    finally:
        publisher.stop()


def after(seconds: float) -> Callable[[], bool]:
    """Comes true some seconds from now: a kill must meet every moment of the work, not always the same one."""
    until = time.monotonic() + seconds
    return lambda: time.monotonic() >= until


def bad(index: int) -> Message:
    """A registration with an impossible date of birth."""
    return message(hr_event(f"bad-{index}", registration(index, ic_number=f"851399{index:06d}")))
