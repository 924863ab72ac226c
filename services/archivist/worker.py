"""Files batches of dead letters; each is acked only after the commit."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from services.archivist import metrics
from services.archivist.letters import Row, file
from shared.broker.verdicts import Delivery, DependencyDown, Done, Verdict
from shared.store import engine as store
from shared.store.bulk import upsert_rows
from shared.store.probe import probe
from shared.store.tables import letters

_Key = tuple[str | int | bytes, ...]
_PORTION_BYTES: Final = 1 << 20
_KEY = ("service", "origin", "source", "id", "replay", "body_digest")
_REPLACED = ("queue", "type", "ic_number", "event_time", "died_at", "reason", "field", "detail", "attempt", "by_broker",
             "readable", "fingerprint", "body", "headers")  # fmt: skip
# An event that died again is one row with a count. Another body under the same id is another letter, as is the same
# from another exchange: none may hide another. A death that is filed already, since the letter's ack or confirm was
# lost, changes nothing: it would open again what was replayed or closed meanwhile.
_ON_CONFLICT = (
    f"({', '.join(_KEY)}) DO UPDATE SET {', '.join(f'{c} = excluded.{c}' for c in _REPLACED)}, "
    "times = letters.times + excluded.times, filed_at = now() "
    "WHERE (letters.died_at = excluded.died_at) IS NOT TRUE"
)


class Archivist:
    """The handler of the queue `dead`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __call__(self, deliveries: Sequence[Delivery]) -> Sequence[Verdict]:
        """File letters. Raises DependencyDown; a letter that the database refuses is filed by its bytes alone."""
        rows = [file(delivery) for delivery in deliveries]
        try:
            try:
                self._file(rows)
            except DBAPIError as error:
                if store.is_down(error):
                    raise
                for row in rows:
                    self._file_one(row)
        except SQLAlchemyError as error:
            raise DependencyDown("database", store.why_down(error), lambda: probe(self._engine, letters)) from None
        metrics.filed(row["by_broker"] for row in rows)
        return [Done()] * len(deliveries)

    def _file_one(self, row: Row) -> None:
        try:
            self._file([row])
        except DBAPIError as error:
            if store.is_down(error):
                raise
            bare = {"type": None, "ic_number": None, "event_time": None, "field": None, "detail": None, "headers": "{}"}
            self._file([{**row, **bare, "source": "", "id": f"sha256:{row['fingerprint']}", "readable": False}])

    def _file(self, rows: Sequence[Row]) -> None:
        times = Counter(map(_key, rows))
        newest = {_key(row): row for row in rows}
        filed = [{**newest[key], "times": times[key]} for key in sorted(newest)]

        def upsert(connection: Connection) -> None:
            for portion in _portions(filed):
                upsert_rows(connection, letters, portion, _ON_CONFLICT)

        store.in_transaction(self._engine, upsert)


def _portions(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Rows for a statement each: a large body stands in memory several times until the statement is sent."""
    portion, size = list[Row](), 0
    for row in rows:
        if portion and size + len(row["body"]) > _PORTION_BYTES:
            yield portion
            portion, size = [], 0
        portion.append(row)
        size += len(row["body"])
    if portion:
        yield portion


def _key(row: Row) -> _Key:
    return tuple(row[column] for column in (*_KEY[:-1], "body"))
