"""What a terminal shows of the queues: first what is wrong, and all that fits."""

import io

from rich.console import Console

from services.cli.queues import Seen, screen
from shared.broker.topology import TOPOLOGY
from shared.operations.queues import Line

FEEDS = [Line(f"feed.negeri-{number}", 0, 0, 0, 0, 0) for number in range(12)]
OURS = [Line(queue.name, 0, 0, 1, 0, 0) for queue in TOPOLOGY.queues]


def shown(
    *lines: Line, height: int | None = None, alarms: tuple[str, ...] = (), has_database: bool = True
) -> list[str]:
    """The lines of the screen, 80 columns wide."""
    terminal = Console(file=io.StringIO(), width=80, color_system=None)
    with terminal.capture() as captured:
        terminal.print(screen(Seen(list(lines), list(alarms), has_database), height))
    return [line.rstrip() for line in captured.get().splitlines()]


def test_what_is_wrong_stands_above_the_queues_the_worst_first() -> None:
    feed = Line("feed.kelantan", 3, 0, 0, 0, 0, remark="nobody listens, which stops nobody")
    wrong = Line("state.live", 7, 0, 0, 0, 0, remark="no consumer: start `aktif state`", is_wrong=True)

    first, second, *rest = shown(feed, wrong)

    assert (first, second) == (f"state.live: {wrong.remark}", f"feed.kelantan: {feed.remark}")
    assert [line for line in rest if "state.live" in line]


def test_idle_queues_make_room_on_a_small_screen_and_what_is_wrong_stays() -> None:
    wrong = Line("mailer.bulk", 900, 0, 0, 0, 0, remark="no consumer: start `aktif mailer`", is_wrong=True)

    small, large = shown(*OURS, *FEEDS, wrong, height=23), shown(*OURS, *FEEDS, wrong, height=60)

    assert len(small) <= 23
    assert small[-1] == f"and {len(OURS) + len(FEEDS)} idle queues"
    assert sum("mailer.bulk" in line for line in small) == 2
    assert sum("feed.negeri" in line for line in large) == len(FEEDS)


def test_alarms_and_a_silent_database_are_said() -> None:
    said = shown(*OURS, alarms=("mem_alarm on rabbit@a",), has_database=False)

    assert said[0] == "RabbitMQ has an alarm and takes nothing from anybody: mem_alarm on rabbit@a"
    assert said[1].startswith("the database does not answer")
