"""RabbitMQ's management API: https://www.rabbitmq.com/docs/management#http-api"""

import http.client
import json
import socket
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode, urlsplit

from shared.tls import Peer, handshake

_QUEUE_COLUMNS: Final = (
    "name,durable,arguments,messages_ready,messages_unacknowledged,consumers,"
    "message_stats.publish_details.rate,message_stats.deliver_get_details.rate,message_stats.ack_details.rate"
)


class ManagementError(Exception):
    """The management API answered with an error; the message carries its status and reason."""


class Management:
    """The API at `http://user:password@host:port`. One connection per call: it is asked seldom."""

    def __init__(self, url: str, timeout: float = 10) -> None:
        parts = urlsplit(url)
        self._host, self._port, self._secure = parts.hostname or "127.0.0.1", parts.port, parts.scheme == "https"
        self.user = unquote(parts.username or "guest")
        self._authorization = b64encode(f"{self.user}:{unquote(parts.password or 'guest')}".encode()).decode()
        self._timeout = timeout

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON answer, or None where there is no content.

        Raises ManagementError for a status of 400 and more, OSError and HTTPException when nobody answers.
        """
        return self.exchange(method, path, body)[1]

    def clock(self) -> datetime:
        """The clock of the node that answers, cut off to the second. Raises what `request` raises."""
        return parsedate_to_datetime(self.exchange("GET", "whoami", None)[0]["Date"])

    def peer(self) -> Peer:
        """Who answers, where the URL is `https://`. Raises OSError."""
        return handshake(socket.create_connection((self._host, self._port or 443), self._timeout), self._host)

    def exchange(self, method: str, path: str, body: Any) -> tuple[http.client.HTTPMessage, Any]:
        """The headers and the JSON of an answer; what `request` raises."""
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._timeout)
        headers = {"Authorization": f"Basic {self._authorization}", "Content-Type": "application/json"}
        try:
            connection.request(method, f"/api/{path}", None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        if response.status >= 400:
            raise ManagementError(f"{method} /api/{path}: {response.status} {text.decode(errors='replace')[:300]}")
        return response.headers, json.loads(text) if text else None

    def answers(self) -> bool:
        """Whether the API serves this user now."""
        try:
            self.request("GET", "whoami")
        except (OSError, http.client.HTTPException, ManagementError):
            return False
        return True

    def create_vhost(self, name: str) -> None:
        """Makes a vhost in which this user may do everything; an existing one stays as it is."""
        self.request("PUT", f"vhosts/{_quoted(name)}", {})
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        self.request("PUT", f"permissions/{_quoted(name)}/{_quoted(self.user)}", everything)

    def delete_vhost(self, name: str) -> None:
        """Deletes a vhost with its queues and closes its connections; raises ManagementError when there is none."""
        self.request("DELETE", f"vhosts/{_quoted(name)}")

    def alarms(self) -> list[str]:
        """The alarms in force on any node, `mem_alarm` or `disk_free_alarm`, each with its node."""
        names = ("mem_alarm", "disk_free_alarm")
        nodes = self.request("GET", f"nodes?columns=name,{','.join(names)}")
        return [f"{alarm} on {node['name']}" for node in nodes for alarm in names if node.get(alarm)]


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue, as the broker counted it some seconds ago; rates are per second."""

    name: str
    durable: bool
    arguments: Mapping[str, Any]
    ready: int
    unacked: int
    consumers: int
    rate_in: float
    rate_out: float
    rate_acked: float


@dataclass(frozen=True, slots=True)
class ExchangeState:
    """An exchange."""

    name: str
    kind: str
    durable: bool
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BindingState:
    """A binding; `to` is the name of a queue, or of an exchange with `exchange ` before it."""

    exchange: str
    to: str
    key: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PolicyState:
    """A policy; `pattern` finds the names it is for, `apply_to` is `all`, `exchanges`, `queues` or a kind of queue."""

    name: str
    pattern: str
    apply_to: str
    definition: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """A connection: the name by which it can be closed, and what its client calls itself, empty where it does not."""

    name: str
    client: str
    version: str


