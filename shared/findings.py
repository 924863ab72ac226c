"""What a check found: one line each, with what to do about it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import Any, Final

from shared.clock import MALAYSIA, now
from shared.tls import Peer

_CERTIFICATE_DAYS: Final = 30


class Level(StrEnum):
    """How good it is: a warning costs nothing yet, what failed must be mended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `do` is empty only where all is well; neither text holds a secret."""

    part: str
    what: str
    level: Level
    found: str
    do: str = ""

    def as_json(self) -> dict[str, Any]:
        """Its fields as plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Part:
    """Says the findings of one part: `Part("broker").ok(…)`."""

    name: str

    def ok(self, what: str, found: str) -> Finding:
        """All is well."""
        return Finding(self.name, what, Level.OK, found)

    def warning(self, what: str, found: str, do: str) -> Finding:
        """It works, and somebody should look."""
        return Finding(self.name, what, Level.WARNING, found, do)

    def failed(self, what: str, found: str, do: str) -> Finding:
        """It does not work."""
        return Finding(self.name, what, Level.FAILED, found, do)


def certificate(part: Part, what: str, peer: Peer) -> Finding:
    """How long a certificate is still good for."""
    left = (peer.ends - now()).days
    found = f"{peer.version}, certificate good until {peer.ends.astimezone(MALAYSIA):%Y-%m-%d} ({left} days)"
    if left < _CERTIFICATE_DAYS:
        return part.warning(what, found, "renew it on the server in time: after that day it is refused")
    return part.ok(what, found)


def is_local(host: str) -> bool:
    """Whether what is said to this host never leaves the machine, as far as its name tells."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host in {"", "localhost"} or host.endswith(".localhost")


def in_clear(part: Part, host: str, do: str) -> Iterator[Finding]:
    """A warning where passwords and people's data leave this machine unencrypted."""
    if not is_local(host):
        yield part.warning("TLS", f"passwords and people's data go to {host} in clear", do)
