"""The state worker, one process, 20,000 registrations: against the plain pika worker and against the floor."""

from functools import partial
from typing import Final

from services.cli.servers.ladder import Servers
from tests.support.registrations import registrations
from tests.bench.stage import stage

COUNT: Final = 20_000
PLAIN_COUNT: Final = 2_000
_QUEUE: Final = "mailer.bulk"


def measure(servers: Servers, module: str, count: int) -> float:
    """Registrations a second that one process of a module turns into confirmed MailRequested events."""
    with stage(servers) as on:
        on.fill(registrations(count))
        with on.process(module):
            return on.rate(partial(on.depth, _QUEUE), count)