class ManagementApi(Management):
    """The API, for one vhost. What it tells of queues is only what is needed, since the whole of it is dear."""

    def __init__(self, api_url: str, vhost: str, timeout: float = 10) -> None:
        super().__init__(api_url, timeout)
        self._vhost = _quoted(vhost)

    def queues(self) -> list[QueueState]:
        """All queues."""
        return [_queue(found) for found in self._get("queues", columns=_QUEUE_COLUMNS)]

    def depths(self, seconds: int, step: int) -> dict[str, list[float]]:
        """How many messages each queue held in the last so many seconds, oldest first, as the broker sampled it."""
        asked = {"columns": "name,messages_details.samples", "lengths_age": str(seconds), "lengths_incr": str(step)}
        return {
            found["name"]: [float(one["sample"]) for one in reversed(found["messages_details"]["samples"])]
            for found in self._get("queues", **asked)
            if found.get("messages_details", {}).get("samples")
        }

    def exchanges(self) -> list[ExchangeState]:
        """All exchanges, the broker's own among them."""
        return [
            ExchangeState(found["name"], found["type"], found["durable"], found["arguments"])
            for found in self._get("exchanges")
        ]

    def bindings(self) -> list[BindingState]:
        """All bindings, without those of the default exchange."""
        return [
            BindingState(
                found["source"],
                f"exchange {found['destination']}" if found["destination_type"] == "exchange" else found["destination"],
                found["routing_key"],
                found["arguments"],
            )
            for found in self._get("bindings")
            if found["source"]
        ]

    def policies(self) -> list[PolicyState]:
        """All policies, operators' too."""
        return [
            PolicyState(found["name"], found["pattern"], found["apply-to"], found["definition"])
            for kind in ("policies", "operator-policies")
            for found in self._get(kind)
        ]

    def connections(self) -> list[ConnectionState]:
        """All connections; the API learns of them some seconds late."""
        asked = f"vhosts/{self._vhost}/connections?columns=name,client_properties"
        return [_connection(found) for found in self.request("GET", asked)]

    def close_connection(self, name: str) -> None:
        """Close a connection by force."""
        self.request("DELETE", f"connections/{_quoted(name)}")

    def _get(self, what: str, **query: str) -> Any:
        return self.request("GET", f"{what}/{self._vhost}?{urlencode(query)}")


def vhost_of(amqp_url: str) -> str:
    """The vhost that an AMQP URL names."""
    return unquote(urlsplit(amqp_url).path.removeprefix("/")) or "/"


def api_url_of(amqp_url: str) -> str:
    """The management API that belongs to the first of the comma-separated AMQP URLs: same host and user.

    Where AMQP is encrypted it is too, lest the same password go over the net in clear: port 15671, else 15672.
    """
    if not amqp_url:
        return ""
    parts = urlsplit(amqp_url.split(",")[0].strip())
    user = parts.netloc.rpartition("@")[0] or "guest:guest"
    scheme, port = ("https", 15671) if parts.scheme == "amqps" else ("http", 15672)
    return f"{scheme}://{user}@{parts.hostname or 'localhost'}:{port}"


def _queue(found: Mapping[str, Any]) -> QueueState:
    return QueueState(
        name=found["name"],
        durable=found["durable"],
        arguments=found["arguments"],
        ready=found.get("messages_ready", 0),
        unacked=found.get("messages_unacknowledged", 0),
        consumers=found.get("consumers", 0),
        rate_in=_rate(found, "publish"),
        rate_out=_rate(found, "deliver_get"),
        rate_acked=_rate(found, "ack"),
    )


def _connection(found: Mapping[str, Any]) -> ConnectionState:
    said = found.get("client_properties", {})
    return ConnectionState(found["name"], str(said.get("connection_name", "")), str(said.get("version", "")))


def _rate(found: Mapping[str, Any], name: str) -> float:
    return float(found.get("message_stats", {}).get(f"{name}_details", {}).get("rate", 0.0))


def _quoted(name: str) -> str:
    return quote(name, safe="")
