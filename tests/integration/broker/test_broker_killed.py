"""The broker is killed while messages wait and batches are in flight."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.cli.servers.ladder import Given, Servers, servers
from services.cli.servers.rabbitmq import PrivateRabbitMQ
from shared.broker.provision import provision
from tests.support.broker import WORKED, Hands, process, with_short_waits
from tests.support.servers import fresh_vhost
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """A RabbitMQ of this module's own."""
    folder: Path = tmp_path_factory.mktemp("node")
    with servers(folder, want=frozenset({"amqp"}), given=Given(), for_tests=True) as found:
        yield found


@pytest.fixture
def own_hands(node: Servers) -> Iterator[Hands]:
    """A provisioned vhost on that node."""
    with fresh_vhost(node.amqp_url, node.broker_api_url) as url:
        assert provision([url], with_short_waits()) == []
        found = Hands(url, node.broker_api_url)
        found.listen()
        yield found


def test_a_killed_broker_loses_nothing_and_work_goes_on_by_itself(node: Servers, own_hands: Hands) -> None:
    """Each message is tried twice, so that at the kill some wait for their second try, and some are in hand.

    A second try goes to the end of the queue: only when something more comes after the first are done, some still wait.
    """
    hands = own_hands
    bodies = [b"%d" % number for number in range(3000)]
    done = Counter[bytes]()

    def more_done() -> int:
        found = hands.drain(WORKED)
        done.update(message.body for message in found)
        return len(found)

    assert node.rabbitmq is not None
    with process(hands, "retry", "0.08") as worker:
        hands.publish_many("aktif.hr", "bulk.X", bodies[:1500])
        eventually("some are done", lambda: hands.count(WORKED) > 100)
        hands.publish_many("aktif.hr", "bulk.X", bodies[1500:])
        eventually("some wait, and some are in hand", lambda: _waiting_and_in_hand(hands, len(bodies) + 2), every=0.01)
        node.rabbitmq.kill()
        node.rabbitmq.start()
        more_done()
        # On a slow machine that may have taken until all was done.
        seconds = eventually("it goes on", lambda: more_done() or not hands.counts())
        print(f"going on {seconds:.1f} s after the return")
        eventually(
            "all are done", lambda: not more_done() and len(done) == len(bodies) + 1 and not hands.counts(), within=90
        )
        worker.terminate()
        assert worker.wait(10) == 0
    more_done()
    assert set(done) == {*bodies, b"last"}
    assert hands.count("dead") == 0
    print(f"{sum(done.values()) - len(done)} done twice")


def _waiting_and_in_hand(hands: Hands, left: int) -> bool:
    """Whether messages wait for their second try while the worker holds some: what no queue shows ready is in hand."""
    counts = hands.counts()
    return counts.get("wait.5s", 0) > 0 and sum(counts.values()) + hands.count(WORKED) < left


def test_acks_flow_through_a_memory_alarm_and_work_goes_on_when_it_is_lifted(node: Servers, own_hands: Hands) -> None:
    """What was confirmed before the alarm is acked; what is published during it waits."""
    hands = own_hands
    if not isinstance(node.rabbitmq, PrivateRabbitMQ):
        pytest.skip("needs a node of our own")
    hands.publish_many("aktif.hr", "bulk.X", [b"%d" % number for number in range(2000)])
    with process(hands, "slow", "0.2"):
        eventually("some are done", lambda: hands.count(WORKED) > 0)
        _alarm(node.rabbitmq, "0.00001")
        eventually("the alarm is on", lambda: hands.api.alarms())
        eventually("nothing moves any more", lambda: _stands_still(hands))
        assert hands.count(WORKED) < 2001
        _alarm(node.rabbitmq, "0.6")
        seconds = eventually("all are done", lambda: hands.counts() == {} and hands.count(WORKED) >= 2001, within=60)
        print(f"done {seconds:.1f} s after the alarm was lifted")


def _stands_still(hands: Hands) -> bool:
    counts = hands.counts(), hands.count(WORKED)
    eventually("a moment passes", lambda known=[]: known.append(1) or len(known) > 20)  # type: ignore[misc]
    return counts == (hands.counts(), hands.count(WORKED))


def _alarm(node: PrivateRabbitMQ, watermark: str) -> None:
    """Set the share of memory at which the node stops reading from publishers."""
    from services.cli.servers.process import run

    environment = node._environment()
    run(
        [Path(node._script).parent / "rabbitmqctl", "set_vm_memory_high_watermark", watermark],
        cwd=node._folder,
        env={**os.environ, **environment},
    )
