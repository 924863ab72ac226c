"""What an HR system hears."""

import json
from typing import Any

import pika

from shared.broker.provision import provision
from shared.broker.topology import feed_queue, feed_topology


class Feed:
    """The feed queue of one HR system, which must be there before anything is said."""

    def __init__(self, amqp_url: str, system: str) -> None:
        provision([amqp_url], feed_topology(system))
        self._url, self._queue = amqp_url, feed_queue(system)
        self.heard: list[dict[str, Any]] = []

    def said(self, name: str) -> list[dict[str, Any]]:
        """The data of all events of a name that came so far."""
        connection = pika.BlockingConnection(pika.URLParameters(self._url))
        try:
            channel = connection.channel()
            while (got := channel.basic_get(self._queue, auto_ack=True))[0] is not None:
                self.heard.append(json.loads(got[2]))
        finally:
            connection.close()
        return [event["data"] for event in self.heard if event["type"] == f"aktif.{name}.v1"]
