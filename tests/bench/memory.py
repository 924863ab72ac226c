"""The memory of each worker while it works off 100,000 messages."""

import time
from functools import partial
from typing import Final

from schemas.events import Exchange
from services.cli.servers.ladder import Servers
from shared.broker.publisher import Message
from tests.bench.report import Figure
from tests.bench.stage import Stage, peak_memory, stage
from tests.support.registrations import hr_event, message, registration, registrations

COUNT: Final = 100_000
_LARGE_COUNT: Final = 1_500
_LARGE_BYTES: Final = 62_000
_WANTED: Final = 150


def measure(servers: Servers) -> list[Figure]:
    """The most that was resident, in MiB; the archivist also files letters of nearly the largest size."""
    with stage(servers) as on, on.process("services.state") as state, on.process("services.mailer") as mailer:
        on.fill(registrations(COUNT))
        _until_empty(on, "state.bulk", "mailer.bulk", "state.live")
        peaks = {"state": peak_memory(state), "mailer": peak_memory(mailer)}
    with stage(servers) as on, on.process("services.state"), on.process("services.archivist") as archivist:
        bad = (message(hr_event(f"bad-{i}", registration(i, ic_number=f"851399{i:06d}"))) for i in range(COUNT))
        on.fill(bad)
        _until_empty(on, "state.bulk", "dead")
        on.fill(Message(Exchange.HR, "bulk.X", b"%6d" % i * (_LARGE_BYTES // 6)) for i in range(_LARGE_COUNT))
        _until_empty(on, "state.bulk", "dead")
        peaks["archivist"] = peak_memory(archivist)
    return [
        Figure(f"{service}: peak memory over 100,000 messages", peak, "MiB", wanted=_WANTED, less_is_better=True)
        for service, peak in peaks.items()
    ]


def _until_empty(on: Stage, *queues: str, seconds: float = 600) -> None:
    until, empty_since = time.monotonic() + seconds, None
    depth = partial(map, on.depth, queues)
    while empty_since is None or time.monotonic() - empty_since < 2:
        if time.monotonic() > until:
            raise TimeoutError("the queues did not empty")
        empty_since = None if any(depth()) else (empty_since or time.monotonic())
        time.sleep(0.1)
