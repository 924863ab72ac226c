"""Every queue as an operator should see it: what waits, who works on it, and in words what is wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, text

from shared.broker.management import QueueState
from shared.broker.topology import DEAD_QUEUE, SERVICES, TOPOLOGY
from shared.operations.standing import DONE_ABOUT, IS_OPEN
from shared.wording import age, count

_NEWEST_ROWS: Final = 10_000
_LAST_TAKEN: Final = (
    "SELECT DISTINCT ON (lane) lane, at - event_time AS lag, now() - at AS ago FROM "
    "(SELECT lane, at, event_time FROM {inbox} ORDER BY at DESC LIMIT {rows}) AS newest "
    "ORDER BY lane, at DESC, event_time"
)
_NEW_LETTERS: Final = (
    f"SELECT count(*) FROM letters l {DONE_ABOUT}"  # noqa: S608
    f"WHERE l.filed_at > now() - interval '1 hour' AND {IS_OPEN}"
)


@dataclass(frozen=True, slots=True)
class Line:
    """One queue, as it is shown. Rates are per second; lag and last_taken are None where nothing is known."""

    queue: str
    messages: int
    unacked: int
    consumers: int
    rate_in: float
    rate_out: float
    lag: timedelta | None = None
    last_taken: timedelta | None = None
    remark: str = ""
    is_wrong: bool = False
    is_there: bool = True


@dataclass(frozen=True, slots=True)
class Taken:
    """Of one queue: how old the event last taken was when it was worked, and how long ago that is."""

    lag: timedelta
    ago: timedelta


@dataclass(frozen=True, slots=True)
class Known:
    """What the database tells of queues. `new_letters`: open ones filed within the hour, None where not known."""

    taken: Mapping[str, Taken]
    new_letters: int | None


def known(connection: Connection) -> Known:
    """What inboxes tell of each work queue, and how many letters that are open were filed within the hour."""
    taken = dict[str, Taken]()
    for service in SERVICES:
        statement = _LAST_TAKEN.format(inbox=f"{service}_inbox", rows=_NEWEST_ROWS)
        for lane, lag, ago in connection.execute(text(statement)):
            taken[f"{service}.{lane}"] = Taken(max(lag, timedelta()), ago)
    return Known(taken, int(connection.execute(text(_NEW_LETTERS)).scalar_one()))


def lines(states: Sequence[QueueState], of_database: Known) -> list[Line]:
    """Every queue of the topology and every other of the vhost, with what is wrong."""
    found = {queue.name: queue for queue in states}
    ours = [queue.name for queue in TOPOLOGY.queues]
    others = sorted(found.keys() - set(ours))
    taken, new_letters = of_database.taken, of_database.new_letters
    return [_line(name, found.get(name), taken.get(name), new_letters) for name in [*ours, *others]]


def _line(name: str, state: QueueState | None, taken: Taken | None, new_letters: int | None) -> Line:
    if state is None:
        return Line(name, 0, 0, 0, 0, 0, remark="is not there: run `aktif provision`", is_wrong=True, is_there=False)
    remark, is_wrong = _remark(state, taken, new_letters)
    return Line(
        name,
        state.ready + state.unacked,
        state.unacked,
        state.consumers,
        state.rate_in,
        state.rate_acked,
        lag=taken.lag if taken and state.consumers else None,
        last_taken=taken.ago if taken else None,
        remark=remark,
        is_wrong=is_wrong,
    )


def _remark(state: QueueState, taken: Taken | None, new_letters: int | None) -> tuple[str, bool]:
    """What an operator should know of a queue, and whether something is wrong with it."""
    service, _, lane = state.name.partition(".")
    if service in SERVICES and lane == "suspect":
        return ("messages that may have killed a worker, tried one by one" if state.ready else ""), False
    if service in SERVICES and not state.consumers:
        since = f", the last event was taken {age(taken.ago)} ago" if taken else ""
        return f"no consumer{since}: start `aktif {service}`", True
    if state.name == DEAD_QUEUE:
        if not state.consumers:
            return "no consumer: start `aktif archivist`", True
        if new_letters:
            return f"{count(new_letters, 'letter')} filed within the hour: `aktif dead list`", True
    if service == "feed" and not state.consumers and state.ready:
        return "nobody listens, which stops nobody", False
    return "", False
