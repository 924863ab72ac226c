"""The AsyncAPI 3.0 document of Aktif: channels, who sends and receives on them, and every message.

https://www.asyncapi.com/docs/reference/specification/v3.0.0, with the AMQP bindings 0.3.0 of
https://github.com/asyncapi/bindings/blob/master/amqp/README.md. An operation is told from Aktif's side, as AsyncAPI
wants it: where Aktif receives, an HR system or the portal sends.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from schemas.envelope import CONTENT_TYPE, MAX_MESSAGE_BYTES
from schemas.events import EVENT_NAME, MODELS, PUBLISHED_TO, Exchange, Lane
from schemas.examples import EXAMPLES

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_BINDING: Final = "0.3.0"
_SCHEMA_FORMAT: Final = "application/schema+json;version=2020-12"

_CHANNELS: Final[Mapping[Exchange, str]] = {
    Exchange.HR: "What HR systems tell Aktif. `source` begins with neither /portal nor /aktif/.",
    Exchange.PORTAL: "What a person does in the portal. `source` begins with /portal.",
    Exchange.EVENTS: "Worker to worker. `source` begins with /aktif/.",
    Exchange.FEED: "What HR systems may listen to, each through a queue of its own. "
    "A receiver drops events whose source and id it has seen.",
}

_LANE: Final = {
    "description": "live: a person is waiting. bulk: an import, which gives way to what is live. "
    "An event inherits the lane of its cause; MailSettled is always live.",
    "enum": [lane.value for lane in Lane],
}
_SYSTEM: Final = {"description": "The HR system: the last part of its registration's source, such as kelantan."}


class _Operation(NamedTuple):
    name: str
    who: str
    action: str
    exchange: Exchange
    summary: str
    events: tuple[str, ...]


def _on(exchange: Exchange) -> tuple[str, ...]:
    return tuple(
        name for name in MODELS if any(exchange in PUBLISHED_TO[m] for m, n in EVENT_NAME.items() if n == name)
    )


_OPERATIONS: Final = (
    _Operation("stateTakesFromHr", "state", "receive", Exchange.HR, "HR systems send.", _on(Exchange.HR)),
    _Operation("portalTells", "portal", "send", Exchange.PORTAL, "Each POST is a new event.", _on(Exchange.PORTAL)),
    _Operation("stateTakesFromPortal", "state", "receive", Exchange.PORTAL, "The portal sends.", _on(Exchange.PORTAL)),
    _Operation("stateAsksForMail", "state", "send", Exchange.EVENTS, "One mail to one person.", ("MailRequested",)),
    _Operation("mailerTakesMail", "mailer", "receive", Exchange.EVENTS, "State sends.", ("MailRequested",)),
    _Operation("operatorAsks", "cli", "send", Exchange.EVENTS, "An operator's resend.", ("ActivationRequested",)),
    _Operation("stateTakesAsked", "state", "receive", Exchange.EVENTS, "An operator's.", ("ActivationRequested",)),
    _Operation("mailerSettlesMail", "mailer", "send", Exchange.EVENTS, "How a mail ended.", ("MailSettled",)),
    _Operation("stateTakesResult", "state", "receive", Exchange.EVENTS, "The mailer sends.", ("MailSettled",)),
    _Operation("stateTellsHr", "state", "send", Exchange.FEED, "HR systems may listen.", _on(Exchange.FEED)),
)


def schema_file(name: str) -> str:
    """The published file of an event's JSON Schema."""
    return f"{name}.schema.json"


def summary(name: str) -> str:
    """What an event says, and where it is published, in the words of its models."""
    return " ".join(
        f"{(model.__doc__ or '').strip()} Published to {' and '.join(sorted(exchanges))}."
        for model, exchanges in PUBLISHED_TO.items()
        if EVENT_NAME[model] == name
    )


def document() -> dict[str, Any]:
    """The whole document."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Aktif",
            "version": "1.0.0",
            "description": "Turns a registration in an HR system into an activated account. Every message is a "
            f"CloudEvent 1.0 in structured JSON, of at most {MAX_MESSAGE_BYTES} bytes. Any AMQP 0-9-1 client can "
            "publish one: delivery mode 2, confirms on; no header of a publisher means anything.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {"rabbitmq": {"host": "localhost:5672", "protocol": "amqp", "protocolVersion": "0.9.1"}},
        "channels": {exchange.value: _channel(exchange, text) for exchange, text in _CHANNELS.items()},
        "operations": {operation.name: _operation(operation) for operation in _OPERATIONS},
        "components": {"messages": {name: _message(name) for name in MODELS}},
    }


def _channel(exchange: Exchange, text: str) -> dict[str, Any]:
    names = _on(exchange)
    first = {"system": _SYSTEM} if exchange is Exchange.FEED else {"lane": _LANE}
    return {
        "address": f"{{{next(iter(first))}}}.{{event}}",
        "title": exchange.value,
        "description": text,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "parameters": {**first, "event": {"description": "The event's name.", "enum": list(names)}},
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {
                    "name": exchange.value,
                    "type": "topic",
                    "durable": True,
                    "autoDelete": False,
                    "vhost": "/",
                },
                "bindingVersion": _BINDING,
            }
        },
    }


def _operation(operation: _Operation) -> dict[str, Any]:
    channel = f"#/channels/{operation.exchange.value}"
    delivery = (
        {"deliveryMode": 2, "mandatory": operation.exchange is not Exchange.FEED}
        if operation.action == "send"
        else {"ack": True}
    )
    return {
        "action": operation.action,
        "channel": {"$ref": channel},
        "title": f"{operation.who} {operation.action}s",
        "summary": operation.summary,
        "tags": [{"name": operation.who}],
        "bindings": {"amqp": {**delivery, "bindingVersion": _BINDING}},
        "messages": [{"$ref": f"{channel}/messages/{name}"} for name in operation.events],
    }


def _message(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "title": name,
        "summary": summary(name),
        "contentType": CONTENT_TYPE,
        "payload": {"schemaFormat": _SCHEMA_FORMAT, "schema": {"$ref": f"./{schema_file(name)}"}},
        "bindings": {"amqp": {"messageType": f"aktif.{name}.v1", "bindingVersion": _BINDING}},
        "examples": [{"name": name, "payload": json.loads(EXAMPLES[name].body)}],
    }
