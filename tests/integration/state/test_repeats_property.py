"""Duplicates change nothing, whatever the story, wherever they arrive and however they are cut into batches."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.envelope import Outgoing
from schemas.events import EventData, Lane
from shared.broker.verdicts import Delivery
from tests.integration.state.desk import Desk, body_of, published
from tests.support.builders import (
    BROWSER,
    HR,
    OPERATOR,
    OTHER_BROWSER,
    THEN,
    delivery,
    password_set,
    questions_answered,
    questions_set,
    recovery,
    redeemed,
    registration,
    resend,
    withdrawal,
)

PEOPLE: Final = ("850101030007", "900202035008", "910303035009")
OF_HR: Final = ("registration", "quiet registration", "other name", "other address", "withdrawal")
OF_PERSON: Final = ("resend", "recovery", "session", "session", "session", "session", "rival")
STEP: Final = st.tuples(st.sampled_from(PEOPLE), st.sampled_from((*OF_HR, "operator", *OF_PERSON)), st.integers(0, 900))
STORY: Final = st.lists(STEP, min_size=3, max_size=14).map(
    lambda steps: [*((ic, "registration", 0) for ic in dict.fromkeys(ic for ic, _, _ in steps)), *steps]
)

TABLES: Final = {
    "accounts": "account_id, ic_number, name, email, registered_at, state, hr_source, hr_time, cardinality(resent_at), "
    "password_digest, password_set_at, activated_at IS NULL",
    "links": "link_id, account_id, purpose, mail_id, redeemed_at, session_digest, questions_at, completed_at, "
    "superseded_at IS NULL",
    "questions": "account_id, position, question, digest",
    "history": "account_id, event, source, id, event_time, outcome, reason, from_state, to_state, detail",
    "state_inbox": "source, id, type, outcome, reason, lane, event_time, outgoing IS NULL",
}
"""What must be equal: all but serial numbers, the columns of the clock, and digests of events that name a link."""


@dataclass
class Telling:
    """A story told to an empty desk. Ids of accounts and links are random: each has a name that is not."""

    desk: Desk
    names: dict[str, str] = field(default_factory=dict)
    said: dict[str, Outgoing] = field(default_factory=dict)
    answers: dict[bytes, list[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for table in ("questions", "links", "history", "state_inbox", "accounts"):
            self.desk.rows(f"DELETE FROM {table}")  # quicker on a few rows than TRUNCATE

    def works(self, batch: Sequence[Delivery]) -> None:
        """Work a batch; a repeat must be answered as the first was."""
        for arrived, verdict in zip(batch, self.desk.handler(batch), strict=True):
            answer = [(body_of(event), replace(event, body=b"")) for event in published(verdict)]
            assert self.answers.setdefault(arrived.body, answer) == answer
            self.said |= {event.id: event for event in published(verdict)}
        for event in self.said.values():
            data = body_of(event)["data"]
            if data.get("link_id"):
                self.names.setdefault(data["link_id"], f"the link of {event.id}")
        for account_id, ic_number in self.desk.rows("SELECT account_id, ic_number FROM accounts"):
            self.names[str(account_id)] = f"the account of {ic_number}"

    def named(self, told: str) -> str:
        """A text with names in place of random ids."""
        for id_, name in self.names.items():
            told = told.replace(id_, name)
        return told

    def id_of(self, name: str) -> str | None:
        """The id that has a name here."""
        return next((id_ for id_, known in self.names.items() if known == name), None)

    def left(self) -> dict[str, list[str]]:
        """The tables; the history of each account in its order."""
        order = {"history": "ORDER BY history_id"}
        rows = {table: self.desk.rows(f"SELECT {columns} FROM {table} {order.get(table, '')}")
                for table, columns in TABLES.items()}  # fmt: skip
        texts = {table: [self.named(str([str(value) for value in row])) for row in found]
                 for table, found in rows.items()}  # fmt: skip
        return {table: found if table in order else sorted(found) for table, found in texts.items()}

    def published(self) -> dict[str, tuple[str, ...]]:
        """Everything that was said, by id, without the clock."""
        return {
            id_: (said.exchange, said.routing_key, said.type, self.named(_without_clock(body_of(said)["data"])))
            for id_, said in self.said.items()
        }


def _without_clock(data: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in data.items() if name != "activated_at"}, sort_keys=True)


@dataclass
class Sessions:
    """What a person's browser does next: redeem the newest link, set or answer the questions, set a password."""

    desk: Desk
    begun: dict[str, tuple[UUID, int]] = field(default_factory=dict)

    def next(self, ic_number: str, place: int, *, rival: bool = False) -> EventData | None:
        """None while the person has no link."""
        newest = self.desk.rows(
            "SELECT link_id, purpose FROM links JOIN accounts USING (account_id) WHERE ic_number = :ic "
            "ORDER BY issued_at DESC LIMIT 1", ic=ic_number,
        )  # fmt: skip
        if not newest:
            return None
        (link_id, purpose), at = newest[0], THEN + timedelta(seconds=place)
        if rival:
            return redeemed(link_id, at, OTHER_BROWSER)
        link_id, steps = self.begun.get(ic_number, (link_id, 0))
        self.begun[ic_number] = link_id, steps + 1
        if steps == 0:
            return redeemed(link_id, at)
        if steps == 1:
            return questions_set(link_id) if purpose == "activation" else questions_answered(link_id)
        del self.begun[ic_number]
        return password_set(link_id, BROWSER, mark=f"p{place}")


