"""Bytes ⇄ event: what goes in comes out, and no change goes unnoticed."""

import json
from datetime import datetime, timedelta, timezone
from typing import Annotated, Any
from uuid import UUID

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter

from schemas.envelope import (
    CONTENT_TYPE,
    Event,
    Malformed,
    caused_id,
    decode,
    encode,
    outgoing,
)
from schemas.events import Exchange, Lane, Registration, feed_routing_key, routing_key, system_of, type_of
from schemas.examples import EXAMPLES
from schemas.fields import Detail, ReasonWord
from tests.unit.messages import BODY, MESSAGE, with_attributes

SAYABLE = TypeAdapter(tuple[ReasonWord, Detail, Annotated[str, Field(max_length=200)] | None])
"""What `EventRejected` can carry: a refusal that it could not carry would fail the whole batch."""

ids = st.text(st.characters(min_codepoint=33, exclude_categories=["C", "Z"]), min_size=1, max_size=128)
sources = st.from_regex(r"\A/hr/[a-z0-9-]{1,40}\Z")
moments = st.datetimes(datetime(1901, 1, 1), datetime(2199, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=timezone(timedelta(hours=8)))
)
names = st.text(st.characters(min_codepoint=33, exclude_categories=["C", "Z"]), min_size=1, max_size=200)
registrations = st.builds(
    Registration,
    reason=st.just("registration"),
    ic_number=st.dates(max_value=datetime(2025, 1, 1).date()).map(lambda day: f"{day:%y%m%d}030007"),
    name=names,
    email=st.from_regex(r"\A[a-z]{1,20}\.[a-z]{1,20}@example\.gov\.my\Z"),
    registered_at=moments,
    notify=st.booleans(),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


def _decoded(body: bytes, exchange: str = "aktif.hr") -> Event | None:
    try:
        return decode(body, exchange)
    except Malformed as refusal:
        SAYABLE.validate_python((refusal.reason, refusal.detail, refusal.field))
        return None


@given(registrations, ids, sources, moments)
def test_what_is_encoded_is_decoded_to_the_same(data: Registration, id: str, source: str, time: datetime) -> None:
    event = decode(encode(data, id=id, source=source, time=time), "aktif.hr", CONTENT_TYPE)

    assert (event.data, event.id, event.source, event.time) == (data, id, source, time)
    assert event.key == (source, id)
    assert len(event.digest) == 32


@given(registrations, ids, sources, moments, st.randoms())
def test_neither_spaces_nor_order_nor_escapes_change_the_digest(
    data: Registration, id: str, source: str, time: datetime, random: Any
) -> None:
    body = encode(data, id=id, source=source, time=time)
    message = json.loads(body)
    fields = list(message["data"].items())
    random.shuffle(fields)

    spelt_otherwise = json.dumps({"data": dict(fields)} | message | {"data": dict(fields)}, indent=3).encode()

    assert decode(spelt_otherwise, "aktif.hr") == decode(body, "aktif.hr")


@given(registrations, registrations)
def test_events_of_other_data_have_another_digest(one: Registration, other: Registration) -> None:
    assume(one.model_dump_json() != other.model_dump_json())

    digests = {
        decode(encode(d, id="1", source="/hr/a", time=one.registered_at), "aktif.hr").digest for d in (one, other)
    }

    assert len(digests) == 2


@settings(max_examples=400)
@given(st.data())
def test_no_changed_byte_of_the_data_goes_unnoticed(data: st.DataObject) -> None:
    start = BODY.index(b'"data":') + len(b'"data":')
    at = data.draw(st.integers(start, len(BODY) - 2))
    byte = data.draw(st.integers(0, 255))
    mutated = data.draw(
        st.sampled_from(
            [
                BODY[:at] + bytes([byte]) + BODY[at + 1 :],
                BODY[:at] + bytes([byte]) + BODY[at:],
                BODY[:at] + BODY[at + 1 :],
            ]
        )
    )

    event = _decoded(mutated)

    if event is not None:
        means_the_same = json.loads(mutated)["data"] == MESSAGE["data"]
        assert (event.digest == decode(BODY, "aktif.hr").digest) is means_the_same


@settings(max_examples=400)
@given(st.data())
def test_a_changed_byte_anywhere_is_malformed_or_read_as_it_stands(data: st.DataObject) -> None:
    at, byte = data.draw(st.integers(0, len(BODY) - 1)), data.draw(st.integers(0, 255))
    mutated = BODY[:at] + bytes([byte]) + BODY[at + 1 :]

    event = _decoded(mutated)

    if event is not None:
        read = json.loads(mutated)
        assert event.key == (read["source"], read["id"])
        assert event.time == datetime.fromisoformat(read["time"].upper())
        assert read["type"] == type_of(event.data)


@given(st.binary(max_size=200))
def test_random_bytes_are_malformed_and_nothing_worse(body: bytes) -> None:
    assert _decoded(body) is None


@settings(max_examples=150)
@given(
    st.dictionaries(st.sampled_from([*MESSAGE, "x"]), json_values),
    st.sampled_from([*sorted(EXAMPLES)]),
    st.sampled_from([*Exchange]),
)
def test_random_envelopes_are_malformed_and_nothing_worse(
    attributes: dict[str, Any], name: str, exchange: Exchange
) -> None:
    body = json.dumps(json.loads(EXAMPLES[name].body) | attributes).encode()

    _decoded(body, exchange)


@settings(max_examples=150)
@given(st.data(), st.sampled_from(sorted(EXAMPLES)))
def test_random_data_is_malformed_and_nothing_worse(data: st.DataObject, name: str) -> None:
    example = EXAMPLES[name]
    message = json.loads(example.body)
    fields = data.draw(st.dictionaries(st.sampled_from(sorted(message["data"])) | st.text(max_size=12), json_values))

    _decoded(json.dumps(message | {"data": message["data"] | fields}).encode(), example.exchange)


def test_unknown_context_attributes_are_allowed_and_ignored() -> None:
    extended = with_attributes(traceparent="00-x", dataschema=None, nested={"a": [{"b": 1}]}, huge=10**4000)

    assert decode(extended, "aktif.hr") == decode(BODY, "aktif.hr")


def test_of_duplicate_keys_the_last_counts_as_in_the_database_and_in_javascript() -> None:
    doubled = BODY.replace(b'"name":', b'"name":"ORANG LAIN","name":')

    assert decode(doubled, "aktif.hr").digest == decode(BODY, "aktif.hr").digest


@given(ids, sources, st.integers(0, 9), st.sampled_from(["MailRequested", "EventRejected"]))
def test_ids_of_what_is_caused_are_stable_and_tell_causes_replays_and_names_apart(
    id: str, source: str, replay: int, name: str
) -> None:
    caused = caused_id((source, id), replay, name)

    assert caused == caused_id((source, id), replay, name)
    assert UUID(caused).version == 5
    others = {
        caused_id((source, id), replay + 1, name),
        caused_id((source, id), replay, name + "2"),
        caused_id((source + "x", id), replay, name),
        caused_id((source, id + "x"), replay, name),
    }
    assert len(others | {caused}) == 5


def test_an_outgoing_event_carries_the_bytes_and_the_address_it_is_published_with() -> None:
    example = EXAMPLES["MailRequested"]
    key = routing_key(Lane.BULK, example.data)

    out = outgoing(
        example.data, id="1", source="/aktif/state", time=example.time, exchange=Exchange.EVENTS, routing_key=key
    )

    assert (out.exchange, out.routing_key, out.type) == (
        "aktif.events",
        "bulk.MailRequested",
        "aktif.MailRequested.v1",
    )
    assert decode(out.body, "aktif.events").data == example.data


@pytest.mark.parametrize(
    ("source", "system"),
    [("/hr/kelantan", "kelantan"), ("/hr/kelantan/", "kelantan"), ("urn:hr:a.b*#", "urn_hr_a_b__"), ("///", "_")],
)
def test_the_feed_is_keyed_by_the_last_part_of_a_source(source: str, system: str) -> None:
    assert system_of(source) == system
    assert feed_routing_key(system, EXAMPLES["AccountActivated"].data) == f"{system}.AccountActivated"
