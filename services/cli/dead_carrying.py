"""Carrying a replay on at a terminal: a bar, an end in order at Ctrl-C, and a while of waiting for results."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from shared.operations.carrying import Turn
    from shared.operations.results import Progress
    from shared.settings import Settings

_FRAME_SECONDS: Final = 0.5


def carry_on(of: "Settings", engine: "Engine", operation: int, who: str, patience: float) -> "Progress":
    """Publish until it is over or a signal comes, then wait a while for results."""
    from services.cli.publishing import publishing
    from shared.operations import carrying
    from shared.operations.results import State

    try:
        with publishing(of.broker_urls()) as broker, _ending() as ending, _bar(engine, operation) as draw:

            def on_turn(_: "Turn") -> None:
                draw()

            state = carrying.carry_on(engine, operation, broker.send, wait=ending.wait, on_turn=on_turn)
            if ending.is_set() and state is State.RUNNING:
                with engine.begin() as connection:
                    carrying.cancel(connection, operation, who)
                carrying.carry_on(engine, operation, broker.send, wait=threading.Event().wait)  # until it has ended
            return _results(engine, operation, time.monotonic() + patience, ending, draw)
    except Exception:
        sys.stderr.write(f"aktif: replay {operation} is not over; `aktif dead replay --resume {operation}` goes on\n")
        raise


def _results(
    engine: "Engine", operation: int, until: float, ending: threading.Event, draw: Callable[[], None]
) -> "Progress":
    from shared.operations.results import progress

    while True:
        with engine.connect() as connection:
            found = progress(connection, operation)
        draw()
        if not found.waiting or time.monotonic() > until or ending.wait(_FRAME_SECONDS):
            return found


@contextmanager
def _ending() -> Iterator[threading.Event]:
    """Set by the first Ctrl-C or SIGTERM; the second Ctrl-C ends at once."""
    ending = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def end(_: int, __: Any) -> None:
        ending.set()
        signal.signal(signal.SIGINT, before[signal.SIGINT])

    for number in before:
        signal.signal(number, end)
    try:
        yield ending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _bar(engine: "Engine", operation: int) -> Iterator[Callable[[], None]]:
    """A function that draws how far it is, on a terminal, twice a second at most."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    from services.cli.output import console
    from shared.operations.results import progress

    screen = console(stderr=True)
    columns = (TextColumn("replaying"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[words]}"))
    drawn = 0.0
    with Bar(*columns, TimeElapsedColumn(), console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task("replaying", total=None, words="")

        def draw() -> None:
            nonlocal drawn
            if bar.disable or time.monotonic() - drawn < _FRAME_SECONDS:
                return
            with engine.connect() as connection:
                now = progress(connection, operation)
            words = f"{now.worked:,} worked, {now.failed:,} failed again, {now.waiting:,} waiting"
            bar.update(task, completed=now.published, total=now.letters, words=words)
            drawn = time.monotonic()

        yield draw
