"""What of a dead letter is shown."""

import json
from typing import Any

import pytest

from schemas.events import Exchange
from schemas.examples import EXAMPLES
from services.cli.output import clean
from shared.operations import masking

SECRET = "rahsia"


def test_personal_data_is_masked_and_the_rest_of_a_registration_shown() -> None:
    shown = masking.body(EXAMPLES["ActivationRequested"].body, Exchange.HR)

    assert shown["data"] == {
        "reason": "registration",
        "ic_number": "8501********",
        "name": "P***",
        "email": "p***@example.gov.my",
        "registered_at": "2020-07-13T10:45:50+08:00",
        "notify": True,
    }
    assert shown["source"] == "/hr/kelantan"


def test_what_is_only_ids_is_shown_as_it_is() -> None:
    body = EXAMPLES["MailRequested"].body

    assert masking.body(body, Exchange.EVENTS) == json.loads(body)


@pytest.mark.parametrize("name", ["TokenRedeemed", "QuestionsSet", "QuestionsAnswered", "PasswordSet"])
@pytest.mark.parametrize("origin", [Exchange.PORTAL, Exchange.HR])
def test_data_of_the_portal_is_never_shown_wherever_it_was_published(name: str, origin: str) -> None:
    shown = masking.body(EXAMPLES[name].body, origin)

    assert isinstance(shown["data"], str)
    assert "session_digest" not in json.dumps(shown)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "aktif.ActivationRequested.v1", "data": {"password": SECRET}},
        {"type": "aktif.ActivationRequested.v1", "data": {"ic_number": [SECRET], "reason": {"x": SECRET}}},
        {"type": "aktif.ActivationRequested.v1", "data": [SECRET]},
        {"type": {"x": SECRET}, "data": SECRET, "extension": SECRET, "id": [SECRET]},
        [SECRET],
    ],
)
def test_what_is_not_known_to_be_harmless_is_not_shown(event: Any) -> None:
    assert SECRET not in json.dumps(masking.body(json.dumps(event).encode(), Exchange.HR))


def test_bytes_that_are_no_json_are_not_shown() -> None:
    assert masking.body(SECRET.encode() + b"\xff", Exchange.HR) == "7 bytes that are no JSON object"


def test_only_headers_of_ours_are_shown() -> None:
    shown = masking.headers({"x-attempt": 2, "evil": SECRET, "x-death": [{"queue": "state.live", "reason": "x"}]})

    assert shown == {
        "x-attempt": 2,
        "evil": masking.HIDDEN,
        "x-death": [{"queue": "state.live", "reason": "x"}],
    }


def test_nothing_moves_the_cursor_of_a_terminal() -> None:
    assert clean("a\x1b[2Jb\nc") == "a\ufffd[2Jb\ufffdc"


def test_unmasked_shows_what_is_personal_and_nothing_more() -> None:
    event = {"type": "aktif.ActivationRequested.v1", "data": {"ic_number": "850101030007", "name": "PEGAWAI CONTOH",
             "email": "a@example.gov.my", "password": SECRET, "nested": {"name": SECRET}}}  # fmt: skip

    shown = masking.unmasked_body(json.dumps(event).encode(), Exchange.HR)["data"]

    assert (shown["ic_number"], shown["name"], shown["email"]) == ("850101030007", "PEGAWAI CONTOH", "a@example.gov.my")
    assert SECRET not in json.dumps(shown)


@pytest.mark.parametrize("name", ["TokenRedeemed", "QuestionsSet", "QuestionsAnswered", "PasswordSet"])
def test_data_of_the_portal_is_unmasked_for_nobody(name: str) -> None:
    assert isinstance(masking.unmasked_body(EXAMPLES[name].body, Exchange.HR)["data"], str)


def test_a_form_is_filled_with_what_a_letter_holds_of_a_registration() -> None:
    assert masking.details_of(EXAMPLES["ActivationRequested"].body)["name"] == "PEGAWAI CONTOH"
    assert masking.details_of(b'{"data": {"ic_number": 850101030007, "name": ["x"]}}') == {"ic_number": "850101030007"}
    assert masking.details_of(b"\xff") == {}
