"""The inbox: what each event did, and what it caused, written in the transaction of the effect.

A delivery that finds its row decides nothing: the stored events are published again under the same ids.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table, TextClause, text

from schemas.envelope import Outgoing

Key = tuple[str, str]
"""`source` and `id` of an event."""


class Outcome(StrEnum):
    """What an event did. All three end its delivery."""

    APPLIED = "applied"
    IGNORED = "ignored"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Receipt:
    """One row of an inbox, as it is found."""

    digest: bytes
    outgoing: tuple[Outgoing, ...]


def find(connection: Connection, inbox: Table, keys: Collection[Key]) -> dict[Key, Receipt]:
    """The receipts of those events that were worked before."""
    if not keys:
        return {}
    sources, ids = zip(*keys, strict=True)
    rows = connection.execute(_find(inbox), {"sources": list(sources), "ids": list(ids)})
    return {(source, id_): Receipt(digest, tuple(stored(outgoing))) for source, id_, digest, outgoing in rows}


@cache
def _find(inbox: Table) -> TextClause:
    return text(
        f"SELECT source, id, digest, outgoing FROM {inbox.name} "  # noqa: S608  (a name of our own metadata)
        "JOIN unnest(CAST(:sources AS text[]), CAST(:ids AS text[])) AS wanted (source, id) USING (source, id)"
    )


def to_store(outgoing: Sequence[Outgoing]) -> str | None:
    """The JSON in which outgoing events are kept; None for nothing."""
    if not outgoing:
        return None
    return f"[{','.join(_entry(event) for event in outgoing)}]"


def stored(entries: Iterable[dict[str, Any]] | None) -> Iterable[Outgoing]:
    """The outgoing events of a receipt, as they were."""
    for entry in entries or ():
        event = entry["event"]
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        yield Outgoing(entry["exchange"], entry["routing_key"], event["id"], event["type"], body)


def _entry(event: Outgoing) -> str:
    return f'{{"exchange":"{event.exchange}","routing_key":"{event.routing_key}","event":{event.body.decode()}}}'
