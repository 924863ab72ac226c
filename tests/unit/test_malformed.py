"""Whatever is no acceptable event is named so: a reason word, the path of the field, and no value repeated."""

import json
from datetime import UTC, datetime

import pytest

from schemas.envelope import MAX_MESSAGE_BYTES, decode, encode, identity
from schemas.events import Resend
from schemas.examples import EXAMPLES
from tests.unit.messages import BODY, IDENTITY, example_with, refusal_of, with_attributes, with_data

SECRET_IC = "850101030007"
ANSWER = json.loads(EXAMPLES["QuestionsSet"].body)["data"]["answers"][0]


@pytest.mark.parametrize(
    ("body", "reason", "field"),
    [
        (b"\xff\xfe{}", "not_utf8", None),
        (BODY.replace(b"PEGAWAI", b"PEGAWA\xed\xa0\x80"), "not_utf8", None),
        (b"", "not_json", None),
        (b"\x00" * 16, "not_json", None),
        (b"\xef\xbb\xbf" + BODY, "not_json", None),
        (BODY[:-1], "not_json", None),
        (BODY + b"{}", "not_json", None),
        (b"[" * 30_000, "not_json", None),
        (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "not_json", None),
        (BODY.replace(b"PEGAWAI", b"PEGAWAI\\ud800"), "not_json", None),
        (BODY.replace(b"PEGAWAI", b"PEGAWAI\x00"), "not_json", None),
        (BODY.replace(b"true", b"NaN"), "not_json", None),
        (BODY.replace(b"true", b"9" * 5_000), "not_json", None),
        (b"[]", "bad_envelope", None),
        (b'"text"', "bad_envelope", None),
        (b"1e400", "bad_envelope", None),
        (b"{}", "bad_envelope", "specversion"),
        (with_attributes(specversion="0.3"), "bad_envelope", "specversion"),
        (with_attributes(specversion=1.0), "bad_envelope", "specversion"),
        (with_attributes(id=...), "bad_envelope", "id"),
        (with_attributes(id=""), "bad_envelope", "id"),
        (with_attributes(id=7), "bad_envelope", "id"),
        (with_attributes(id="x" * 129), "bad_envelope", "id"),
        (with_attributes(id="a\u0000"), "control_character", "id"),
        (with_attributes(source=...), "bad_envelope", "source"),
        (with_attributes(source="hr kelantan"), "bad_envelope", "source"),
        (with_attributes(time=...), "bad_envelope", "time"),
        (with_attributes(time="2021-01-11T08:00:00"), "bad_envelope", "time"),
        (with_attributes(time=1610323200), "bad_envelope", "time"),
        (with_attributes(datacontenttype="text/xml"), "bad_envelope", "datacontenttype"),
        (with_attributes(type=...), "bad_envelope", "type"),
        (with_attributes(type=1), "bad_envelope", "type"),
        (with_attributes(type="com.example.Created"), "unknown_type", "type"),
        (with_attributes(type="aktif.Unknown.v1"), "unknown_type", "type"),
        (with_attributes(type="aktif.ActivationRequested"), "unknown_type", "type"),
        (with_attributes(type="aktif.ActivationRequested.v1\n"), "unknown_type", "type"),
        (with_attributes(type="aktif.ActivationRequested.v2"), "unknown_version", "type"),
        (with_attributes(type="aktif.ActivationRequested.v01"), "unknown_version", "type"),
        (with_attributes(source="/portal/1"), "wrong_source", "source"),
        (with_attributes(source="/aktif/state"), "wrong_source", "source"),
        (with_attributes(source="/aktif/operator/me"), "wrong_source", "source"),
        (with_attributes(data=...), "bad_field", "data"),
        (with_attributes(data=None), "bad_field", "data"),
        (with_attributes(data=[]), "bad_field", "data"),
        (with_data(reason=...), "bad_field", "data.reason"),
        (with_data(reason="activation"), "bad_field", "data.reason"),
        (with_data(reason=[]), "bad_field", "data.reason"),
        (with_data(reason="recovery", name=..., email=..., registered_at=..., notify=...), "wrong_exchange", None),
        (with_data(name=...), "bad_field", "data.name"),
        (with_data(name=1), "bad_field", "data.name"),
        (with_data(name=True), "bad_field", "data.name"),
        (with_data(name=" "), "bad_field", "data.name"),
        (with_data(name="x" * 201), "bad_field", "data.name"),
        (with_data(name="A\u0000B"), "control_character", "data.name"),
        (with_data(name="A\u202eB"), "control_character", "data.name"),
        (with_data(email="not an address"), "bad_field", "data.email"),
        (with_data(registered_at="20210111T08"), "bad_field", "data.registered_at"),
        (with_data(registered_at=1.5), "bad_field", "data.registered_at"),
        (with_data(notify="true"), "bad_field", "data.notify"),
        (with_data(notify=1), "bad_field", "data.notify"),
        (with_data(ic_number=850101030007), "bad_field", "data.ic_number"),
        (with_data(ic_number="850230030007"), "bad_ic_number", "data.ic_number"),
        (with_data(ic_number="850101-03-0007"), "bad_ic_number", "data.ic_number"),
        (with_data(ic_number="85010103000\u0000"), "bad_ic_number", "data.ic_number"),
        (with_data(another=1), "bad_field", "data"),
        (with_data(**{SECRET_IC: 1}), "bad_field", "data"),
    ],
)
def test_what_is_malformed_is_named_with_its_place(body: bytes, reason: str, field: str | None) -> None:
    refusal = refusal_of(body)

    assert (refusal.reason, refusal.field) == (reason, field)


