"""The state worker, one process, 20,000 registrations: against the plain pika worker and against the floor."""

from functools import partial
from typing import Final

from services.cli.servers.ladder import Servers
from tests.bench.report import Figure
from tests.bench.stage import stage
from tests.support.registrations import registrations

COUNT: Final = 20_000
_PLAIN_COUNT: Final = 2_000
_ROUNDS: Final = 3


def measure(servers: Servers) -> list[Figure]:
    """Registrations a second; floor and worker in turns, the best of each, since other work only ever slows."""
    plain = max(_rate(servers, "tests.bench.plain_worker", _PLAIN_COUNT) for _ in range(2))
    turns = [(_rate(servers, "tests.bench.floor"), _rate(servers, "services.state")) for _ in range(_ROUNDS)]
    floor, ours = max(turn[0] for turn in turns), max(turn[1] for turn in turns)
    return [
        Figure("state: plain pika worker", plain, "registrations/s"),
        Figure("state: the floor, no domain logic", floor, "registrations/s"),
        Figure("state worker", ours, "registrations/s"),
        Figure("state worker : plain", ours / plain, "times", wanted=15, aim=25),
        Figure("state worker : floor", ours / floor, "times", wanted=0.6, aim=0.85),
    ]


def _rate(servers: Servers, module: str, count: int = COUNT) -> float:
    with stage(servers) as on:
        on.fill(registrations(count))
        with on.process(module):
            return on.rate(partial(on.depth, "mailer.bulk"), count)
