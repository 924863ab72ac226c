"""10,000 replayed letters that all die again, and the archivist killed 20 times while it files them.

Every other kill meets a batch in hand of which nothing is written; the others one that is being committed, so that it
is filed and nobody acks it. Gates in the database hold the archivist at these moments.
"""

from typing import NamedTuple

from shared.operations import results
from shared.operations.ledger import audit
from shared.operations.results import State
from shared.operations.standing import Result
from tests.support.gate import Gate, Stands, gate
from tests.support.letters import bad_ones_dead, file_all
from tests.support.replaying import audited, replay
from tests.support.world import World

LETTERS, KILLS, A_SECOND = 10_000, 20, 1000
ARCHIVIST = "aktif-archivist"
AGAIN = "SELECT count(*) FROM letters WHERE replay = 1"
TIMES = "SELECT COALESCE(sum(times), 0) FROM letters WHERE replay = 1"


class Kill(NamedTuple):
    """What a kill met: how many letters were filed by then, and how many were filed with it and not acked."""

    filed: int
    unacked: int


def test_an_archivist_killed_20_times_while_10000_letters_die_again_files_each_once(our_world: World) -> None:
    file_all(our_world.engine, bad_ones_dead(LETTERS))
    our_world.start("state")
    with (
        gate(our_world.engine, "letters") as write,
        gate(our_world.engine, "letters", stands=Stands.IN_THE_COMMIT) as commit,
    ):
        sending = replay(our_world, "--yes", f"--rate={A_SECOND}", "--wait=240")
        kills = [killed_in_the_middle(our_world, commit if life % 2 else write, life) for life in range(KILLS)]
    our_world.start("archivist")

    assert sending.wait(300) == 1, "it says that letters failed again"
    our_world.settle(lambda: not our_world.depths()["dead"])
    assert our_world.stop("archivist") == 0
    assert our_world.depths()["dead"] == 0, "nor had it anything in hand"
    print(f"kills: {kills}")
    assert our_world.count("SELECT count(*) FROM letters") == 2 * LETTERS
    assert our_world.count(AGAIN) == our_world.count(f"{AGAIN} AND reason = 'bad_ic_number'") == LETTERS
    assert our_world.count(TIMES) == LETTERS, "what was filed and not acked is not filed again"
    assert [kill.unacked > 0 for kill in kills] == [False, True] * (KILLS // 2)
    assert_each_failed_again(our_world)
    assert audited(our_world) == ["replay", "replay_done"]
    assert audit(our_world.engine, None).clean


def killed_in_the_middle(world: World, closed: Gate, life: int) -> Kill:
    """Kill an archivist that has filed some batches, or none, at a gate that it meets with the next."""
    closed.closes()
    world.start("archivist")
    for _ in range(life % 3 * 4):
        closed.lets_one_through()
    closed.is_reached()
    filed, times = world.count(AGAIN), world.count(TIMES)
    assert filed < LETTERS, "something is left to file"

    world.kill("archivist")
    closed.is_rid_of(ARCHIVIST)
    closed.opens()

    return Kill(filed, world.count(TIMES) - times)


def assert_each_failed_again(world: World) -> None:
    """The replay says of each letter that it failed, and as which."""
    with world.engine.connect() as connection:
        progress = results.progress(connection, 1)
        found = results.results(connection, 1, limit=LETTERS + 1)
    assert (progress.state, progress.failed, progress.letters) == (State.DONE, LETTERS, LETTERS)
    assert {one.result for one in found} == {Result.FAILED}
    assert len({one.failed_as for one in found} - {one.letter_id for one in found}) == len(found) == LETTERS
