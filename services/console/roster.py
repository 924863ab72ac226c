"""Who is at work: each service's processes, where, in which version, and what they wait for. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.events import Lane
from services.console.broker import Broker
from services.console.funnel import Refusal
from shared.broker.topology import DEAD_QUEUE, SERVICES, work_queue
from shared.operations.queues import Line

PAGES: Final = ("portal", "console")
_QUEUES: Final[Mapping[str, Sequence[str]]] = {
    **{service: [work_queue(service, lane) for lane in Lane] for service in SERVICES},
    "archivist": [DEAD_QUEUE],
}
_WAITS_FOR: Final = {"mailer": "its mail server or the database, as far as it can reach them"}
_DATABASE: Final = "the database, as far as it can reach it"
_STANDING_SAMPLES: Final = 3
"""Of 20 s each, so that one that is merely slow is not thought to stand still; a pause holds for a minute."""


@dataclass(frozen=True, slots=True)
class Row:
    """One service: the host of each of its processes, how many run each version, and how many of them take nothing."""

    service: str
    hosts: tuple[str, ...]
    versions: Mapping[str, int]
    paused: int = 0
    waits_for: str = ""

    @property
    def running(self) -> int:
        """How many processes there are."""
        return len(self.hosts)

    @property
    def is_paused(self) -> bool:
        """Whether none of those that are there gets anything done."""
        return 0 < self.running == self.paused


def roster(broker: Broker, lines: Sequence[Line], refusal: Refusal | None) -> list[Row]:
    """Every service, those that nobody runs too."""
    return list(_rows(broker, {line.queue: line for line in lines}, refusal))


def worker_of(queue: str) -> str | None:
    """The service that works a queue; None where none of ours does all the time."""
    return next((service for service, queues in _QUEUES.items() if queue in queues), None)


def versions(rows: Sequence[Row]) -> set[str]:
    """All versions at work."""
    return {version for row in rows for version in row.versions}


def _rows(broker: Broker, lines: Mapping[str, Line], refusal: Refusal | None) -> Iterator[Row]:
    for service in (*_QUEUES, *PAGES):
        processes = [process for process in broker.processes if process.service == service]
        hosts = tuple(sorted(process.host for process in processes))
        its = [lines[queue] for queue in _QUEUES.get(service, ()) if queue in lines and lines[queue].is_there]
        is_refused = service == "mailer" and refusal is not None
        stands_still = any(_stands_still(broker, line, is_refused) for line in its)
        paused = len(hosts) if stands_still else _missing(its, len(hosts))
        waits_for = _waits_for(service, broker, refusal) if paused else ""
        yield Row(service, hosts, Counter(process.version for process in processes), paused, waits_for)


def _stands_still(broker: Broker, line: Line, is_refused: bool) -> bool:
    """Whether a worker has messages in hand and nothing comes of them, as it holds them when it begins to pause."""
    if not line.unacked or not line.consumers or line.rate_out:
        return False
    newest = broker.samples.get(line.queue, ())[-_STANDING_SAMPLES:]
    return is_refused or (len(newest) == _STANDING_SAMPLES and 0 < newest[0] <= newest[-1])


def _missing(lines: Sequence[Line], running: int) -> int:
    """How many of those that run consume nothing: one that pauses for long has handed back what it held."""
    return max(0, running - min((line.consumers for line in lines), default=running))


def _waits_for(service: str, broker: Broker, refusal: Refusal | None) -> str:
    if broker.alarms:
        return "RabbitMQ, which takes nothing while its alarm lasts"
    if service == "mailer" and refusal is not None:
        return f"its mail server: “{refusal.reply}”"
    return _WAITS_FOR.get(service, _DATABASE)
