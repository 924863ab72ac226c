"""The topology, as data."""

import re

import pytest

from schemas.events import EVENT_NAME, PUBLISHED_TO, EventData, Exchange, Lane
from shared.broker.topology import DEAD_QUEUE, TOPOLOGY, ExchangeSpec, feed_topology
from shared.broker.verdicts import Wait

QUEUES = {queue.name: queue.arguments for queue in TOPOLOGY.queues}
EXCHANGES = {exchange.name: exchange for exchange in TOPOLOGY.exchanges}
WORK = [f"{service}.{lane}" for service in ("state", "mailer") for lane in ("live", "bulk")]
SUSPECTS = ["state.suspect", "mailer.suspect"]
WAITS = [wait.queue for wait in Wait]


def routed(exchange: str, key: str) -> set[str]:
    """The queues that a message reaches, by the rules of AMQP: `*` is one word, `#` any number."""

    def matches(exchange: ExchangeSpec, pattern: str) -> bool:
        if exchange.kind == "fanout":
            return True
        if exchange.kind == "direct":
            return pattern == key
        regex = re.escape(pattern).replace(r"\*", r"[^.]+").replace(r"\#", ".*")
        return re.fullmatch(regex, key) is not None

    found = {b.queue for b in TOPOLOGY.bindings if b.exchange == exchange and matches(EXCHANGES[exchange], b.key)}
    alternate = EXCHANGES[exchange].alternate
    return found or (routed(alternate, key) if alternate else set())


def test_the_queues_are_those_of_the_architecture() -> None:
    assert set(QUEUES) == {*WORK, *SUSPECTS, *WAITS, DEAD_QUEUE}
    assert WAITS == ["wait.5s", "wait.30s", "wait.2m", "wait.10m", "wait.1h"]


@pytest.mark.parametrize("queue", [*WORK, *SUSPECTS, *WAITS])
def test_nothing_is_lost_between_a_queue_and_its_dead_letter_exchange(queue: str) -> None:
    """At-least-once without reject-publish is silently at-most-once."""
    arguments = QUEUES[queue]
    assert arguments["x-dead-letter-strategy"] == "at-least-once"
    assert arguments["x-overflow"] == "reject-publish"
    assert arguments["x-dead-letter-exchange"] in EXCHANGES
    assert routed(
        str(arguments["x-dead-letter-exchange"]), str(arguments.get("x-dead-letter-routing-key", "state.live"))
    )


@pytest.mark.parametrize("queue", QUEUES)
def test_every_queue_is_a_quorum_queue_without_a_length(queue: str) -> None:
    """With lengths, two workers would wait for each other for ever."""
    assert QUEUES[queue]["x-queue-type"] == "quorum"
    assert not {name for name in QUEUES[queue] if "max-length" in name or name == "x-expires"}
    assert ("x-message-ttl" in QUEUES[queue]) == (queue in WAITS)


def test_delivery_limits_are_said_where_messages_are_worked() -> None:
    limits = {queue: arguments.get("x-delivery-limit") for queue, arguments in QUEUES.items()}
    assert {limits[queue] for queue in WORK} == {20}
    assert {limits[queue] for queue in SUSPECTS} == {5}
    limit = limits[DEAD_QUEUE]
    assert isinstance(limit, int)
    assert limit >= 1_000_000


def test_every_alternate_exchange_is_there_and_the_feed_has_none() -> None:
    alternates = {exchange.name: exchange.alternate for exchange in TOPOLOGY.exchanges}
    assert {alternate for alternate in alternates.values() if alternate} <= set(EXCHANGES)
    assert alternates[Exchange.FEED] is None
    assert {alternates[name] for name in (Exchange.HR, Exchange.PORTAL, Exchange.EVENTS, "aktif.home")} == {
        "aktif.dead"
    }


@pytest.mark.parametrize("lane", Lane)
@pytest.mark.parametrize("model", PUBLISHED_TO)
def test_every_event_reaches_exactly_the_queue_that_is_meant(model: type[EventData], lane: Lane) -> None:
    name = EVENT_NAME[model]
    wanted = {
        "MailRequested": {f"mailer.{lane}"},
        "MailSettled": {"state.live"},
    }.get(name, {f"state.{lane}"})
    for exchange in PUBLISHED_TO[model]:
        if exchange != Exchange.FEED:
            assert routed(exchange, f"{lane}.{name}") == wanted


@pytest.mark.parametrize("exchange", [Exchange.HR, Exchange.PORTAL, Exchange.EVENTS])
@pytest.mark.parametrize("key", ["", "urgent.X", "live", "live.X.Y", "#"])
def test_what_nobody_is_meant_to_get_is_a_dead_letter(exchange: Exchange, key: str) -> None:
    assert routed(exchange, key) == {DEAD_QUEUE}


@pytest.mark.parametrize("queue", [*WORK, *SUSPECTS])
def test_a_message_that_waits_comes_home_to_the_queue_it_names(queue: str) -> None:
    for wait in Wait:
        assert routed(wait.queue, queue) == {wait.queue}
        assert QUEUES[wait.queue]["x-dead-letter-exchange"] == "aktif.home"
        assert "x-dead-letter-routing-key" not in QUEUES[wait.queue]
        assert QUEUES[wait.queue]["x-message-ttl"] == wait.seconds * 1000
    assert routed("aktif.home", queue) == {queue}


def test_a_message_whose_home_is_gone_is_a_dead_letter() -> None:
    assert routed("aktif.home", "gone") == {DEAD_QUEUE}


def test_an_hr_systems_queue_hears_only_what_concerns_it() -> None:
    feed = feed_topology("kelantan")
    (binding,) = feed.bindings
    assert (binding.exchange, binding.queue, binding.key) == ("aktif.feed", "feed.kelantan", "kelantan.*")
    assert feed.queues[0].arguments == {
        "x-queue-type": "quorum",
        "x-message-ttl": 30 * 24 * 3600 * 1000,
        "x-max-length": 1_000_000,
        "x-overflow": "drop-head",
    }
