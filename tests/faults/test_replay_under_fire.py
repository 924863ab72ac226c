"""A replay that is killed again and again, by kill -9 and in the middle of its work: each letter takes effect once."""

import os
import random
import signal
import subprocess
import sys
from typing import NamedTuple

from services.cli.ledger import audit
from shared.broker.publisher import Message
from tests.support.letters import letter
from tests.support.registrations import hr_event, publish, registration
from tests.support.waiting import eventually
from tests.support.world import KEYS, World

LETTERS, KILLS, MAIL_EACH = 10_000, 20, 20
MARKED = "SELECT count(*) FROM replays WHERE published_at IS NOT NULL"
WORKED = "SELECT count(*) FROM state_inbox WHERE type = 'aktif.ActivationRequested.v1'"
LEFT = "SELECT count(*) FROM replays WHERE published_at IS NULL"


class Kill(NamedTuple):
    """What a kill met: how many letters were left to send, and how many were sent and not marked."""

    left: int
    in_flight: int


def test_a_replay_of_10000_letters_killed_20_times_takes_effect_exactly_once(our_world: World) -> None:
    our_world.start("state", "mailer", "archivist")
    publish(our_world.amqp_url, (dead(index) for index in range(LETTERS)))
    eventually("the letters are filed", lambda: our_world.count("SELECT count(*) FROM letters") == LETTERS, within=60)
    chance = random.Random("replay")

    kills = [
        killed_in_the_middle(our_world, life, chance, "--yes" if life == 0 else "--resume=1") for life in range(KILLS)
    ]
    last = replay(our_world, "--resume=1", "--wait=60")
    assert last.wait(60) == 0

    print(f"kills: {kills}")
    assert all(kill.left > 0 for kill in kills), "each met a replay that was not over"
    assert any(kill.in_flight > 0 for kill in kills), "none met letters that were sent and not marked"
    mailed = LETTERS // MAIL_EACH
    our_world.settle(lambda: our_world.count("SELECT count(*) FROM mails WHERE result = 'accepted'") == mailed)
    assert our_world.count(WORKED) == our_world.count("SELECT count(*) FROM accounts") == LETTERS
    once = "SELECT count(*) FROM (SELECT 1 FROM history WHERE outcome = 'applied' AND event LIKE 'Activation%' "
    assert our_world.count(f"{once} GROUP BY source, id HAVING count(*) = 1) AS once") == LETTERS
    assert our_world.count("SELECT count(*) FROM letters") == LETTERS
    assert our_world.count("SELECT count(*) FROM replays WHERE replay = 1 AND published_at IS NOT NULL") == LETTERS
    assert our_world.mails_caught() == mailed
    assert audited(our_world) == ["replay", *["replay_resume"] * KILLS, "replay_done"]
    eventually("the ledger is clean", lambda: audit(our_world.engine, None).clean, within=10)


def dead(index: int) -> Message:
    """The letter of a good registration, some of which mail."""
    return letter(hr_event(f"reg-{index}", registration(index, notify=index % MAIL_EACH == 0)))


def replay(world: World, *arguments: str) -> "subprocess.Popen[bytes]":
    """`aktif dead replay` as a process of its own."""
    command = [sys.executable, "-m", "services.cli", "dead", "replay", "--why=fire", "--as=rahim", *arguments]
    settings = {**KEYS, "AKTIF_AMQP_URL": world.amqp_url, "AKTIF_DATABASE_URL": world.database_url}
    with (world.logs / "replay.log").open("ab") as log:
        return subprocess.Popen(command, env={**os.environ, **settings}, stdout=log, stderr=log, start_new_session=True)


def killed_in_the_middle(world: World, life: int, chance: random.Random, *arguments: str) -> Kill:
    """Kill a replay somewhere in the middle of its share of the work, and look when all that it sent is worked."""
    before, share = world.count(MARKED), LETTERS // KILLS
    goal = before + round(chance.uniform(0.1, 0.7) * share)
    process = replay(world, *arguments)
    eventually(f"life {life} has marked {goal}", lambda: world.count(MARKED) >= goal, within=60, every=0.002)
    eventually("a moment later", lambda: chance.random() < 0.3, every=0.005)
    process.kill()
    assert process.wait(10) == -signal.SIGKILL, (world.logs / "replay.log").read_text()[-2000:]
    eventually("what was sent is worked", lambda: world.waiting() == 0 and rests(world), within=60)
    marked = world.count(MARKED)
    return Kill(world.count(LEFT), world.count(WORKED) - marked)


def rests(world: World) -> bool:
    """Whether state has committed all that was marked, at least."""
    return world.count(WORKED) >= world.count(MARKED)


def audited(world: World) -> list[str]:
    """What the audit tells, in order."""
    with world.engine.connect() as connection:
        return [row[0] for row in connection.exec_driver_sql("SELECT what FROM audit ORDER BY audit_id")]
