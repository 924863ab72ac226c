"""Registers one person, then prints what Aktif says of our people.

python hr.py CHANGE IC_NUMBER NAME EMAIL REGISTERED_AT, with AMQP_URL and FEED as `aktif provision --hr NAME` gave them.
CHANGE is the number of this change in your own records: after a crash send it again, the second time does nothing.
"""

import json
import os
import sys
from datetime import UTC, datetime

import pika
from pika.adapters.blocking_connection import BlockingChannel


def register(channel: BlockingChannel, source: str, change: str, person: dict[str, str]) -> None:
    """Publish one registration; returns when the broker has it on disk, and raises where it refuses."""
    event = {
        "specversion": "1.0",
        "id": change,
        "source": source,
        "type": "aktif.ActivationRequested.v1",
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "datacontenttype": "application/json",
        "data": {"reason": "registration", **person},
    }
    properties = pika.BasicProperties(content_type="application/cloudevents+json", delivery_mode=2)
    channel.confirm_delivery()
    channel.basic_publish("aktif.hr", "live.ActivationRequested", json.dumps(event).encode(), properties)


def listen(channel: BlockingChannel, feed: str) -> None:
    """Print every event once. In earnest `seen` is a table of yours, written together with what you do about it."""
    seen = set()
    channel.basic_qos(prefetch_count=100)
    for method, _, body in channel.consume(feed):
        event = json.loads(body)
        if (event["source"], event["id"]) not in seen:
            seen.add((event["source"], event["id"]))
            print(event["type"].split(".")[1], body.decode(), flush=True)
        channel.basic_ack(method.delivery_tag)


def main(change: str, ic_number: str, name: str, email: str, registered_at: str) -> None:
    """Register, then listen until Ctrl-C."""
    feed = os.environ["FEED"]
    channel = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])).channel()
    person = {"ic_number": ic_number, "name": name, "email": email, "registered_at": registered_at}
    register(channel, feed.replace("feed.", "/hr/", 1), change, person)
    print("confirmed", change, flush=True)
    listen(channel, feed)


if __name__ == "__main__":
    main(*sys.argv[1:])
