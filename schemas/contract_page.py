"""The page that an HR team reads: what its system may publish, what it hears, and what every word means. Generated."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from schemas.envelope import CONTENT_TYPE, MAX_MESSAGE_BYTES, json_schema
from schemas.events import EVENT_NAME, Exchange, Resend
from schemas.examples import EXAMPLES, Example
from schemas.reasons import REASONS, Answer

Schema = Mapping[str, Any]

_SHORT_PATTERN: Final = 40
"""Longer ones are left to the schemas; their description says what they mean."""
_FIRST: Final = EXAMPLES["ActivationRequested"]
_RESEND: Final = Example(
    "6f0c0000-0000-4000-8000-000000000020",
    _FIRST.source,
    _FIRST.time + timedelta(hours=1),
    Resend(reason="resend", ic_number="850101030007"),
    Exchange.HR,
)

_HEAD: Final = f"""\
# What HR systems exchange with Aktif

Generated from the models (`python -m schemas.publish`); do not edit. Each event's JSON Schema and example stand beside
this page, and `asyncapi.json` describes all channels. `tests/contract/clients/` has programs in Python, Node and Java.

## Connect

`aktif provision --hr NAME` makes the user `hr-NAME` (in another vhost than `/`: `hr-NAME-VHOST`), who may publish to
`{Exchange.HR}`, read the queue `feed.NAME`, and do nothing else: declare neither exchanges nor queues. Any AMQP 0-9-1
client will do. Publish with `source` `/hr/NAME`: what is said about your people goes to the feed that the last part
of the source names.

## Publish

| | |
| --- | --- |
| exchange | `{Exchange.HR}` (topic) |
| routing key | `live.<EventName>`: a person waits; `bulk.<EventName>`: an import, which gives way to what is live |
| `content_type` | `{CONTENT_TYPE}` (or `application/json`, or none) |
| `delivery_mode` | 2: it survives a restart of the broker |
| body | one CloudEvent 1.0 in structured JSON, UTF-8, at most {MAX_MESSAGE_BYTES:,} bytes |
| headers, `message_id`, other properties | mean nothing |

- Use publisher confirms, and call an event sent when the broker has confirmed it. After a lost connection or a crash
  send what was not confirmed again, **with the same `source`, `id` and `data`**: for 400 days a repeat changes nothing.
- `source` and `id` identify an event. Take the id from something that never comes twice, such as the number of the
  change in your own records. It is no hash of the content: a correction back to what was said before would be a repeat.
- `time` is when HR's record changed, by HR's clock. Registrations and withdrawals of a person take effect in its order,
  whatever order they arrive in; one that lies more than 5 minutes ahead is refused.
- **Times** are RFC 3339 with seconds and an offset: `2021-01-11T08:00:00+08:00`, `2021-01-11T00:00:00Z`, up to nine
  decimals. A time without seconds is refused, as RFC 3339 demands them. Java's `OffsetDateTime.toString()` leaves out
  seconds that are zero; `DateTimeFormatter.ISO_OFFSET_DATE_TIME` and `Instant.toString()` do not.
- Unknown fields in `data` are refused; unknown attributes of the envelope are ignored.
- A routing key that is neither `live.…` nor `bulk.…` reaches nobody: an operator finds the message among the dead
  letters, and nothing is said on the feed. The same goes for a message in which no `source` and `id` can be read.
"""

_FEED: Final = f"""\
## Listen

The queue `feed.NAME` gets what concerns events whose `source` ends in `/NAME`. It keeps 30 days and a million events;
then the oldest go first. Nobody need listen, and an unread feed stops nobody.