def event_of(ic_number: str, kind: str, place: int, sessions: Sessions) -> EventData | None:
    """The event of one step of a story."""
    match kind:
        case "session" | "rival":
            return sessions.next(ic_number, place, rival=kind == "rival")
        case "withdrawal":
            return withdrawal(ic_number)
        case "resend" | "operator":
            return resend(ic_number)
        case "recovery":
            return recovery(ic_number)
        case "other name":
            return registration(ic_number, name=f"PEGAWAI {place}")
        case "other address":
            return registration(ic_number, email=f"pegawai{place}@example.gov.my")
    return registration(ic_number, notify=kind == "registration")


def told_once(telling: Telling, story: Sequence[tuple[str, str, int]]) -> list[Delivery]:
    """Tell each event once and alone; returns their deliveries."""
    sessions, deliveries = Sessions(telling.desk), list[Delivery]()
    for place, (ic_number, kind, second) in enumerate(story):
        data = event_of(ic_number, kind, place, sessions)
        if data is not None:
            at = THEN + timedelta(seconds=second if kind in OF_HR else place)
            source = {"operator": OPERATOR}.get(kind, HR if kind in OF_HR else None)
            deliveries.append(delivery(data, at, source=source, id=f"event-{place}"))
            telling.works(deliveries[-1:])
    return deliveries


def told_again(telling: Telling, once: Telling, arrivals: Sequence[tuple[Delivery, bool]]) -> None:
    """Tell deliveries in batches, cut where it says so, and before an event whose link is not committed yet."""
    batch = list[Delivery]()
    for arrived, is_cut in arrivals:
        links = {id_: name for id_, name in once.names.items() if id_.encode() in arrived.body}
        if is_cut or not all(map(telling.id_of, links.values())):
            telling.works(batch)
            batch = []
        body = arrived.body
        for id_, name in links.items():
            body = body.replace(id_.encode(), (telling.id_of(name) or "").encode())
        batch.append(replace(arrived, body=body))
    telling.works(batch)


def with_duplicates(data: st.DataObject, deliveries: Sequence[Delivery]) -> list[tuple[Delivery, bool]]:
    """Each event once to three times, the repeats anywhere after the first and in any lane; and where to cut."""
    order = list(enumerate(deliveries))
    for place, first in enumerate(deliveries):
        for _ in range(data.draw(st.integers(0, 2), label=f"repeats of {place}")):
            after = data.draw(st.integers(order.index((place, first)) + 1, len(order)), label="repeated at")
            lane, attempt = data.draw(st.sampled_from(Lane)), data.draw(st.integers(1, 3))
            order.insert(after, (place, replace(first, lane=lane, attempt=attempt)))
    return [(arrived, data.draw(st.booleans(), label="cut")) for _, arrived in order]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STORY, st.data())
def test_events_delivered_up_to_three_times_leave_and_publish_what_they_do_delivered_once(
    desk: Desk, story: list[tuple[str, str, int]], data: st.DataObject
) -> None:
    once = Telling(desk)
    deliveries = told_once(once, story)
    left_once = once.left()

    again = Telling(desk)
    told_again(again, once, with_duplicates(data, deliveries))

    assert again.left() == left_once
    assert again.published() == once.published()
