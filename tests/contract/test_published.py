"""What is published is what the models say."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from schemas.envelope import Malformed, decode, encode
from schemas.events import MODELS, PUBLISHED_TO, Exchange
from schemas.examples import EXAMPLES
from schemas.publish import FOLDER, PAGE, main, published, stale

NAMES = tuple(MODELS)


def _read(file: str) -> Any:
    return json.loads((FOLDER / file).read_text(encoding="utf-8"))


def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(_read(f"{name}.schema.json"), format_checker=Draft202012Validator.FORMAT_CHECKER)


def _with_data(event: str, /, **changes: object) -> Any:
    message = json.loads(EXAMPLES[event].body)
    message["data"] |= changes
    return message


def _refs(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from [value] if key == "$ref" else _refs(value)
    elif isinstance(node, list):
        for item in node:
            yield from _refs(item)


def _resolve(document: Any, ref: str) -> Any:
    file, _, pointer = ref.partition("#")
    node = _read(file.removeprefix("./")) if file else document
    for part in pointer.strip("/").split("/") if pointer else ():
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


def test_no_published_file_is_stale() -> None:
    assert stale(published()) == [], "run: python -m schemas.publish"


def test_the_check_fails_and_names_what_is_stale(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("schemas.publish.FOLDER", tmp_path / "published")

    before = main(["--check"])
    told = capsys.readouterr().out
    main([])
    (tmp_path / "published" / "Gone.schema.json").write_text("{}")
    with_a_leftover = main(["--check"])
    main([])
    (tmp_path / "published" / PAGE).write_text("# Of yesterday")
    with_an_old_page = main(["--check"])
    main([])
    after = main(["--check"])

    assert (before, with_a_leftover, with_an_old_page, after) == (1, 1, 1, 0)
    assert "stale: published/asyncapi.json" in told


@pytest.mark.parametrize("name", NAMES)
def test_every_event_has_a_schema_and_an_example_that_obeys_it(name: str) -> None:
    schema, example = _read(f"{name}.schema.json"), _read(f"{name}.example.json")

    Draft202012Validator.check_schema(schema)
    _validator(name).validate(example)
    assert schema["properties"]["type"] == {"const": f"aktif.{name}.v1"}
    assert schema["description"]


@pytest.mark.parametrize("name", NAMES)
def test_every_example_is_accepted_from_its_exchange_and_survives_the_trip(name: str) -> None:
    example = EXAMPLES[name]

    event = decode((FOLDER / f"{name}.example.json").read_bytes(), example.exchange)

    assert event.data == example.data
    assert encode(event.data, id=event.id, source=event.source, time=event.time) == example.body


@pytest.mark.parametrize("name", NAMES)
def test_every_example_is_refused_from_any_exchange_not_listed_for_it(name: str) -> None:
    example = EXAMPLES[name]

    for exchange in set(Exchange) - PUBLISHED_TO[type(example.data)] | {"aktif.home", "aktif.letters", ""}:
        with pytest.raises(Malformed, match="wrong_exchange"):
            decode(example.body, exchange)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("ActivationRequested", {"ic_number": "850230030007"}),
        ("ActivationRequested", {"ic_number": "850101-03-0007"}),
        ("ActivationRequested", {"name": "PEGAWAI\u0000CONTOH"}),
        ("ActivationRequested", {"name": " \t "}),
        ("ActivationRequested", {"name": "PEGAWAI \u202eHOTNOC"}),
        ("ActivationRequested", {"name": "x" * 201}),
        ("ActivationRequested", {"email": "pegawai contoh@example.gov.my"}),
        ("ActivationRequested", {"email": "a" * 65 + "@example.gov.my"}),
        ("ActivationRequested", {"registered_at": "2020-07-13T10:45:50"}),
        ("ActivationRequested", {"registered_at": "0001-07-13T10:45:50Z"}),
        ("ActivationRequested", {"registered_at": "2020-07-13T10:45+08:00"}),
        ("ActivationRequested", {"notify": "true"}),
        ("ActivationRequested", {"another": "field"}),
        ("PasswordSet", {"password_digest": "$2b$12$abcdefghijklmnopqrstuv"}),
        ("PasswordSet", {"session_digest": "0" * 63}),
        ("QuestionsSet", {"answers": []}),
        ("MailUndeliverable", {"smtp_code": 99}),
        ("MailUndeliverable", {"smtp_code": "550"}),
        ("MailSettled", {"reply": "550\u0007"}),
    ],
)
def test_the_schemas_refuse_what_the_models_refuse(name: str, changes: dict[str, object]) -> None:
    message = _with_data(name, **changes)

    with pytest.raises(Malformed):
        decode(json.dumps(message).encode(), EXAMPLES[name].exchange)

    assert not _validator(name).is_valid(message)


@pytest.mark.parametrize("name", ["MUHAMMAD 'AFIF BIN SALLEH @ ALI", "SITI A/P RAJÛ", "陳大文", "EMOJI 😀"])
def test_the_schemas_accept_the_names_that_the_models_accept(name: str) -> None:
    message = _with_data("ActivationRequested", name=name)

    decode(json.dumps(message).encode(), "aktif.hr")

    assert _validator("ActivationRequested").is_valid(message)


def test_every_property_of_a_persons_event_is_described() -> None:
    schema = _read("ActivationRequested.schema.json")

    registration = schema["$defs"]["Registration"]

    described = {name for name, part in registration["properties"].items() if "description" in part or "const" in part}
    assert described == set(registration["properties"])


def test_asyncapi_names_every_channel_and_every_message_on_its_channels() -> None:
    document = _read("asyncapi.json")

    on_channels = {name: set(channel["messages"]) for name, channel in document["channels"].items()}

    assert document["asyncapi"] == "3.0.0"
    assert on_channels.keys() == {exchange.value for exchange in Exchange}
    assert set().union(*on_channels.values()) == set(document["components"]["messages"]) == set(NAMES)
    for name, example in EXAMPLES.items():
        assert all(name in on_channels[exchange] for exchange in PUBLISHED_TO[type(example.data)])


def test_asyncapi_says_of_every_message_who_sends_or_receives_it() -> None:
    document = _read("asyncapi.json")

    told = {
        (operation["channel"]["$ref"].rpartition("/")[2], message["$ref"].rpartition("/")[2])
        for operation in document["operations"].values()
        for message in operation["messages"]
    }

    assert told == {(name, m) for name, channel in document["channels"].items() for m in channel["messages"]}


@pytest.mark.parametrize("file", sorted(file for file in published() if file.endswith(".json")))
def test_every_reference_resolves(file: str) -> None:
    document = _read(file)

    assert all(isinstance(_resolve(document, ref), dict) for ref in _refs(document))
