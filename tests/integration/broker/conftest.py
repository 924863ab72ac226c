"""A provisioned vhost a test."""

import pytest

from shared.broker.provision import provision
from tests.conftest import Broker
from tests.support.broker import Hands, with_short_waits


@pytest.fixture
def hands(vhost: str, rabbitmq: Broker) -> Hands:
    """A provisioned vhost with short waits, and a queue that hears what is published to `aktif.feed`."""
    found = Hands(vhost, rabbitmq.api_url)
    assert provision([vhost], with_short_waits()) == []
    found.listen()
    return found
