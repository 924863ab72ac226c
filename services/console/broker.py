"""What the broker's management API says of queues, alarms and processes, with its own samples of the last minutes."""

import http.client
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.broker.management import ConnectionState, ManagementApi, ManagementError, QueueState

AGE_SECONDS: Final = 600
_STEP_SECONDS: Final = 20
_ONE_A_PROCESS: Final = re.compile(r"aktif-([a-z]+(?=-consume)|(?:portal|console)(?=-publish))-[a-z]+@(.+)")
"""Workers have a connection for consuming and another for publishing, pages only the latter."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process of a service that has a connection open."""

    service: str
    host: str
    version: str


@dataclass(frozen=True, slots=True)
class Broker:
    """What was seen; `fault` is why nothing was, in a few words."""

    queues: Sequence[QueueState] = ()
    samples: Mapping[str, Sequence[float]] = field(default_factory=dict)
    alarms: Sequence[str] = ()
    processes: Sequence[Process] = ()
    fault: str | None = None


def look(api: ManagementApi) -> Broker:
    """Look once. Raises nothing: a board without a broker still says what it knows."""
    try:
        processes = [found for each in api.connections() if (found := _process(each))]
        return Broker(api.queues(), api.depths(AGE_SECONDS, _STEP_SECONDS), api.alarms(), processes)
    except ManagementError as error:
        return Broker(fault=f"the management API refuses: {error}"[:200])
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        return Broker(fault=f"the management API does not answer ({type(error).__name__})")


def _process(connection: ConnectionState) -> Process | None:
    found = _ONE_A_PROCESS.fullmatch(connection.client)
    return Process(found[1], found[2], connection.version) if found else None


def sparkline(samples: Sequence[float], *, width: int = 100, height: int = 20) -> str:
    """The points of a polyline; the scale begins at 0."""
    if len(samples) < 2:
        return ""
    most = max(*samples, 1)
    step = width / (len(samples) - 1)
    heights = (height - 1 - value / most * (height - 2) for value in samples)
    return " ".join(f"{index * step:.1f},{at:.1f}" for index, at in enumerate(heights))
