"""Servers behind TLS, with certificates of a private authority."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit, urlunsplit

import pytest

from services.cli.servers.container import ContainerRabbitMQ
from services.cli.servers.ladder import Servers
from services.cli.servers.process import free_port
from services.cli.servers.rabbitmq import PrivateRabbitMQ, find_server
from tests.conftest import Broker
from tests.support.certificates import Authority, Certificate
from tests.support.door import Door
from tests.support.servers import fresh_vhost

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

_LISTENERS = """
listeners.ssl.1 = {host}:{amqps}
management.ssl.ip = {host}
management.ssl.port = {https}
"""
_FILES = """
{prefix}.cacertfile = {authority}
{prefix}.certfile = {certificate}
{prefix}.keyfile = {key}
"""


@dataclass(frozen=True)
class Certificates:
    """One authority with certificates of which one is good and one ends soon, and another authority."""

    ours: Path
    strangers: Path
    good: Certificate
    soon: Certificate
    expired: Certificate
    elsewhere: Certificate


@dataclass(frozen=True)
class Ports:
    """Where a broker speaks TLS, and which broker that is."""

    broker: Broker
    amqps: int
    https: int


class EncryptedContainer(ContainerRabbitMQ):
    """RabbitMQ in a container, with TLS listeners of its own beside the plain ones."""

    inner_ports: ClassVar = {**ContainerRabbitMQ.inner_ports, "amqps": 5671, "https": 15671}

    def __init__(self, folder: Path, certificates: Certificates) -> None:
        super().__init__(folder)
        self._settings = folder / "tls"
        self._settings.mkdir(mode=0o755)
        for name, file in _files(certificates).items():
            shutil.copyfile(file, self._settings / f"{name}.pem")  # so that the container's user may read the key
        inside = {name: Path("/etc/aktif", f"{name}.pem") for name in _files(certificates)}
        ports = {name: self.inner_ports[name] for name in ("amqps", "https")}
        plain = f"management.tcp.port = {self.inner_ports['api']}\n"  # which ends where only TLS is named
        (self._settings / "tls.conf").write_text(plain + _tls_settings(inside, host="0.0.0.0", **ports))

    @property
    def ports(self) -> Mapping[str, int]:
        """Where it listens on this machine."""
        return self._ports

    def _made(self, container: "DockerContainer") -> "DockerContainer":
        container.with_volume_mapping(str(self._settings), "/etc/aktif", "ro")
        return container.with_volume_mapping(str(self._settings / "tls.conf"), "/etc/rabbitmq/conf.d/90-tls.conf", "ro")


@dataclass(frozen=True)
class Fault:
    """What is wrong: the authorities the client trusts, the server's certificate, and what the client must say."""

    name: str
    says: str

    def trusted(self, certificates: Certificates) -> Path:
        """The PEM file of the authorities."""
        return certificates.strangers if self.name == "stranger" else certificates.ours

    def certificate(self, certificates: Certificates) -> Certificate:
        """What the server shows."""
        return {"expired": certificates.expired, "elsewhere": certificates.elsewhere}.get(self.name, certificates.good)


FAULTS = (
    Fault("stranger", "no authority that this machine trusts has signed the server's certificate; set SSL_CERT_FILE"),
    Fault("expired", "the server's certificate has expired; renew it"),
    Fault("elsewhere", "the server's certificate is for another name"),
)


@pytest.fixture(params=FAULTS, ids=lambda fault: fault.name)
def fault(request: pytest.FixtureRequest) -> Fault:
    """Each thing for which a certificate is refused."""
    found: Fault = request.param
    return found


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Made anew for each session."""
    folder = tmp_path_factory.mktemp("tls")
    folder.chmod(0o755)
    ours = Authority(folder / "ours")
    return Certificates(
        ours.file,
        Authority(folder / "strangers").file,
        ours.certificate("good", days=300),
        ours.certificate("soon", days=9),
        ours.certificate("expired", days=-2),
        ours.certificate("elsewhere", names="DNS:elsewhere.example"),
    )


@pytest.fixture
def trust(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """`trust(file)`: believe these authorities."""
    return lambda file: monkeypatch.setenv("SSL_CERT_FILE", str(file))


@pytest.fixture
def door() -> Iterator[Callable[..., Door]]:
    """`door(plain port, certificate)`: an open door, closed after the test."""
    with ExitStack() as closing:
        yield lambda *arguments, **options: closing.enter_context(Door(*arguments, **options))


@pytest.fixture(scope="session")
def encrypted(
    certificates: Certificates, session_servers: Servers, rabbitmq: Broker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ports]:
    """RabbitMQ's own TLS listeners, in a container where the session's broker is in one, else in an installed server;
    where there is neither, doors before the session's broker."""
    folder = tmp_path_factory.mktemp("node") / "rabbitmq"
    if isinstance(session_servers.rabbitmq, ContainerRabbitMQ):
        yield from _in_container(EncryptedContainer(folder, certificates))
    elif script := find_server():
        yield from _own_listeners(certificates, folder, script)
    else:
        with (
            Door(port_of(rabbitmq.amqp_url), certificates.good) as amqps,
            Door(port_of(rabbitmq.api_url), certificates.good) as https,
        ):
            yield Ports(rabbitmq, amqps.port, https.port)


def _in_container(node: EncryptedContainer) -> Iterator[Ports]:
    try:
        node.start()
        yield Ports(Broker(node.amqp_url, node.api_url), node.ports["amqps"], node.ports["https"])
    finally:
        node.discard()


def _own_listeners(certificates: Certificates, folder: Path, script: Path) -> Iterator[Ports]:
    amqps, https = free_port(), free_port()
    (folder / "conf.d").mkdir(parents=True)
    settings = _tls_settings(_files(certificates), host="127.0.0.1", amqps=amqps, https=https)
    (folder / "conf.d" / "tls.conf").write_text(settings)
    node = PrivateRabbitMQ(folder, script)
    try:
        node.start()
        yield Ports(Broker(node.amqp_url, node.api_url), amqps, https)
    finally:
        node.discard()


def _files(of: Certificates) -> dict[str, Path]:
    return {"authority": of.ours, "certificate": of.good.certificate, "key": of.good.key}


def _tls_settings(files: Mapping[str, Path], *, host: str, amqps: int, https: int) -> str:
    listeners = _LISTENERS.format(host=host, amqps=amqps, https=https)
    return listeners + "".join(_FILES.format(prefix=prefix, **files) for prefix in ("ssl_options", "management.ssl"))


@pytest.fixture
def amqps(encrypted: Ports) -> Iterator[str]:
    """The `amqps://` URL of a fresh vhost."""
    with fresh_vhost(encrypted.broker.amqp_url, encrypted.broker.api_url) as url:
        yield at(url, encrypted.amqps, scheme="amqps")


@pytest.fixture
def https(encrypted: Ports) -> str:
    """The management API's `https://` URL."""
    return at(encrypted.broker.api_url, encrypted.https, scheme="https")


def at(url: str, port: int, *, scheme: str | None = None) -> str:
    """The same URL at localhost, at another port."""
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(scheme=scheme or parts.scheme, netloc=f"{user}@localhost:{port}"))


def port_of(url: str) -> int:
    """The port that a URL names."""
    port = urlsplit(url).port
    assert port is not None
    return port
