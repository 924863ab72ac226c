"""Declaring the topology, and telling where a broker differs from it."""

from collections.abc import Callable, Iterator, Sequence
from operator import methodcaller

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError, ChannelClosedByBroker

from shared.broker.connection import BrokerUnreachable, parameters, why
from shared.broker.topology import TOPOLOGY, Topology


def provision(urls: Sequence[str], topology: Topology = TOPOLOGY) -> list[str]:
    """Declare everything; repeatable. Returns a line for each thing that is there in another form.

    Such a thing is left as it is, since a queue may hold messages. Raises BrokerUnreachable.
    """
    connection = _connect(urls)
    try:
        return [line for declare in _declarations(topology) if (line := _attempt(connection, declare))]
    finally:
        connection.close()


def _connect(urls: Sequence[str]) -> pika.BlockingConnection:
    last: Exception | None = None
    for url in urls:
        try:
            return pika.BlockingConnection(parameters(url, "aktif-provision"))
        except (AMQPError, OSError) as error:
            last = error
    raise BrokerUnreachable(f"no broker answers: {why(last) if last else 'none is set'}")


def _declarations(topology: Topology) -> Iterator[Callable[[BlockingChannel], object]]:
    for exchange in topology.exchanges:
        yield methodcaller("exchange_declare", exchange.name, exchange.kind, durable=True, arguments=exchange.arguments)
    for queue in topology.queues:
        yield methodcaller("queue_declare", queue.name, durable=True, arguments=dict(queue.arguments))
    for binding in topology.bindings:
        yield methodcaller("queue_bind", binding.queue, binding.exchange, binding.key)


def _attempt(connection: pika.BlockingConnection, declare: Callable[[BlockingChannel], object]) -> str | None:
    """Each on a channel of its own, since a refusal closes the channel."""
    channel = connection.channel()
    try:
        declare(channel)
    except ChannelClosedByBroker as error:
        return str(error.reply_text)
    channel.close()
    return None
