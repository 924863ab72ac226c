"""What a dead letter is filed under: bytes first, parsed after; and whom its headers are believed from."""

import json
from datetime import UTC, datetime
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


def fingerprint(detail: str, event: Any = REGISTRATION, reason: str = "database_error") -> str:
    """Of a letter of that cause."""
    found: str = filed(event, headers={**BY_A_WORKER, "x-reason": reason, "x-detail": detail})["fingerprint"]
    return found


def test_letters_of_one_cause_share_a_fingerprint_whatever_their_numbers() -> None:
    one = fingerprint("lock timeout after 24 s")

    assert one == fingerprint("lock timeout after 9 s", REGISTRATION | {"id": "other"})
    assert one != fingerprint("disk full")
    assert one != fingerprint("lock timeout after 24 s", reason="internal_error")


REPLIES = [
    ("451 4.3.0 <address>: Temporary lookup failure", "451 4.3.0 Temporary lookup failure; queued as 4XyZk2Bq7LwP"),
    ("451 4.7.0 Try again. PRX5 [SGAPR01MB4711.apcprd01.prod.outlook.com 08DE12AB]", "451 4.7.0 Try again. PRX6 [KL]"),
    ("421 mx1.example.gov.my closing", "421 mx2.example.gov.my: too busy at 21:03:17"),
    ("450", "450 greylisted, see http://postgrey.example/help/moe.gov.my.html"),
]


@pytest.mark.parametrize(("one", "same"), REPLIES, ids=["postfix", "exchange", "no enhanced code", "no text"])
def test_mails_of_one_cause_share_a_fingerprint_whatever_words_the_server_adds(one: str, same: str) -> None:
    assert fingerprint(one, MAIL, "gave_up") == fingerprint(same, MAIL, "gave_up")


def test_mails_that_were_refused_with_another_code_are_another_cause() -> None:
    replies = (
        "451 4.3.0 later",
        "451 4.7.1 later",
        "452 4.3.0 later",
        "451 later",
        "connection lost",
        "no reply: 4.3.0",
    )

    assert len({fingerprint(reply, MAIL, "gave_up") for reply in replies}) == len(replies)


@pytest.mark.parametrize(
    ("time", "read"),
    [
        ("2021-01-11T08:00:00+08:00", datetime(2021, 1, 11, tzinfo=UTC)),
        ("2021-01-11T08:00:00", None),
        ("yesterday", None),
        (7, None),
        (None, None),
    ],
)
def test_the_time_of_an_event_is_filed_where_it_can_be_read(time: Any, read: datetime | None) -> None:
    assert filed({**REGISTRATION, "time": time})["event_time"] == read


def test_a_death_is_told_from_another_by_its_moment() -> None:
    moment = datetime(2026, 11, 22, 21, 3, 17, 4711, tzinfo=UTC)
    second = moment.replace(microsecond=0)

    of_a_worker = filed(headers={**BY_A_WORKER, "x-died-at": moment.isoformat()})
    of_the_broker = filed(via="aktif.dead", headers={"x-death": [{"queue": "state.live", "time": second}]})
    claimed = filed(via="aktif.hr", headers={"x-died-at": moment.isoformat()})

    assert (of_a_worker["died_at"], of_the_broker["died_at"], claimed["died_at"]) == (moment, second, None)


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
