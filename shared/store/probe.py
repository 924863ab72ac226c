"""Whether a service could do its work in the database, found out without a message."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Engine, Table, func, insert, select

from shared.store.tables import letters, mailer_inbox, metadata, state_inbox

_EVENT: Final[Mapping[str, Any]] = {
    "source": "/aktif/probe",
    "id": func.gen_random_uuid(),
    "type": "probe",
    "digest": b"",
    "outcome": "ignored",
    "lane": "live",
    "event_time": func.now(),
}
_LETTER: Final[Mapping[str, Any]] = {
    "service": "probe",
    "id": func.gen_random_uuid(),
    "queue": "probe",
    "origin": "probe",
    "reason": "probe",
    "fingerprint": "probe",
    "body": b"",
    "headers": {},
}
_ROWS: Final[Mapping[str, Mapping[str, Any]]] = {
    state_inbox.name: _EVENT,
    mailer_inbox.name: _EVENT,
    letters.name: _LETTER,
}


def probe(engine: Engine, written: Table) -> None:
    """Raise where the database cannot be used: no answer, a table that is missing, or a row that it does not take.

    The row is taken back. A server that answers and does not write (full disk, standby, a missing right) is down too.
    """
    with engine.connect() as connection:
        for table in metadata.sorted_tables:
            connection.execute(select(table).limit(0))
        connection.execute(insert(written).values(_ROWS[written.name]))
        connection.rollback()
