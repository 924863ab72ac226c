"""Dead letters of a test's own: as workers send them, and filed at once."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Engine

from schemas.events import Exchange, Lane
from services.archivist.letters import file
from shared.broker.publisher import Message
from shared.broker.topology import LETTERS
from shared.broker.verdicts import Delivery
from shared.clock import now
from shared.store import tables
from shared.store.bulk import insert_rows
from tests.support.registrations import hr_event, registration


def letter(
    event: dict[str, Any] | bytes,
    reason: str = "database_error",
    *,
    queue: str = "state.bulk",
    origin: str = Exchange.HR,
    field: str | None = None,
    detail: str = "DiskFull 53100",
    replay: int = 0,
) -> Message:
    """A letter as a worker publishes it, of an event that could be worked when the database has room again."""
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    headers: dict[str, str | int] = {
        "x-service": queue.partition(".")[0],
        "x-queue": queue,
        "x-origin": origin,
        "x-lane": queue.rpartition(".")[2],
        "x-attempt": 5,
        "x-replay": replay,
        "x-reason": reason,
        "x-detail": detail,
        "x-died-at": now().isoformat(),
        **({"x-field": field} if field else {}),
    }
    return Message(LETTERS, queue, body, headers=headers)


def registrations_dead(count: int, *, first: int = 0, **changes: Any) -> list[Message]:
    """Letters of good registrations without mail, that died of the database."""
    return [
        letter(hr_event(f"reg-{index}", registration(index, **{"notify": False, **changes})))
        for index in range(first, first + count)
    ]


def bad_ones_dead(count: int, *, first: int = 0) -> list[Message]:
    """Letters of registrations with an impossible date of birth, which die again whenever they are replayed."""
    return [
        letter(
            hr_event(f"bad-{index}", registration(index, ic_number=f"851399{index:06d}")),
            "bad_ic_number",
            field="data.ic_number",
            detail="data.ic_number: the first six digits must be a date of birth (YYMMDD)",
        )
        for index in range(first, first + count)
    ]


def file_all(engine: Engine, messages: Iterable[Message]) -> Sequence[int]:
    """File letters as the archivist would; returns their numbers."""
    deliveries = [
        Delivery(one.body, None, LETTERS, Lane.LIVE, via=LETTERS, headers=one.headers or {}) for one in messages
    ]
    with engine.begin() as connection:
        before = connection.exec_driver_sql("SELECT COALESCE(max(letter_id), 0) FROM letters").scalar_one()
        insert_rows(connection, tables.letters, [file(delivery) for delivery in deliveries])
        rows = connection.exec_driver_sql(f"SELECT letter_id FROM letters WHERE letter_id > {before} ORDER BY 1")
        return [row[0] for row in rows]