@pytest.mark.parametrize(
    ("name", "fields", "reason", "field"),
    [
        ("PasswordSet", {"password_digest": "Rahsia-Contoh-1"}, "bad_field", "data.password_digest"),
        (
            "PasswordSet",
            {"password_digest": "$argon2id$v=19$m=8,t=1,p=1$Y29udG9oIHNhbGFoIDAwMA$" + "A" * 43},
            "weak_digest",
            "data.password_digest",
        ),
        ("PasswordSet", {"session_digest": "F" * 64}, "bad_field", "data.session_digest"),
        ("PasswordSet", {"link_id": "850101030007"}, "bad_field", "data.link_id"),
        ("PasswordSet", {"link_id": 850101030007}, "bad_field", "data.link_id"),
        ("QuestionsSet", {"answers": []}, "bad_field", "data.answers.0"),
        ("QuestionsSet", {"answers": {}}, "bad_field", "data.answers"),
        ("QuestionsSet", {"answers": [{"question": "Nama Ibu?"}] * 3}, "bad_field", "data.answers.0.question"),
        (
            "QuestionsSet",
            {"answers": [ANSWER] * 3},
            "bad_field",
            "data.answers",
        ),
        ("QuestionsSet", {"answers": [ANSWER] * 4}, "bad_field", "data.answers"),
        ("MailRequested", {"kind": "spam"}, "bad_field", "data.kind"),
        ("MailSettled", {"reply": "250 \u0007"}, "control_character", "data.reply"),
        ("MailUndeliverable", {"smtp_code": "550"}, "bad_field", "data.smtp_code"),
        ("MailUndeliverable", {"smtp_code": 550.0}, "bad_field", "data.smtp_code"),
        ("MailUndeliverable", {"smtp_code": 10**4000}, "bad_field", "data.smtp_code"),
        ("MailUndeliverable", {"result": "accepted"}, "bad_field", "data.result"),
    ],
)
def test_a_bad_field_of_any_event_is_named_with_its_place(
    name: str, fields: dict[str, object], reason: str, field: str
) -> None:
    refusal = refusal_of(example_with(name, **fields), EXAMPLES[name].exchange)

    assert (refusal.reason, refusal.field) == (reason, field)


@pytest.mark.parametrize(
    ("exchange", "source"),
    [("aktif.portal", "/hr/kelantan"), ("aktif.portal", "/aktif/state"), ("aktif.portal", "x/portal")],
)
def test_a_source_must_belong_to_its_exchange(exchange: str, source: str) -> None:
    resend = Resend(reason="resend", ic_number=SECRET_IC)
    body = encode(resend, id="1", source=source, time=datetime(2021, 1, 11, tzinfo=UTC))

    assert refusal_of(body, exchange).reason == "wrong_source"


