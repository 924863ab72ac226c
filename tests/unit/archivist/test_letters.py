"""What a dead letter is filed under: bytes first, parsed after; and whom its headers are believed from."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import Lane
from services.archivist.letters import Row, file
from shared.broker.verdicts import Delivery
from tests.support.builders import IC

REGISTRATION = {
    "source": "/hr/kelantan",
    "id": "reg-1",
    "type": "aktif.ActivationRequested.v1",
    "data": {"ic_number": IC},
}
MAIL = {**REGISTRATION, "type": "aktif.MailRequested.v1"}
BY_A_WORKER = {
    "x-service": "mailer",
    "x-queue": "mailer.bulk",
    "x-origin": "aktif.events",
    "x-reason": "gave_up",
    "x-detail": "451 after 24 hours",
    "x-attempt": 30,
    "x-replay": 2,
}


def filed(
    event: Any = REGISTRATION, *, via: str = "aktif.letters", key: str = "", headers: dict[str, Any] | None = None
) -> Row:
    """The row of one letter."""
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    return file(Delivery(body, None, via, Lane.LIVE, 1, via=via, routing_key=key, headers=headers or {}))


def died_in(queue: str, reason: str = "delivery_limit") -> dict[str, Any]:
    """The header by which the broker tells of a death."""
    return {"x-death": [{"queue": queue, "reason": reason, "count": 1}]}


def test_a_workers_letter_says_why_where_and_how_often_it_was_tried() -> None:
    row = filed(MAIL, headers=BY_A_WORKER)

    assert (row["service"], row["queue"], row["origin"], row["reason"]) == (
        "mailer", "mailer.bulk", "aktif.events", "gave_up",
    )  # fmt: skip
    assert (row["attempt"], row["replay"], row["by_broker"]) == (30, 2, False)
    assert (row["source"], row["id"], row["ic_number"], row["readable"]) == ("/hr/kelantan", "reg-1", IC, True)


@pytest.mark.parametrize(
    ("queue", "headers", "home"),
    [
        ("state.bulk", {}, "state.bulk"),
        ("mailer.live", {}, "mailer.live"),
        ("state.suspect", {"x-lane": "bulk"}, "state.bulk"),
        ("mailer.suspect", {}, "mailer.live"),
    ],
)
def test_what_the_broker_gave_up_goes_back_to_the_queue_it_died_in(
    queue: str, headers: dict[str, Any], home: str
) -> None:
    row = filed(via="aktif.dead", headers={**headers, **died_in(queue)})

    assert (row["queue"], row["service"]) == (home, home.partition(".")[0])
    assert (row["reason"], row["by_broker"]) == ("delivery_limit", True)


def test_headers_are_believed_only_where_a_worker_must_have_written_them() -> None:
    claimed = {"x-origin": "aktif.portal", "x-attempt": 9, "x-replay": 7}

    of_suspects = filed(via="aktif.dead", headers={**claimed, **died_in("state.suspect")})
    of_a_work_queue = filed(via="aktif.dead", headers={**claimed, **died_in("state.live")})

    assert (of_suspects["origin"], of_suspects["attempt"], of_suspects["replay"]) == ("aktif.portal", 9, 7)
    assert (of_a_work_queue["origin"], of_a_work_queue["attempt"], of_a_work_queue["replay"]) == ("aktif.hr", 1, 0)


@pytest.mark.parametrize("key", ["mailer.live", "mailer.bulk", "nonsense", "", "live.No.Such"])
def test_a_publisher_does_not_choose_whose_queue_a_replay_goes_to(key: str) -> None:
    row = filed(MAIL, via="aktif.hr", key=key)

    assert (row["service"], row["queue"], row["origin"], row["reason"]) == (
        "state", "state.live", "aktif.hr", "unroutable",
    )  # fmt: skip


@pytest.mark.parametrize(("key", "home"), [("bulk.MailRequestd", "mailer.bulk"), ("live.X", "mailer.live")])
def test_an_event_of_ours_that_reached_no_queue_keeps_its_receiver_and_its_lane(key: str, home: str) -> None:
    assert filed(MAIL, via="aktif.events", key=key)["queue"] == home


def test_letters_of_one_cause_share_a_fingerprint_whatever_their_numbers() -> None:
    one = filed(headers={**BY_A_WORKER, "x-detail": "451 after 24 hours"})
    same = filed(
        MAIL | {"id": "other"} | {"type": REGISTRATION["type"]},
        headers={**BY_A_WORKER, "x-detail": "452 after 9 hours"},
    )
    other = filed(headers={**BY_A_WORKER, "x-reason": "unknown_link"})

    assert one["fingerprint"] == same["fingerprint"] != other["fingerprint"]


@given(
    st.one_of(
        st.binary(max_size=300), st.recursive(st.none() | st.text(), st.lists).map(lambda v: json.dumps(v).encode())
    ),
    st.sampled_from(["aktif.letters", "aktif.dead", "aktif.hr", "aktif.home", ""]),
    st.text(max_size=30),
    st.dictionaries(
        st.sampled_from([*BY_A_WORKER, "x-death", "x-lane", "other"]),
        st.recursive(
            st.none() | st.integers() | st.floats() | st.text() | st.binary(),
            lambda some: st.lists(some, max_size=3) | st.dictionaries(st.text(), some, max_size=3),
        ),
    ),
)
def test_nothing_cannot_be_filed(body: bytes, via: str, key: str, headers: dict[str, Any]) -> None:
    row = filed(body, via=via, key=key, headers=headers)

    assert row["body"] == body
    assert row["queue"]
    assert row["reason"]
    assert "\x00" not in row["headers"]
    json.loads(row["headers"])
