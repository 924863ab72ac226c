"""A replay of 10,000 letters whose process is killed 20 times in the middle of its work: each takes effect once.

A gate in the database stops each process after a portion is sent and before it is marked, and the kill meets it there.
Every fifth is killed while it sends one.
"""

from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from services.cli.servers.ladder import Servers
from shared.broker.publisher import Message
from shared.broker.topology import HOME
from shared.operations.carrying import PORTION
from shared.operations.ledger import audit
from tests.support.console import OPERATOR, console_on, replays
from tests.support.gate import Gate, gate
from tests.support.letters import file_all, letter
from tests.support.registrations import hr_event, publish, registration
from tests.support.replaying import REPLAY, WORKED, audited, replay
from tests.support.tap import Tap
from tests.support.waiting import eventually
from tests.support.world import World

LETTERS, KILLS, MAIL_EACH, SENDING_EACH = 10_000, 20, 20, 5
MARKED = "SELECT count(*) FROM replays WHERE published_at IS NOT NULL"
ACCEPTED = "SELECT count(*) FROM mails WHERE result = 'accepted'"
SESSIONS = {REPLAY: "aktif-cli", "console": "aktif-console-replay"}
"""What those who carry on a replay call themselves in the database."""


class Kill(NamedTuple):
    """What a kill met: how many letters were marked, and how many were sent and not marked."""

    marked: int
    in_flight: int


def test_a_command_killed_20_times_while_it_replays_10000_letters_has_each_take_effect_once(our_world: World) -> None:
    our_world.start("state", "mailer", "archivist")
    publish(our_world.amqp_url, map(dead, range(LETTERS)))
    eventually("the letters are filed", lambda: our_world.count("SELECT count(*) FROM letters") == LETTERS, within=60)
    kills = list[Kill]()

    with gate(our_world.engine, "replays", "UPDATE") as mark:
        mark.closes()
        for life in range(KILLS):
            replay(our_world, "--resume=1" if life else "--yes")
            kills.append(killed_in_the_middle(our_world, mark, life, REPLAY))
    last = replay(our_world, "--resume=1", "--wait=60")
    assert last.wait(120) == 0, our_world.log_of(REPLAY)[-2000:]

    assert_each_took_effect_once(our_world, kills)
    assert audited(our_world) == ["replay", *["replay_resume"] * KILLS, "replay_done"]


def test_a_console_killed_20_times_while_it_replays_10000_letters_is_followed_by_one_that_goes_on(
    own_servers: Servers, tmp_path: Path
) -> None:
    with console_on(own_servers, tmp_path) as console, gate(console.world.engine, "replays", "UPDATE") as mark:
        our_world, kills = console.world, list[Kill]()
        file_all(our_world.engine, map(dead, range(LETTERS)))
        visitor = console.visited_by(OPERATOR)
        mark.closes()

        page = replays(visitor, "reason=database_error", rate="", stop_after="")
        for life in range(KILLS):
            kills.append(killed_in_the_middle(our_world, mark, life, "console"))
            console.starts()
        mark.opens()

        console.is_ready()
        words = "10,000 of 10,000 letters have a result"
        eventually("the page says so", lambda: words in visitor.goes_to(page.path).html, within=60, every=0.2)
        shown = visitor.goes_to(page.path).html
        assert f"<dt>Worked</dt><dd>{LETTERS:,}</dd>" in shown
        assert '<span class="tag">done</span>' in shown
        assert_each_took_effect_once(our_world, kills)
        assert audited(our_world) == ["replay", "replay_done"]


def dead(index: int) -> Message:
    """The letter of a good registration, some of which mail."""
    return letter(hr_event(f"reg-{index}", registration(index, notify=index % MAIL_EACH == 0)))


def killed_in_the_middle(world: World, mark: Gate, life: int, victim: str) -> Kill:
    """Let whoever replays mark a portion, or two, or none; kill it with the next one sent; count when all is worked."""
    for _ in range(life % 3):
        mark.lets_one_through()
    mark.is_reached()
    is_sending = life % SENDING_EACH == SENDING_EACH - 1
    if is_sending:
        goes_on_sending(world, mark)
    marked = world.count(MARKED)
    assert marked + PORTION < LETTERS, "something is left to send"
    if not is_sending and life % 2:  # else what is sent again may find its first copy still on its way
        eventually("what it sent has taken effect", lambda: world.count(WORKED) == marked + PORTION)

    world.kill(victim)
    mark.is_rid_of(SESSIONS[victim])

    assert world.count(MARKED) == marked, "its marks died with it"
    sent = marked + (1 if is_sending else PORTION)
    eventually("what it sent is worked", lambda: world.waiting() == 0 and world.count(WORKED) >= sent)
    return Kill(marked, world.count(WORKED) - marked)


def goes_on_sending(world: World, mark: Gate) -> None:
    """Let a portion be marked, and wait for the first letter of the next."""
    with closing(Tap(world.amqp_url, HOME)) as tap:
        mark.lets_one_through()
        eventually("a letter is sent", tap.waiting, every=0.001)


def assert_each_took_effect_once(world: World, kills: list[Kill]) -> None:
    """Every letter sent, worked and mailed, none of them twice, whatever the kills met."""
    print(f"kills: {kills}")
    assert all(kill.in_flight > 0 for kill in kills), "each met letters that were sent and not marked"
    mailed = LETTERS // MAIL_EACH
    world.settle(lambda: world.count(ACCEPTED) == mailed)
    assert world.count(WORKED) == world.count("SELECT count(*) FROM accounts") == LETTERS
    once = "SELECT count(*) FROM (SELECT 1 FROM history WHERE outcome = 'applied' AND event LIKE 'Activation%' "
    assert world.count(f"{once} GROUP BY source, id HAVING count(*) = 1) AS once") == LETTERS
    assert world.count("SELECT count(*) FROM letters") == LETTERS
    assert world.count("SELECT count(*) FROM replays WHERE replay = 1 AND published_at IS NOT NULL") == LETTERS
    assert world.mails_caught() == mailed
    eventually("the ledger is clean", lambda: audit(world.engine, None).clean, within=10)
