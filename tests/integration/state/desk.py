"""The state worker's handler on a database of its own, and what it left there."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url

from schemas.envelope import Outgoing
from services.state.decisions import Rules
from services.state.worker import StateHandler
from shared.broker.verdicts import Dead, Delivery, Done, Retry, Verdict
from shared.store.engine import open_engine


class Desk:
    """A handler, and a view of its database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.plain_url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self.engine: Engine = open_engine(url, application="state-test", pool_size=4)
        self.handler = StateHandler(self.engine, Rules())

    def works(self, *deliveries: Delivery) -> list[str]:
        """Work a batch; says of each delivery `done`, `retry too_early`, `dead bad_field`."""
        return [said(verdict) for verdict in self.handler(deliveries)]

    def rows(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        with self.engine.begin() as connection:
            result = connection.execute(text(sql), parameters)
            return [tuple(row) for row in result] if result.returns_rows else []

    def timeline(self) -> list[str]:
        """Every line of the history: `ActivationRequested.registration: applied registered`."""
        rows = self.rows("SELECT event, outcome, reason FROM history ORDER BY history_id")
        return [f"{event}: {outcome} {reason}" for event, outcome, reason in rows]

    def inbox(self) -> list[tuple[Any, ...]]:
        return self.rows("SELECT source, id, outcome, reason FROM state_inbox ORDER BY source, id")

    def states(self) -> dict[str, str]:
        rows = self.rows("SELECT ic_number, state FROM accounts ORDER BY ic_number")
        return {row[0]: row[1] for row in rows}


def said(verdict: Verdict) -> str:
    match verdict:
        case Done():
            return "done"
        case Retry():
            return f"retry {verdict.reason}"
        case Dead():
            return f"dead {verdict.reason}"
    raise AssertionError(verdict)


def published(verdicts: Verdict | Sequence[Verdict]) -> list[Outgoing]:
    """Everything that verdicts publish."""
    several = verdicts if isinstance(verdicts, Sequence) else [verdicts]
    return [event for verdict in several if isinstance(verdict, Done | Dead) for event in verdict.outgoing]


def body_of(event: Outgoing) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(event.body)
    return found
