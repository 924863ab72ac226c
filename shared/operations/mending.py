"""What the ledger finds lost, as the messages that it was: the same bytes under the same ids and replay numbers."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Engine, text

from schemas.envelope import Outgoing
from shared.broker.publisher import Message
from shared.operations import carrying
from shared.operations.ledger import Caused
from shared.operations.register_again import registration
from shared.operations.sent import Sent
from shared.store.inbox import stored

_AT_ONCE: Final = 1000
_CAUSED: Final = (
    "SELECT outgoing FROM {inbox} WHERE (source, id) IN "
    "(SELECT * FROM unnest(CAST(:sources AS text[]), CAST(:causes AS text[])))"
)
_REPLAYED: Final = text(
    "SELECT l.letter_id, r.replay, l.queue, l.origin, l.readable, l.id, l.type, l.body "
    "FROM replays r JOIN letters l USING (letter_id) WHERE (r.letter_id, r.replay) IN "
    "(SELECT * FROM unnest(CAST(:letters AS bigint[]), CAST(:replays AS int[]))) ORDER BY l.letter_id"
)
_REGISTERED: Final = text(
    "SELECT event_id, event_body FROM closings "
    "WHERE event_body IS NOT NULL AND letter_id = ANY(CAST(:letters AS bigint[])) ORDER BY letter_id"
)


def messages_of(engine: Engine, lost: Sequence[Caused | Sent]) -> Iterator[Message]:
    """The messages themselves: as inbox rows keep what their event caused, letters their body, closings theirs."""
    caused = [event for event in lost if isinstance(event, Caused)]
    for inbox in sorted({event.inbox for event in caused}):
        for portion in _portions([event for event in caused if event.inbox == inbox]):
            with engine.connect() as connection:
                again = [Message.of(event) for event in _caused(connection, inbox, portion)]
            yield from again
    for about in _portions([one for one in lost if isinstance(one, Sent)]):
        with engine.connect() as connection:
            again = _sent(connection, about)
        yield from again


def _portions(lost: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (lost[start : start + _AT_ONCE] for start in range(0, len(lost), _AT_ONCE))


def _caused(connection: Connection, inbox: str, events: Sequence[Caused]) -> list[Outgoing]:
    wanted = {event.id for event in events}
    causes = {
        "sources": [event.cause_source for event in events],
        "causes": [event.cause_id for event in events],
    }
    rows = connection.execute(text(_CAUSED.format(inbox=inbox)), causes)
    return [event for (outgoing,) in rows for event in stored(outgoing) if event.id in wanted]


def _sent(connection: Connection, about: Sequence[Sent]) -> list[Message]:
    replayed = [one for one in about if one.replay is not None]
    named = {"letters": [one.letter_id for one in replayed], "replays": [one.replay for one in replayed]}
    letters = [carrying.message(row) for row in connection.execute(_REPLAYED, named)]
    registered = {"letters": [one.letter_id for one in about if one.replay is None]}
    rows = connection.execute(_REGISTERED, registered)
    return [*letters, *(Message.of(registration(row.event_id, row.event_body)) for row in rows)]