- Ack each event after you have kept what you do about it.
- An event may come twice: drop those whose `source` and `id` you have seen.
- Properties: `content_type` `{CONTENT_TYPE}`, `delivery_mode` 2, `message_id` (the event's `id`, a
  UUID) and `type` (the event's). The routing key is `NAME.<EventName>`.
- Be ready for attributes, events and reason words that this page does not know yet: pass over what you do not know.
"""

_REASONS: Final[Mapping[Answer, tuple[str, str]]] = {
    Answer.REFUSED: (
        "`EventRejected`: the event could not be worked",
        "Nothing was done and the id is not used up: the mended event may have it. An operator sees the message too.",
    ),
    Answer.REJECTED: (
        "`EventRejected`: the answer is no",
        "The event was worked and its id is used up: sending it again gives the same answer.",
    ),
    Answer.UNDELIVERABLE: ("`result` of `MailUndeliverable`", "Said of the current link's latest mail only."),
    Answer.IGNORED: (
        "Ignored: nothing to do, and nothing is said",
        "An operator finds these words in `aktif account IC_NUMBER`.",
    ),
    Answer.APPLIED: (
        "Applied: done, and nothing is said",
        "An operator finds these words in `aktif account IC_NUMBER`.",
    ),
}


def page() -> str:
    """The whole page, in Markdown."""
    return "\n".join(_page())


def _page() -> Iterator[str]:
    yield _HEAD
    yield from _envelope()
    for example in (EXAMPLES["ActivationRequested"], _RESEND, EXAMPLES["AccountWithdrawn"]):
        yield from _event(example)
    yield _FEED
    for name in ("AccountActivated", "MailUndeliverable", "EventRejected"):
        yield from _event(EXAMPLES[name])
    yield "## Reasons\n"
    for answer, (title, text) in _REASONS.items():
        rows = ((f"`{word}`", reason.means, reason.do) for word, reason in REASONS[answer].items())
        yield f"### {title}\n\n{text}\n"
        yield from _table(("word", "means", "HR does"), rows)


def _envelope() -> Iterator[str]:
    example = EXAMPLES["ActivationRequested"]
    schema = json_schema("ActivationRequested")
    schema["properties"]["type"]["description"] = "the event's name and version"
    schema["properties"]["data"] = {"description": "what the event says, as below"}
    yield "### The envelope of every event\n"
    yield from _fields(schema, json.loads(example.body) | {"data": {}})


def _event(example: Example) -> Iterator[str]:
    model, name = type(example.data), EVENT_NAME[type(example.data)]
    schema = model.model_json_schema()
    title = name if model.__name__ == name else f"{name}: {model.__name__.lower()}"
    yield f"### {title}\n\n{model.__doc__}\nSchema: [`{name}.schema.json`]({name}.schema.json).\n"
    yield from _fields(schema, json.loads(example.body)["data"])
    yield f"```json\n{json.dumps(json.loads(example.body), indent=2, ensure_ascii=False)}\n```\n"


def _fields(schema: Schema, example: Mapping[str, Any]) -> Iterator[str]:
    rows = (
        (f"`{name}`", _type(part), _bounds(part, is_required=name in schema["required"]), _shown(example.get(name)))
        for name, part in schema["properties"].items()
    )
    yield from _table(("field", "type", "bounds and meaning", "example"), rows)


def _type(part: Schema) -> str:
    if "anyOf" in part:
        return " or ".join(map(_type, part["anyOf"]))
    if part.get("format") == "date-time":
        return "time"
    return str(part.get("type", "object"))


def _bounds(part: Schema, *, is_required: bool) -> str:
    return "; ".join(filter(None, (*_words(part), "" if is_required else _default(part))))


def _words(part: Schema) -> Iterator[str]:
    for choice in part.get("anyOf", ()):
        yield from _words(choice)
    if "const" in part:
        yield f"always `{part['const']}`"
    if "enum" in part:
        yield " or ".join(f"`{value}`" for value in part["enum"])
    yield part.get("description", "")
    if "maxLength" in part:
        at_least = f"{part['minLength']} to" if "minLength" in part else "at most"
        yield f"{at_least} {part['maxLength']} characters"
    if "maximum" in part:
        yield f"{part['minimum']} to {part['maximum']}"
    if len(pattern := part.get("pattern", "")) in range(1, _SHORT_PATTERN):
        yield f"`{pattern}`".replace("|", "\\|")


def _default(part: Schema) -> str:
    return f"may be left out: `{json.dumps(part['default'])}`" if "default" in part else "may be left out"


def _shown(value: object) -> str:
    return f"`{json.dumps(value, ensure_ascii=False)}`" if value not in (None, {}) else ""


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    columns = list(head)
    yield f"| {' | '.join(columns)} |"
    yield f"| {' | '.join('---' for _ in columns)} |"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""
