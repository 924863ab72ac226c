"""Two operators who press replay at the same moment: each letter goes out once, and the audit says who took how many.

A gate in the database lets both in together, as soon as both stand before it.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Final, NamedTuple

import pytest

from services.cli.servers.ladder import Servers
from shared.broker.publisher import Message
from shared.broker.topology import HOME
from shared.operations.people import Role
from tests.support.console import OPERATOR, Console, console_on, sends
from tests.support.gate import gate
from tests.support.letters import file_all, letter, registrations_dead
from tests.support.registrations import hr_event, registration
from tests.support.replaying import WORKED, replay
from tests.support.tap import Tap
from tests.support.waiting import eventually

LETTERS, OTHERS, ROUNDS = 600, 200, 3
ONE, TWO, COMMAND_LINE = "one console", "two consoles", "a console and the command line"
SECOND: Final = "siti.operator"
GROUP: Final = "reason=database_error&status=open"
NOTHING_LEFT: Final = "No letter is left to send"
TOLD: Final = (
    "SELECT a.who, CAST(a.details ->> 'taken' AS int), (SELECT count(*) FROM replays r WHERE r.operation_id = "
    "CAST(substring(a.subject, '[0-9]+') AS bigint)) FROM audit a WHERE a.what = 'replay' AND a.audit_id > :before"
)
TWICE: Final = "SELECT count(*) FROM (SELECT 1 FROM history GROUP BY source, id HAVING count(*) > 1) AS twice"


class Took(NamedTuple):
    """What the audit says that somebody took, and how many letters are marked as taken so."""

    who: str
    said: int
    has: int


Press = Callable[[], bool]
"""Has an operator press; says whether letters were left for that."""


@pytest.fixture(scope="module")
def consoles(session_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Console, Console]]:
    """All of Aktif, with two consoles."""
    with console_on(session_servers, tmp_path_factory.mktemp("consoles"), "state") as first:
        first.knows(SECOND, Role.OPERATOR)
        with closing(first.opens_another()) as second:
            yield first, second


@pytest.mark.parametrize("at", [ONE, TWO, COMMAND_LINE])
def test_a_group_that_two_replay_at_once_goes_out_once_and_is_said_to_be_one_operators(
    consoles: tuple[Console, Console], at: str
) -> None:
    first, second = consoles
    for _ in range(ROUNDS):
        letters = registrations_dead(LETTERS, first=filed(first))
        file_all(first.world.engine, letters)
        other = typed(first) if at == COMMAND_LINE else opened({ONE: first, TWO: second}[at], SECOND, GROUP)

        found, took = pressed_at_once(first, [other, opened(first, OPERATOR, GROUP)], letters)

        assert sorted(one.said for one in took if one.said) == [LETTERS]
        assert all(one.said == one.has for one in took)
        assert len(took) == sum(found), "who was told that nothing is left is not said to have taken anything"


def test_who_shares_some_letters_with_another_takes_the_rest(consoles: tuple[Console, Console]) -> None:
    first, second = consoles
    for _ in range(ROUNDS):
        begin = filed(first)
        group = registrations_dead(LETTERS, first=begin)
        others = [other_cause(index) for index in range(begin + LETTERS, begin + LETTERS + OTHERS)]
        shared = file_all(first.world.engine, group)[-OTHERS:]
        chosen = "&".join(f"letter={number}" for number in [*shared, *file_all(first.world.engine, others)])

        found, took = pressed_at_once(
            first, [opened(first, OPERATOR, GROUP), opened(second, SECOND, chosen)], [*group, *others]
        )

        assert found == [True, True]
        assert {one.who for one in took} == {OPERATOR, SECOND}
        assert all(one.said == one.has > 0 for one in took)


def filed(console: Console) -> int:
    """How many letters there are, so that the next ones are of other people."""
    return console.world.count("SELECT count(*) FROM letters")


def other_cause(index: int) -> Message:
    """The letter of a good registration that died of something else."""
    return letter(hr_event(f"reg-{index}", registration(index, notify=False)), "internal_error")


def opened(console: Console, who: str, query: str) -> Press:
    """Somebody looks at the plan; what is given is the press of the button on it."""
    visitor = console.visited_by(who)
    plan = visitor.goes_to(f"/letters/replay?{query}")

    def press() -> bool:
        page = sends(visitor, plan, "/letters/replay", why="dibaiki", rate="", stop_after="")
        assert page.status == 200 or NOTHING_LEFT in page.html
        return page.status == 200

    return press


def typed(console: Console) -> Press:
    """Somebody at the command line, who replays all that is left."""

    def press() -> bool:
        process = replay(console.world, "--yes", "--wait=0")
        assert process.wait(60) == 0
        return True

    return press


def pressed_at_once(
    console: Console, presses: Sequence[Press], letters: Sequence[Message]
) -> tuple[list[bool], list[Took]]:
    """Both press; what each found, and what the audit says that each took. Every letter must have been sent once."""
    before = console.world.count("SELECT max(audit_id) FROM audit")
    with closing(Tap(console.world.amqp_url, HOME)) as tap, ThreadPoolExecutor(len(presses)) as pool:
        with gate(console.world.engine, "replays", "INSERT") as at:
            at.closes()
            pressed = list[Future[bool]]()
            for press in presses:
                pressed.append(pool.submit(press))
                at.is_reached(by=len(pressed))
        found = [one.result() for one in pressed]
        eventually("all replays are over", lambda: not running(console))
        console.world.settle(lambda: console.world.count(WORKED) == filed(console))
        sent = sorted(one.body for one in tap.seen())
    assert sent == sorted(one.body for one in letters)
    assert console.world.count(TWICE) == 0
    return found, [Took(*row) for row in console.asks(TOLD, before=before)]


def running(console: Console) -> int:
    """How many replays are not over."""
    return console.world.count("SELECT count(*) FROM operations WHERE state = 'running'")
