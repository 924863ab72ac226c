"""Replaying letters: a plan first, then rows that are committed before anything is published.

One row for each letter and replay number, whose key lets two operators replay each letter once. `carrying` publishes.
A plan has its moment, by the database's clock, and what is then begun takes no letter that was filed later.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, text

from schemas.events import Lane
from shared.broker.topology import SERVICES, work_queue
from shared.operations import audit
from shared.operations.advice import UNSAFE, Action, advice
from shared.operations.filters import Filter, where
from shared.operations.standing import ABOUT, DONE_ABOUT, HAS_DIED_AGAIN, OBSOLETE, WORKED
from shared.store.planning import plan_anew

_HOMES: Final = [work_queue(service, lane) for service in SERVICES for lane in Lane]


class Fate(StrEnum):
    """What a replay would do with a letter; each has one."""

    FREE = "free"
    OBSOLETE = "obsolete"
    UNSAFE = "unsafe"
    """Somebody may have forged it."""
    WAITING = "waiting"
    """Replayed; neither worked nor dead yet."""
    REPLAYED = "replayed"
    """Replayed, with a result."""
    DISCARDED = "discarded"
    REGISTERED = "registered"
    HOMELESS = "homeless"
    """From a queue that is none of ours."""


@dataclass(frozen=True, slots=True)
class Order:
    """What an operator asks for.

    `rate` is letters a second, `most` how many at all; with `stop_after` it ends when so many have failed again, and
    sends no more at once than have worked so far (but `stop_after` of them).
    """

    wanted: Filter
    reason: str
    with_obsolete: bool = False
    with_unsafe: bool = False
    rate: float | None = None
    most: int | None = None
    stop_after: int | None = None

    def choice(self) -> dict[str, Any]:
        """Which letters, as it is kept."""
        return {
            "letters": self.wanted.as_json(),
            "with_obsolete": self.with_obsolete,
            "with_unsafe": self.with_unsafe,
        }

    def before(self, moment: datetime) -> "Order":
        """The same of letters that were filed before."""
        return replace(self, wanted=self.wanted.before(moment))

    @property
    def fates(self) -> tuple[Fate, ...]:
        """The fates of letters that are sent."""
        more = {Fate.OBSOLETE: self.with_obsolete, Fate.UNSAFE: self.with_unsafe}
        return (Fate.FREE, *(fate for fate, is_wanted in more.items() if is_wanted))


@dataclass(frozen=True, slots=True)
class Plan:
    """What a replay would do with what was filed before a moment: how many letters of each fate, by reason."""

    counts: Mapping[Fate, Mapping[str, int]]
    to_send: int
    at: datetime

    def number(self, fate: Fate) -> int:
        """The letters of one fate."""
        return sum(self.counts.get(fate, {}).values())

    @property
    def not_mended(self) -> Mapping[str, int]:
        """Of the letters that are free to be sent, those for which something else is advised, by reason."""
        free = self.counts.get(Fate.FREE, {}).items()
        return {reason: number for reason, number in free if advice(reason).action is not Action.REPLAY}

    @property
    def matching(self) -> int:
        """The letters that match."""
        return sum(map(self.number, Fate))


@dataclass(frozen=True, slots=True)
class Started:
    """An operation that was begun, and how many letters it has taken."""

    operation_id: int
    letters: int


_FATE: Final = (
    "CASE WHEN c.letter_id IS NOT NULL THEN c.kind "
    f"WHEN r.letter_id IS NOT NULL THEN CASE WHEN {WORKED} OR {HAS_DIED_AGAIN} THEN 'replayed' ELSE 'waiting' END "
    "WHEN NOT l.queue = ANY(CAST(:homes AS text[])) THEN 'homeless' "
    "WHEN l.reason = ANY(CAST(:unsafe AS text[])) THEN 'unsafe' "
    f"WHEN {OBSOLETE} IS NOT NULL THEN 'obsolete' ELSE 'free' END"
)
_LETTERS: Final = (
    f"SELECT l.letter_id, l.reason, l.replay, {_FATE} AS fate "  # noqa: S608
    f"FROM letters l {DONE_ABOUT}{ABOUT}WHERE {{where}}"
)
_PLAN: Final = (
    "SELECT reason, "  # noqa: S608
    + ", ".join(f"count(*) FILTER (WHERE fate = '{fate}') AS {fate}" for fate in Fate)
    + f" FROM ({_LETTERS}) AS planned GROUP BY reason"
)
_START: Final = text(
    "INSERT INTO operations (who, reason, filter, rate, most, stop_after, form_key) "
    "VALUES (:who, :reason, CAST(:filter AS jsonb), :rate, :most, :stop_after, :key) "
    "ON CONFLICT (form_key) DO NOTHING RETURNING operation_id"
)
_BEGUN: Final = text("SELECT operation_id, planned FROM operations WHERE form_key = :key")
_TAKE: Final = (
    "INSERT INTO replays (letter_id, replay, operation_id) SELECT l.letter_id, GREATEST(l.replay, "  # noqa: S608
    "(SELECT max(past.replay) FROM replays past WHERE past.letter_id = l.letter_id)) + 1, :operation "
    f"FROM ({_LETTERS}) AS l WHERE l.fate = ANY(CAST(:fates AS text[])) ORDER BY l.letter_id LIMIT :most "
    "ON CONFLICT DO NOTHING"
)
"""In the order of letters, so that two that take the same wait for each other at the first. GREATEST skips a null."""
_PLANNED: Final = text(
    "UPDATE operations SET planned = (SELECT count(*) FROM replays WHERE operation_id = :operation) "
    "WHERE operation_id = :operation"
)


def plan(connection: Connection, order: Order) -> Plan:
    """What the order would do now. Changes nothing."""
    at: datetime = connection.execute(text("SELECT now()")).scalar_one()
    condition, parameters = where(order.wanted.before(at))
    plan_anew(connection)
    rows = connection.execute(text(_PLAN.format(where=condition)), {**parameters, **_KNOWN})
    counts: dict[Fate, dict[str, int]] = {fate: {} for fate in Fate}
    for row in rows:
        for fate in Fate:
            if number := row._mapping[fate.value]:
                counts[fate][row.reason] = number
    to_send = sum(sum(counts.get(fate, {}).values()) for fate in order.fates)
    return Plan(counts, to_send if order.most is None else min(to_send, order.most), at)


def start(connection: Connection, who: str, order: Order, key: UUID | None = None) -> Started:
    """Begin an operation: take the letters, in this transaction. What another operation has taken is left to it.

    The same key begins one operation, however often it is given.
    """
    asked = {"who": who, "reason": order.reason, "filter": json.dumps(order.choice())}
    limits = {"rate": order.rate, "most": order.most, "stop_after": order.stop_after}
    operation_id: int | None = connection.execute(_START, {**asked, **limits, "key": key}).scalar()
    if operation_id is None:
        return Started(*connection.execute(_BEGUN, {"key": key}).one())
    letters = take(connection, operation_id, order)
    details = {"choice": {**order.choice(), "letters": order.wanted.masked()}, **limits, "taken": letters}
    audit.write(connection, who, "replay", operation_named(operation_id), order.reason, **details)
    return Started(operation_id, letters)


def take(connection: Connection, operation_id: int, order: Order) -> int:
    """Commit some letters to an operation; returns how many."""
    condition, parameters = where(order.wanted)
    more = {"operation": operation_id, "fates": [fate.value for fate in order.fates], "most": order.most}
    plan_anew(connection)
    taken = connection.execute(text(_TAKE.format(where=condition)), {**parameters, **_KNOWN, **more})
    connection.execute(_PLANNED, {"operation": operation_id})
    return taken.rowcount


def operation_named(operation_id: int) -> str:
    """How the audit names an operation."""
    return f"replay {operation_id}"


_KNOWN: Final = {"homes": _HOMES, "unsafe": sorted(UNSAFE)}
