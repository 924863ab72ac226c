"""The board: what waits where, who works on it, how far people are, and what is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from services.console import funnel
from services.console.broker import AGE_SECONDS, Broker, sparkline
from services.console.funnel import Numbers
from services.console.kept import Kept
from services.console.roster import Row, roster, versions, worker_of
from services.console.visit import Visit
from services.console.wrong import wrongs
from shared.broker.topology import DEAD_QUEUE, SERVICES
from shared.clock import now
from shared.operations.queues import Known, Line, known, lines
from shared.store.engine import name_of
from shared.wording import age

_KEEP_SECONDS: Final = 5.0
_numbers: Final = Kept(funnel.numbers, _KEEP_SECONDS)
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Shown:
    """A queue on the board; `drain` is how many seconds it needs to be empty at this rate, where it shrinks."""

    line: Line
    points: str
    most: int
    drain: float | None


async def show(visit: Visit) -> Response:
    """Everything at a glance."""
    broker = await visit.desk.broker()
    of_database, numbers = await _of_database(visit)
    seen = lines(broker.queues, of_database) if not broker.fault else []
    rows = roster(broker, seen, numbers.refusal if numbers else None) if not broker.fault else []
    return visit.page(
        "board",
        broker=broker,
        groups=_groups(seen, broker, rows),
        numbers=numbers,
        wrongs=wrongs(broker, seen, numbers, rows, now()),
        services=rows,
        versions=len(versions(rows)),
        minutes=AGE_SECONDS // 60,
    )


async def _of_database(visit: Visit) -> tuple[Known, Numbers | None]:
    """What the database knows; what it cannot say quickly is left out, and the board says so."""
    try:
        return await visit.desk.in_database(known), await visit.desk.in_database(_numbers)
    except SQLAlchemyError as error:
        _log.warning("board_without_numbers", error=name_of(error))
        return Known({}, None), None


def _groups(seen: Sequence[Line], broker: Broker, rows: Sequence[Row]) -> list[tuple[str, list[Shown]]]:
    paused = {row.service for row in rows if row.is_paused}
    groups: dict[str, list[Shown]] = {
        "Work": [],
        "Waiting for another try": [],
        "Dead letters": [],
        "HR feeds": [],
        "Others": [],
    }
    for line in seen:
        worker = worker_of(line.queue)
        is_paused = line.is_there and worker in paused
        said = replace(line, remark=_paused(line, f"see {worker} below"), is_wrong=True) if is_paused else line
        groups[_group(line.queue)].append(_shown(said, broker))
    return [(name, shown) for name, shown in groups.items() if shown]


def _paused(line: Line, look: str) -> str:
    since = f", the last event was taken {age(line.last_taken)} ago" if line.last_taken is not None else ""
    return f"paused{since}: {look}"


def _group(queue: str) -> str:
    service = queue.partition(".")[0]
    if service in SERVICES:
        return "Work"
    return {"wait": "Waiting for another try", DEAD_QUEUE: "Dead letters", "feed": "HR feeds"}.get(service, "Others")


def _shown(line: Line, broker: Broker) -> Shown:
    samples = broker.samples.get(line.queue, ())
    shrinks = line.rate_out - line.rate_in
    drain = line.messages / shrinks if line.messages and shrinks > 0.1 else None
    return Shown(line, sparkline(samples), int(max(samples, default=0)), drain)
