"""Carrying on an operation: what was committed is published, confirmed and marked, a portion a turn.

A turn holds the lock of its operation from the choice of a portion to the commit of its marks. So any number of
processes may carry on one operation and share its rate; and one that is killed leaves nothing behind but letters that
were published and not marked, which whoever comes next publishes again, under the same ids and replay numbers: a
repeat, which the inbox turns into nothing. The lock ends with its session, which the server ends at the latest when a
turn has stood still for a minute (`shared.store.engine`). It is no lock of a row, so that whoever cancels need not
wait for a turn that waits for the broker.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine, Row, text

from schemas.events import Lane
from shared.broker.marks import Marks
from shared.broker.publisher import Message
from shared.broker.topology import HOME
from shared.operations import audit
from shared.operations.filters import Filter
from shared.operations.replay import Order, operation_named, take
from shared.operations.results import NotThere, State, counts, state_of
from shared.operations.standing import Result

PORTION: Final = 200
_TURNS_A_SECOND: Final = 4
_A_MOMENT: Final = 0.2

Publish = Callable[[Sequence[Message]], object]
"""Publishes messages, and returns when the broker has confirmed all; raises where it cannot."""


class Turn(NamedTuple):
    """What one turn did, and how many seconds to wait before the next; 0 where there is nothing to wait for."""

    state: State
    published: int
    wait: float


class NotResumable(ValueError):
    """An operation that is done; its letters have their results."""


class Cancelled(StrEnum):
    """When a cancelled operation ends."""

    NOW = "cancelled"
    SOON = "cancelling"
    """After the portion in hand, which is being sent now."""
    BEFORE = "ended"
    """It did not run any more."""


_HOLD: Final = text("SELECT pg_try_advisory_xact_lock(hashtextextended('aktif/replay', :operation))")
_HELD: Final = text(
    "SELECT *, CAST(extract(epoch FROM next_at - clock_timestamp()) AS float) AS to_wait FROM operations "
    "WHERE operation_id = :operation"
)
_PORTION: Final = text(
    "SELECT l.letter_id, r.replay, l.queue, l.origin, l.readable, l.id, l.type, l.body "
    "FROM replays r JOIN letters l USING (letter_id) "
    "WHERE r.operation_id = :operation AND r.published_at IS NULL ORDER BY r.letter_id LIMIT :most"
)
_MARK: Final = text(
    "UPDATE replays SET published_at = clock_timestamp() "
    "WHERE operation_id = :operation AND published_at IS NULL AND letter_id = ANY(:letters)"
)
_PACE: Final = text(
    "UPDATE operations SET next_at = GREATEST(next_at, clock_timestamp() - interval '1 second') "
    "+ make_interval(secs => :seconds) WHERE operation_id = :operation"
)
_END: Final = text(
    "UPDATE operations SET state = :state, ended_at = clock_timestamp() WHERE operation_id = :operation "
    "AND state = 'running'"
)
_WANTS_ITS_END: Final = text(
    "UPDATE operations SET cancelled_by = COALESCE(cancelled_by, :who) "
    "WHERE operation_id = :operation AND state = 'running'"
)
_GOES_ON: Final = text("UPDATE operations SET cancelled_by = NULL WHERE operation_id = :operation")
_AGAIN: Final = text(
    "UPDATE operations SET state = 'running', ended_at = NULL, begun_at = now(), next_at = now(), results = NULL "
    "WHERE operation_id = :operation"
)
_LET_GO: Final = text("DELETE FROM replays WHERE operation_id = :operation AND published_at IS NULL")


def turn(engine: Engine, operation_id: int, publish: Publish) -> Turn:
    """Publish one portion, if there is one and the rate allows it.

    Raises NotThere, DBAPIError and what `publish` raises.
    """
    with engine.begin() as connection:
        held = _held(connection, operation_id)
        if held is None:
            return Turn(state_of(connection, operation_id), 0, _A_MOMENT)
        if held.state != State.RUNNING:
            return Turn(State(held.state), 0, 0)
        if held.cancelled_by is not None:
            _end(connection, held, State.CANCELLED)
            return Turn(State.CANCELLED, 0, 0)
        if held.to_wait > 0:
            return Turn(State.RUNNING, 0, min(held.to_wait, 1))
        room = PORTION
        if held.stop_after is not None:
            results = counts(connection, operation_id, since=held.begun_at)
            if results[Result.FAILED] >= held.stop_after:
                _end(connection, held, State.STOPPED)
                return Turn(State.STOPPED, 0, 0)
            worked = results[Result.WORKED] + results[Result.REJECTED]
            room = max(held.stop_after, worked) - results[Result.WAITING]
        return _publish(connection, held, publish, room)


def _held(connection: Connection, operation_id: int) -> Row[Any] | None:
    """The operation, locked for this transaction; None where somebody else has its turn, or it is not there."""
    operation = {"operation": operation_id}
    if not connection.execute(_HOLD, operation).scalar_one():
        return None
    return connection.execute(_HELD, operation).first()


def _publish(connection: Connection, held: Row[Any], publish: Publish, room: int) -> Turn:
    operation = {"operation": held.operation_id}
    most = PORTION if held.rate is None else max(1, int(held.rate / _TURNS_A_SECOND))
    rows = connection.execute(_PORTION, {**operation, "most": max(1, min(room, most, PORTION))}).all()
    if not rows:
        _end(connection, held, State.DONE)
        return Turn(State.DONE, 0, 0)
    if room <= 0:
        return Turn(State.RUNNING, 0, _A_MOMENT)
    publish([message(row) for row in rows])
    connection.execute(_MARK, {**operation, "letters": [row.letter_id for row in rows]})
    if held.rate is not None:
        connection.execute(_PACE, {**operation, "seconds": len(rows) / held.rate})
    return Turn(State.RUNNING, len(rows), 0)


def message(row: Row[Any]) -> Message:
    """A letter as it goes home: its own bytes and id, its first attempt, its next replay number."""
    lane = Lane(row.queue.rpartition(".")[2])
    return Message(
        HOME,
        row.queue,
        row.body,
        message_id=row.id if row.readable else None,
        type=row.type,
        headers=Marks(row.origin, lane, replay=row.replay).headers(),
    )


def carry_on(
    engine: Engine,
    operation_id: int,
    publish: Publish,
    *,
    wait: Callable[[float], bool],
    on_turn: Callable[[Turn], None] = lambda _: None,
) -> State:
    """Turn after turn until the operation is over, or `wait` (so many seconds) says that we are to stop."""
    while True:
        done = turn(engine, operation_id, publish)
        on_turn(done)
        if done.state is not State.RUNNING or wait(done.wait):
            return done.state


def cancel(connection: Connection, operation_id: int, who: str) -> Cancelled:
    """End a running operation; what it has not published is free again. Raises NotThere.

    Waits for no turn: where one is being taken, the next ends the operation instead of publishing.
    """
    if not connection.execute(_WANTS_ITS_END, {"operation": operation_id, "who": who}).rowcount:
        state_of(connection, operation_id)
        return Cancelled.BEFORE
    held = _held(connection, operation_id)
    if held is None:
        return Cancelled.SOON
    _end(connection, held, State.CANCELLED)
    return Cancelled.NOW


def resume(connection: Connection, operation_id: int, who: str) -> int:
    """Have an operation run on; returns how many letters are queued. Raises NotThere, NotResumable.

    A cancelled or stopped one takes anew what is left of the letters that were planned; failures before do not stop it
    again. One that runs is only carried on, after its process was killed or beside it.
    """
    held = connection.execute(
        text("SELECT * FROM operations WHERE operation_id = :operation FOR UPDATE"), {"operation": operation_id}
    ).first()
    if held is None:
        raise NotThere(f"no replay has the number {operation_id}")
    if held.state == State.DONE:
        raise NotResumable(f"replay {operation_id} is done")
    connection.execute(_GOES_ON, {"operation": operation_id})
    if held.state != State.RUNNING:
        connection.execute(_AGAIN, {"operation": operation_id})
        take(connection, operation_id, _rest(connection, held))
    queued = counts(connection, operation_id)[Result.QUEUED]
    audit.write(connection, who, "replay_resume", operation_named(operation_id), was=held.state, queued=queued)
    return queued


def _end(connection: Connection, held: Row[Any], state: State) -> None:
    operation = {"operation": held.operation_id}
    connection.execute(_END, {**operation, "state": state.value})
    freed = connection.execute(_LET_GO, operation).rowcount
    what = {State.DONE: "replay_done", State.STOPPED: "replay_stop", State.CANCELLED: "replay_cancel"}[state]
    who = held.cancelled_by if state is State.CANCELLED else held.who
    audit.write(connection, who, what, operation_named(held.operation_id), freed=freed)


def _rest(connection: Connection, held: Row[Any]) -> Order:
    """What an ended operation still may take."""
    sent = sum(counts(connection, held.operation_id).values())
    most = held.most if held.planned is None else held.planned
    return Order(
        Filter.from_json(held.filter["letters"]),
        held.reason,
        held.filter["with_obsolete"],
        held.filter["with_unsafe"],
        most=None if most is None else max(0, most - sent),
    )
