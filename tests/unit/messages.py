"""Messages with something changed, and what decoding says of them."""

import json
from typing import Any

import pytest

from schemas.envelope import Malformed, decode
from schemas.examples import EXAMPLES

BODY = EXAMPLES["ActivationRequested"].body
MESSAGE: dict[str, Any] = json.loads(BODY)
IDENTITY = (MESSAGE["source"], MESSAGE["id"])


def with_attributes(**attributes: object) -> bytes:
    """The example registration with other context attributes; one that is set to `...` is left out."""
    return json.dumps({k: v for k, v in (MESSAGE | attributes).items() if v is not ...}).encode()


def with_data(**fields: object) -> bytes:
    """The example registration with other data; a field that is set to `...` is left out."""
    return with_attributes(data={k: v for k, v in (MESSAGE["data"] | fields).items() if v is not ...})


def example_with(name: str, **fields: object) -> bytes:
    """The example of an event with other data."""
    message = json.loads(EXAMPLES[name].body)
    return json.dumps(message | {"data": message["data"] | fields}).encode()


def refusal_of(body: bytes, exchange: str = "aktif.hr", content_type: str | None = None) -> Malformed:
    """How decoding refuses a message."""
    with pytest.raises(Malformed) as raised:
        decode(body, exchange, content_type)
    return raised.value
