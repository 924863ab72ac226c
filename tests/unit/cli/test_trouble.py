"""The troubles of the demo: what is published is wrong in the one way that is meant, and the same whenever it is."""

import json

import pytest

from schemas.envelope import Malformed, decode
from schemas.events import Registration
from services.cli.trouble import BUSY_DOMAIN, misdated, troubles, unlucky


def test_what_is_misdated_dies_of_its_ic_number_alone_and_is_right_with_day_and_month_in_their_places() -> None:
    events = list(misdated())

    assert len(events) == 20
    for event in events:
        with pytest.raises(Malformed) as refused:
            decode(event.body, event.exchange)
        assert (refused.value.reason, refused.value.field) == ("bad_ic_number", "data.ic_number")
        raw = json.loads(event.body)
        given = raw["data"]["ic_number"]
        raw["data"]["ic_number"] = given[:2] + given[4:6] + given[2:4] + given[6:]
        assert isinstance(decode(json.dumps(raw).encode(), event.exchange).data, Registration)
        assert "CONTOH" in raw["data"]["name"]


def test_what_is_misdated_is_the_same_messages_whenever_it_is_sent() -> None:
    first = [event.body for event in misdated()]

    assert first == [event.body for event in misdated()]
    assert len({json.loads(body)["id"] for body in first}) == 20


def test_the_unlucky_are_good_registrations_to_the_busy_domain() -> None:
    people = [decode(event.body, event.exchange).data for event in unlucky()]

    assert len({person.ic_number for person in people if isinstance(person, Registration)}) == 10
    assert all(
        isinstance(person, Registration) and person.email.endswith(f"@{BUSY_DOMAIN}") and "CONTOH" in person.name
        for person in people
    )


def test_nobody_is_in_two_samples() -> None:
    events = troubles(0).events

    assert len({json.loads(event.body)["data"]["email"] for event in events}) == len(events) == 30


@pytest.mark.parametrize(
    ("hours", "words"),
    [(0, "given up at once (AKTIF_MAIL_RETRY_HOURS=0)"), (1, "no letters, since AKTIF_MAIL_RETRY_HOURS is 1")],
)
def test_the_screen_says_what_follows_from_the_time_that_mails_are_tried(hours: int, words: str) -> None:
    assert words in troubles(hours).words[1]
