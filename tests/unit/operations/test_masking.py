"""What of a dead letter is shown."""

import json
from typing import Any

import pytest

from schemas.events import PUBLISHED_TO, Exchange
from schemas.examples import EXAMPLES
from services.cli.output import clean
from shared.operations import masking

SECRET = "rahsia"
PERSON, EMAIL = "NURUL AIN BINTI CONTOH", "rahsia.sekali@example.gov.my"
IC, DASHED = "850707070707", "850707-07-0707"
FIELDS = {field for model in PUBLISHED_TO for field in model.model_fields}


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


DEATH = {"count": 1, "exchange": "aktif.home", "queue": "state.live", "reason": "delivery_limit",
         "routing-keys": ["state.live"], "time": "2021-01-11T08:00:00+08:00"}  # fmt: skip
FORGED = f"{PERSON}, {IC}"


def test_headers_of_ours_are_shown_and_others_counted() -> None:
    by_worker = {"x-attempt": 2, "x-reason": "gave_up", "x-detail": f"550 <{EMAIL}> unknown", "x-field": "data.email"}

    shown = masking.headers({**by_worker, FORGED: 1, "x-death": [DEATH | {FORGED: 1}]}, by_broker=False)

    assert shown == {
        **by_worker,
        "x-detail": "550 <r***@example.gov.my> unknown",
        "x-death": [{**DEATH, "1 unknown header": masking.HIDDEN}],
        "1 unknown header": masking.HIDDEN,
    }


def test_of_what_no_worker_gave_up_only_the_brokers_headers_are_shown() -> None:
    found = {"x-detail": SECRET, "x-reason": SECRET, "time": IC, "x-delivery-count": 20, "x-first-death-queue": "dead"}

    shown = masking.headers(found, by_broker=True)

    assert shown == {"x-delivery-count": 20, "x-first-death-queue": "dead", "3 unknown headers": masking.HIDDEN}


@pytest.mark.parametrize(
    "key", ["x-death", "x-delivery-count", "x-first-death-reason", "x-attempt", "x-queue", "x-field"]
)
@pytest.mark.parametrize("value", [FORGED, [FORGED], {"name": FORGED}, [{"reason": FORGED, "routing-keys": [FORGED]}]])
def test_a_header_of_another_shape_is_not_shown(key: str, value: Any) -> None:
    assert FORGED not in json.dumps(masking.headers({key: value}, by_broker=False))


@pytest.mark.parametrize("field", sorted(FIELDS))
@pytest.mark.parametrize("value", [FORGED, EMAIL, IC, int(IC), [FORGED], {FORGED: FORGED}], ids=str)
def test_a_value_of_another_shape_than_its_fields_is_masked(field: str, value: Any) -> None:
    event = {"type": "aktif.ActivationRequested.v1", "data": {field: value}}

    shown = json.dumps(masking.body(json.dumps(event).encode(), Exchange.HR))

    assert not [word for word in (PERSON, IC, EMAIL) if word in shown]


@pytest.mark.parametrize("attribute", ["specversion", "id", "source", "type", "time", "datacontenttype", "causationid"])
@pytest.mark.parametrize("value", [FORGED, EMAIL, f"hr-{DASHED}/2021", IC, int(IC)], ids=str)
def test_an_attribute_of_another_shape_is_masked(attribute: str, value: Any) -> None:
    shown = json.dumps(masking.body(json.dumps({attribute: value}).encode(), Exchange.HR))

    assert not [word for word in (PERSON, IC, DASHED, EMAIL) if word in shown]


def test_fields_that_no_event_has_are_counted_and_not_named() -> None:
    event = {"id": "x", FORGED: 1, "type": "aktif.MailRequested.v1", "data": {"kind": "activation", EMAIL: 1, IC: 2}}

    shown = masking.body(json.dumps(event).encode(), Exchange.EVENTS)

    assert shown == {
        "id": "x",
        "type": "aktif.MailRequested.v1",
        "1 unknown field": masking.HIDDEN,
        "data": {"kind": "activation", "2 unknown fields": masking.HIDDEN},
    }


def test_what_is_masked_for_its_shape_is_in_clear_once_it_is_unmasked() -> None:
    event = {"type": "aktif.ActivationRequested.v1", "data": {"registered_at": FORGED, FORGED: 1, "answers": [SECRET]}}

    shown = masking.unmasked_body(json.dumps(event).encode(), Exchange.HR)["data"]

    assert shown == {"registered_at": FORGED, "1 unknown field": masking.HIDDEN, "answers": masking.HIDDEN}


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("routing key live.Nonsense", "routing key live.Nonsense"),
        (f"routing key live.{PERSON}", "routing key (hidden)"),
        (f"routing key live.{IC}", "routing key live.8507********"),
        (f"550 5.1.1 <{EMAIL}>: unknown", "550 5.1.1 <r***@example.gov.my>: unknown"),
        ("data.ic_number: must be 12 digits", "data.ic_number: must be 12 digits"),
        (None, None),
    ],
)
def test_a_detail_repeats_nothing_personal(told: str | None, shown: str | None) -> None:
    assert masking.detail(told) == shown


def test_ids_types_and_fields_of_a_publisher_are_masked_where_they_are_listed() -> None:
    assert masking.identifier(f"{DASHED}/2021") == "8507********/2021"
    assert masking.identifier(PERSON) == masking.type_name(PERSON) == masking.field_name(PERSON) == masking.HIDDEN
    assert masking.identifier("reg-1") == "reg-1"
    assert masking.type_name("aktif.PasswordSet.v1") == "aktif.PasswordSet.v1"
    assert masking.field_name("data.answers.0.digest") == "data.answers.0.digest"
    assert masking.type_name(None) is masking.field_name(None) is None


def test_nothing_moves_the_cursor_of_a_terminal() -> None:
    assert clean("a\x1b[2Jb\nc") == "a\ufffd[2Jb\ufffdc"


def test_half_of_a_surrogate_pair_breaks_no_page() -> None:
    raw = json.dumps({"type": "aktif.ActivationRequested.v1", "data": {"name": "PEGAWAI \ud800"}}).encode()

    shown = json.dumps(masking.unmasked_body(raw, Exchange.HR), ensure_ascii=False)

    assert "PEGAWAI ?" in shown.encode().decode()


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
