"""One batch in one transaction, around the pure lifecycle.

Why no rule rests on an unlocked read, though several workers may hold events of one person, or the same event twice:
1. The accounts that the batch names are locked first, and only then are their links and the inbox read. Under READ
   COMMITTED each statement sees what was committed before it began; so whoever waited for an account sees all that
   its holder did, the inbox rows of a repeated event among it.
2. An account or an inbox key that is not there cannot be locked. It is inserted at the end, where the unique index
   makes the second worker wait for the first, and inserts nothing: that one is `Overtaken`, rolls back, and decides
   its batch again, now with the first one's rows to see.
Locks are taken as accounts, then new accounts (both in IC-number order), then inbox keys, sorted. An account that is
new to one worker is locked by no other, so that no two workers ever wait for each other.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from schemas.envelope import Event, Outgoing
from schemas.events import EVENT_NAME, EventData, Recovery, Registration, Resend, type_of
from services.state.accounts import Accounts, Overtaken
from services.state.decisions import Account, Decision, Moment, Refused, Rules, TooEarly
from services.state.failures import failed
from services.state.identifiers import random_ids
from services.state.lifecycle import decide
from services.state.outgoing import caused, dead
from shared import metrics
from shared.broker.verdicts import Delivery, Done, Retry, Verdict, Wait
from shared.store import bulk, inbox, tables
from shared.store.inbox import Key, Receipt

_CLOCK = text("SELECT clock_timestamp()")


@dataclass(frozen=True, slots=True)
class Received:
    """A delivery, and the event in it."""

    delivery: Delivery
    event: Event


Effect = tuple[str, str, str]
"""Event name, outcome and reason word."""


class Worked(NamedTuple):
    """What became of a batch: a verdict for each delivery, and what the events among them did that were decided."""

    verdicts: list[Verdict]
    effects: list[Effect]


def work(connection: Connection, received: Sequence[Received], rules: Rules) -> Worked:
    """Decide the events in delivery order and write what they did. Raises Overtaken."""
    events = [one.event for one in received]
    accounts = Accounts(connection, events)
    now: datetime = connection.execute(_CLOCK).scalar_one()
    receipts = inbox.find(connection, tables.state_inbox, {event.key for event in events})
    fold = _Fold(accounts, receipts, rules, now, partial(next, random_ids()))
    verdicts = [fold.decide(one) for one in received]
    accounts.save()
    bulk.insert_rows(connection, tables.history, fold.history)
    rows = sorted(fold.inbox, key=lambda row: (row["source"], row["id"]))
    if bulk.insert_rows(connection, tables.state_inbox, rows, unless_there=True) < len(rows):
        raise Overtaken
    return Worked(verdicts, fold.effects)


@dataclass(slots=True)
class _Fold:
    """Event after event over the accounts of a batch; what is to be written gathers in `history` and `inbox`."""

    accounts: Accounts
    receipts: dict[Key, Receipt]
    rules: Rules
    now: datetime
    new_id: Callable[[], UUID]
    history: list[dict[str, Any]] = field(default_factory=list)
    inbox: list[dict[str, Any]] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)

    def decide(self, received: Received) -> Verdict:
        """An event that was worked before, in this batch or another, is answered as it was then."""
        event, delivery = received.event, received.delivery
        receipt = self.receipts.get(event.key)
        if receipt is not None and receipt.digest == event.digest:
            self.effects.append(metrics.repeated(EVENT_NAME[type(event.data)]))
            return Done(receipt.outgoing)
        if receipt is not None:
            detail = "another event was worked under the same source and id"
            return dead("id_reused", detail, "id", delivery, event.key, self.now)
        before = self.accounts.of(event)
        try:
            moment = Moment(self.now, self.rules, delivery.attempt, delivery.replay, self.new_id)
            ruling = decide(before, event, moment)
            if isinstance(ruling, TooEarly):
                return Retry(Wait.S5, "too_early")
            if isinstance(ruling, Refused):
                return dead(ruling.reason, ruling.detail, ruling.field, delivery, event.key, self.now)
            outgoing = caused(ruling, event, delivery, self.now)
        except Exception as error:
            return failed(delivery, error, event.key)
        self._keep(received, before, ruling, outgoing)
        return Done(outgoing)

    def _keep(
        self, received: Received, before: Account | None, decision: Decision, outgoing: tuple[Outgoing, ...]
    ) -> None:
        event = received.event
        self.receipts[event.key] = Receipt(event.digest, outgoing)
        self.inbox.append(_inbox_row(received, decision, outgoing))
        self.effects.append((EVENT_NAME[type(event.data)], decision.outcome, decision.reason))
        if decision.account is not None:
            self.accounts.put(decision.account)
            self.history.append(_history_row(event, before, decision.account, decision))


def _inbox_row(received: Received, decision: Decision, outgoing: Sequence[Outgoing]) -> dict[str, Any]:
    event = received.event
    return {
        "source": event.source,
        "id": event.id,
        "type": _type(type(event.data)),
        "digest": event.digest,
        "outcome": decision.outcome,
        "reason": decision.reason,
        "lane": received.delivery.lane,
        "event_time": event.time,
        "outgoing": inbox.to_store(outgoing),
    }


def _history_row(event: Event, before: Account | None, after: Account, decision: Decision) -> dict[str, Any]:
    return {
        "account_id": after.account_id,
        "event": _timeline_name(type(event.data)),
        "source": event.source,
        "id": event.id,
        "event_time": event.time,
        "outcome": decision.outcome,
        "reason": decision.reason,
        "from_state": before.state if before else None,
        "to_state": after.state,
        "detail": _json(decision.detail),
    }


def _json(detail: Any) -> str | None:
    return None if detail is None else json.dumps(detail, ensure_ascii=False)


@cache
def _type(model: type[EventData]) -> str:
    return type_of(model.model_construct())


@cache
def _timeline_name(model: type[EventData]) -> str:
    if model in (Registration, Resend, Recovery):
        return f"{EVENT_NAME[model]}.{model.__name__.lower()}"
    return EVENT_NAME[model]
