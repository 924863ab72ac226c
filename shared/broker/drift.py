"""Where a broker differs from the topology, as the management API tells it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from schemas.events import Exchange
from shared.broker.management import BindingState, ManagementApi, PolicyState
from shared.broker.topology import TOPOLOGY, Topology

_OURS_TO_SET: Final = frozenset(
    {
        "alternate-exchange",
        "dead-letter-exchange",
        "dead-letter-routing-key",
        "dead-letter-strategy",
        "delivery-limit",
        "expires",
        "max-length",
        "max-length-bytes",
        "message-ttl",
        "overflow",
    }
)


def drift(api: ManagementApi, topology: Topology = TOPOLOGY) -> list[str]:
    """A line for each thing that is missing, different, too many, or overridden by a policy; none where all is well.

    An HR system's queue at `aktif.feed` is its own. Raises what the API raises.
    """
    return [*_queues(api, topology), *_exchanges(api, topology), *_bindings(api, topology)]


def _queues(api: ManagementApi, topology: Topology) -> Iterator[str]:
    found, policies = {queue.name: queue for queue in api.queues()}, api.policies()
    for wanted in topology.queues:
        queue = found.get(wanted.name)
        if queue is None:
            yield f"queue {wanted.name} is missing"
            continue
        if not queue.durable:
            yield f"queue {wanted.name} is not durable"
        yield from _arguments(f"queue {wanted.name}", queue.arguments, wanted.arguments)
        yield from _overrides("queue", wanted.name, policies)


def _exchanges(api: ManagementApi, topology: Topology) -> Iterator[str]:
    found, policies = {exchange.name: exchange for exchange in api.exchanges()}, api.policies()
    for wanted in topology.exchanges:
        exchange = found.get(wanted.name)
        if exchange is None:
            yield f"exchange {wanted.name} is missing"
            continue
        if exchange.kind != wanted.kind or not exchange.durable:
            durable = "" if exchange.durable else "not durable "
            yield f"exchange {wanted.name} is {durable}{exchange.kind}, and must be {wanted.kind}"
        yield from _arguments(f"exchange {wanted.name}", exchange.arguments, wanted.arguments)
        yield from _overrides("exchange", wanted.name, policies)


def _bindings(api: ManagementApi, topology: Topology) -> Iterator[str]:
    exchanges = {exchange.name for exchange in topology.exchanges} - {Exchange.FEED.value}
    queues = {queue.name for queue in topology.queues}
    wanted = [BindingState(binding.exchange, binding.queue, binding.key, {}) for binding in topology.bindings]
    found = api.bindings()
    for binding in wanted:
        if binding not in found:
            yield f"binding {_said(binding)} is missing"
    for binding in found:
        if binding not in wanted and (binding.exchange in exchanges or binding.to in queues):
            yield f"binding {_said(binding)} is not ours"


def _said(binding: BindingState) -> str:
    return f"from {binding.exchange} to {binding.to} with key {binding.key!r}"


def _arguments(what: str, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*found, *wanted}):
        if name not in wanted:
            yield f"{what}: {name} is {found[name]}, and must not be set"
        elif found.get(name) != wanted[name]:
            yield f"{what}: {name} is {found.get(name, 'not set')}, and must be {wanted[name]}"


def _overrides(kind: str, name: str, policies: Sequence[PolicyState]) -> Iterator[str]:
    """Not asked of the queue itself, which tells it seconds late."""
    for policy in policies:
        keys = sorted(_OURS_TO_SET & policy.definition.keys())
        is_for = policy.apply_to == "all" or kind in policy.apply_to
        if keys and is_for and re.search(policy.pattern, name):
            yield f"{kind} {name}: policy {policy.name} sets {', '.join(keys)}"
