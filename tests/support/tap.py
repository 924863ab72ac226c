"""Everything that is published, seen from beside."""

from typing import NamedTuple

import pika

from shared.broker.topology import TOPOLOGY, ExchangeSpec

_TAP = "tap"


class Tapped(NamedTuple):
    """A message as it was published."""

    exchange: str
    routing_key: str
    properties: pika.BasicProperties
    body: bytes


class Tap:
    """A queue that gets a copy of everything that is published to some exchanges, or to any, from here on."""

    def __init__(self, amqp_url: str, *exchanges: str) -> None:
        self._connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
        self._channel = self._connection.channel()
        self._channel.queue_declare(_TAP, exclusive=True)
        for exchange in TOPOLOGY.exchanges:
            for key in _keys(exchange) if exchange.name in exchanges or not exchanges else []:
                self._channel.queue_bind(_TAP, exchange.name, key)
        self._seen = list[Tapped]()

    def seen(self) -> list[Tapped]:
        """What was published so far."""
        while (got := self._channel.basic_get(_TAP, auto_ack=True))[0] is not None:
            method, properties, body = got
            self._seen.append(Tapped(method.exchange, method.routing_key, properties, body))
        return self._seen

    def waiting(self) -> int:
        """How many were published since they were last seen; does not fetch them."""
        return int(self._channel.queue_declare(_TAP, passive=True).method.message_count)

    def close(self) -> None:
        """Take it away."""
        self._connection.close()


def _keys(exchange: ExchangeSpec) -> list[str]:
    return [queue.name for queue in TOPOLOGY.queues] if exchange.kind == "direct" else ["#"]
