"""Provisioning and drift."""

from dataclasses import replace

import pytest

from shared.broker.connection import BrokerUnreachable
from shared.broker.drift import drift
from shared.broker.provision import provision
from shared.broker.topology import TOPOLOGY, feed_topology
from tests.conftest import Broker
from tests.support.broker import Hands


def test_everything_is_declared_and_provisioning_again_changes_nothing(vhost: str, rabbitmq: Broker) -> None:
    api = Hands(vhost, rabbitmq.api_url).api
    assert provision([vhost]) == []
    before = api.exchanges(), api.bindings(), sorted(queue.name for queue in api.queues())
    assert provision([vhost]) == []
    assert (api.exchanges(), api.bindings(), sorted(queue.name for queue in api.queues())) == before
    assert before[2] == sorted(queue.name for queue in TOPOLOGY.queues)
    assert drift(api) == []


def test_a_queue_with_other_arguments_is_reported_and_left_alone(vhost: str, rabbitmq: Broker) -> None:
    hands = Hands(vhost, rabbitmq.api_url)
    with hands.channel() as channel:
        channel.queue_declare("state.live", durable=True, arguments={"x-queue-type": "quorum", "x-max-length": 9})
    hands.publish("", "state.live", [b"kept"])
    (line,) = provision([vhost])
    assert "state.live" in line
    assert [message.body for message in hands.drain("state.live")] == [b"kept"]
    found = drift(hands.api)
    assert "queue state.live: x-max-length is 9, and must not be set" in found
    assert "queue state.live: x-overflow is not set, and must be reject-publish" in found
    assert all(line.startswith("queue state.live: ") for line in found)


def test_each_kind_of_drift_has_its_line(vhost: str, rabbitmq: Broker) -> None:
    hands = Hands(vhost, rabbitmq.api_url)
    with hands.channel() as channel:
        channel.exchange_declare("aktif.hr", "fanout", durable=True)
    (refused,) = provision([vhost])
    assert "aktif.hr" in refused
    name = hands.url.rpartition("/")[2]
    hands.api.request("PUT", f"policies/{name}/loses", {"pattern": "^dead$", "definition": {"message-ttl": 1}})
    with hands.channel() as channel:
        channel.queue_delete("wait.1h")
        channel.exchange_delete("aktif.feed")
        channel.queue_unbind("state.live", "aktif.portal", "live.*")
        channel.queue_bind("state.live", "aktif.events", "#")
    assert drift(hands.api) == [
        "queue wait.1h is missing",
        "queue dead: policy loses sets message-ttl",
        "exchange aktif.hr is fanout, and must be topic",
        "exchange aktif.hr: alternate-exchange is not set, and must be aktif.dead",
        "exchange aktif.feed is missing",
        "binding from aktif.portal to state.live with key 'live.*' is missing",
        "binding from wait.1h to wait.1h with key '' is missing",
        "binding from aktif.events to state.live with key '#' is not ours",
    ]


def test_an_hr_systems_own_queue_is_no_drift(vhost: str, rabbitmq: Broker) -> None:
    api = Hands(vhost, rabbitmq.api_url).api
    assert provision([vhost]) == provision([vhost], feed_topology("kelantan")) == []
    assert drift(api) == drift(api, feed_topology("kelantan")) == []
    feed = feed_topology("kelantan")
    shorter = replace(feed.queues[0], arguments={**feed.queues[0].arguments, "x-max-length": 5})
    changed = replace(feed, queues=(shorter,))
    assert drift(api, changed) == ["queue feed.kelantan: x-max-length is 1000000, and must be 5"]


def test_a_broker_that_is_not_there_is_one_line() -> None:
    with pytest.raises(BrokerUnreachable, match="no broker answers"):
        provision(["amqp://nobody:secret@127.0.0.1:1/"])
