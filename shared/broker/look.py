"""A look at one broker, as a client sees it."""

import socket
from dataclasses import dataclass
from typing import Final

import pika
from pika.exceptions import AMQPError

from shared.broker.connection import BrokerUnreachable, parameters, why
from shared.tls import Peer, handshake

_SECONDS: Final = 5


@dataclass(frozen=True, slots=True)
class BrokerSeen:
    """A broker that let us in; `peer` is None where the connection is in clear."""

    host: str
    port: int
    user: str
    vhost: str
    product: str
    version: str
    peer: Peer | None


def look(url: str) -> BrokerSeen:
    """Log in and out again. Raises BrokerUnreachable after 10 s at most, and BadSettings for a bad URL."""
    wanted = parameters(url, "aktif-check")
    try:
        connection = pika.BlockingConnection(wanted)
        says = connection._impl.server_properties  # nothing public tells them
        connection.close()
        peer = None
        if wanted.ssl_options is not None:
            sock = socket.create_connection((wanted.host, wanted.port), _SECONDS)
            peer = handshake(sock, wanted.host, wanted.ssl_options.context)
    except (AMQPError, OSError) as error:
        raise BrokerUnreachable(why(error)) from error
    user, product, version = wanted.credentials.username, str(says.get("product")), str(says.get("version"))
    return BrokerSeen(wanted.host, wanted.port, user, wanted.virtual_host, product, version, peer)