@pytest.mark.parametrize("exchange", ["aktif.hr", "aktif.events", "aktif.feed", "aktif.home", ""])
def test_a_password_set_from_anywhere_but_the_portal_is_refused_and_its_publisher_can_be_told(exchange: str) -> None:
    example = EXAMPLES["PasswordSet"]

    refusal = refusal_of(example.body, exchange)

    assert refusal.reason == "wrong_exchange"
    assert refusal.identity == (example.source, example.id)


@pytest.mark.parametrize(
    ("content_type", "accepted"),
    [
        (None, True),
        ("", True),
        ("application/cloudevents+json", True),
        ("Application/CloudEvents+JSON; charset=utf-8", True),
        ("application/json", True),
        ("application/cloudevents-batch+json", False),
        ("text/plain", False),
        ("application/json2", False),
    ],
)
def test_the_content_type_decides_where_there_is_one(content_type: str | None, accepted: bool) -> None:
    if accepted:
        assert decode(BODY, "aktif.hr", content_type).key == IDENTITY
    else:
        assert refusal_of(BODY, content_type=content_type).reason == "wrong_content_type"


def test_a_message_may_have_64_kib_and_not_one_byte_more() -> None:
    full = BODY + b" " * (MAX_MESSAGE_BYTES - len(BODY))

    assert decode(full, "aktif.hr").key == IDENTITY
    assert refusal_of(full + b" ").reason == "too_large"


def test_a_name_as_large_as_a_message_is_refused_before_it_is_looked_through() -> None:
    body = with_data(name="é" * 10_000)

    assert refusal_of(body).field == "data.name"


@pytest.mark.parametrize(
    "body",
    [
        with_data(ic_number="RAHSIA030007"),
        with_data(name="RAHSIA\u0000"),
        with_data(name="RAHSIA" * 40),
        with_data(email="RAHSIA"),
        with_data(registered_at="RAHSIA"),
        with_data(reason="RAHSIA"),
        with_data(notify="RAHSIA"),
        with_data(RAHSIA=1),
        with_data(name={"RAHSIA": 1}),
        with_attributes(data="RAHSIA"),
        with_attributes(id="RAHSIA\u0000"),
        with_attributes(source="RAHSIA RAHSIA"),
        with_attributes(time="RAHSIA"),
        with_attributes(type="aktif.RAHSIA.v1"),
        with_attributes(type={"RAHSIA": 1}),
        with_attributes(specversion="RAHSIA"),
        with_attributes(datacontenttype="RAHSIA"),
        b"RAHSIA",
        BODY.replace(b"true", b"RAHSIA"),
        example_with("PasswordSet", link_id="RAHSIA"),
        example_with("PasswordSet", password_digest="RAHSIA"),
        example_with("QuestionsSet", answers=["RAHSIA"] * 3),
        example_with("QuestionsSet", answers=[{"RAHSIA": 1}] * 3),
        example_with("MailRequested", kind="RAHSIA"),
    ],
)
def test_a_refusal_repeats_no_value_and_no_name_that_the_publisher_made_up(body: bytes) -> None:
    for exchange in ("aktif.hr", "aktif.portal", "aktif.events"):
        refusal = refusal_of(body, exchange)

        assert "rahsia" not in f"{refusal} {refusal.detail} {refusal.field}".lower()
        assert refusal.__cause__ is None
        assert refusal.__suppress_context__ or refusal.__context__ is None


def test_a_link_id_is_refused_without_a_single_character_of_it() -> None:
    refusal = refusal_of(example_with("PasswordSet", link_id="\u00d1" * 12), "aktif.portal")

    assert refusal.detail == "data.link_id: must be a UUID"


def test_the_publisher_can_be_told_wherever_source_and_id_can_be_read() -> None:
    assert refusal_of(with_data(name=1)).identity == IDENTITY
    assert refusal_of(with_attributes(type="aktif.Unknown.v1")).identity == IDENTITY
    assert refusal_of(with_attributes(specversion="0.3")).identity == IDENTITY
    assert refusal_of(with_attributes(id="")).identity is None
    assert refusal_of(with_attributes(source=...)).identity is None
    assert refusal_of(b"[]").identity is None
    assert identity({"id": "1", "source": "/hr/a", "more": 1}) == ("/hr/a", "1")
