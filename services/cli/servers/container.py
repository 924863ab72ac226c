"""RabbitMQ and PostgreSQL in containers, for tests.

RabbitMQ where a Docker engine answers and none is installed; both where AKTIF_TEST_CONTAINERS=1 asks for them.
"""

import os
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import psycopg

from services.cli.servers import postgres, rabbitmq
from services.cli.servers.management import Management
from services.cli.servers.process import ServerFailed, accepts, kept_ports, kept_secret

if TYPE_CHECKING:
    from docker.models.containers import Container  # type: ignore[import-untyped]
    from testcontainers.core.container import DockerContainer

_READY_SECONDS = 120
_SOCKET = "unix:///var/run/docker.sock"


def engine_answers() -> bool:
    """Whether the Docker client of the development requirements is installed and reaches an engine."""
    try:
        import docker  # type: ignore[import-untyped]
    except ImportError:
        return False
    if not _accepts(os.environ.get("DOCKER_HOST") or _SOCKET):
        return False
    try:
        client = docker.from_env(timeout=5)
    except docker.errors.DockerException:
        return False
    try:
        return bool(client.ping())
    except (docker.errors.DockerException, OSError):
        return False
    finally:
        client.close()


def _accepts(host: str) -> bool:
    """Whether something listens on a Unix socket: where nothing does, the Docker client leaves its own socket open."""
    if not host.startswith("unix://"):
        return True
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(host.removeprefix("unix://"))
        except OSError:
            return False
    return True


class _ContainerServer(ABC):
    """A container that keeps its ports and data over `kill` and `start`; `discard` removes it."""

    image: ClassVar[str]
    inner_ports: ClassVar[Mapping[str, int]]

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._ports = kept_ports(folder / "ports.json", list(self.inner_ports))
        self._password = kept_secret(folder / "password")
        self._container: DockerContainer | None = None

    def launch(self) -> None:
        """Makes the container the first time, and starts the same one again after `stop` or `kill`."""
        if self._container is not None:
            self._wrapped().start()
            return
        from testcontainers.core.container import DockerContainer

        # A RabbitMQ node keeps its data under its host's name, so the container gets a name of its own.
        container = DockerContainer(self.image, hostname="aktif")
        container.with_envs(**self._environment())
        for name, inner in self.inner_ports.items():
            container.with_bind_ports(inner, self._ports[name])
            container.ports[f"{inner}"] = ("127.0.0.1", self._ports[name])  # type: ignore[assignment]  # docker takes it, its stub not
        self._container = self._made(container).start()

    def wait_ready(self) -> None:
        """Returns when clients are served; raises ServerFailed after 120 s."""
        deadline = time.monotonic() + _READY_SECONDS
        while not self._answers():
            if time.monotonic() > deadline:
                said = self._wrapped().logs(tail=15).decode(errors="replace")
                raise ServerFailed(f"{self.image} did not answer:\n{said}")
            time.sleep(0.1)

    def start(self) -> None:
        """`launch` and `wait_ready`."""
        self.launch()
        self.wait_ready()

    def stop(self) -> None:
        """Stops the container in order."""
        self._wrapped().stop(timeout=30)

    def kill(self) -> None:
        """SIGKILL to the container."""
        self._wrapped().kill()

    def discard(self) -> None:
        """Removes the container with its data."""
        if self._container is not None:
            self._container.stop()
            self._container = None

    @property
    def pid(self) -> int:
        """The process id of its first process, as the engine's machine counts."""
        self._wrapped().reload()
        return int(self._wrapped().attrs["State"]["Pid"])

    @abstractmethod
    def _environment(self) -> dict[str, str]:
        """The image's environment variables."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether clients are served now."""

    def _made(self, container: "DockerContainer") -> "DockerContainer":
        return container

    def _wrapped(self) -> "Container":
        if self._container is None:
            raise ServerFailed(f"the container of {self.image} was not started")
        return self._container.get_wrapped_container()


class ContainerRabbitMQ(_ContainerServer):
    """RabbitMQ 4 with its management API."""

    image = "rabbitmq:4-management"
    inner_ports: ClassVar = {"amqp": 5672, "api": 15672}

    @property
    def amqp_url(self) -> str:
        """`amqp://user:password@127.0.0.1:port/%2F`"""
        return f"amqp://{rabbitmq.USER}:{self._password}@127.0.0.1:{self._ports['amqp']}/%2F"

    @property
    def api_url(self) -> str:
        """`http://user:password@127.0.0.1:port` of the management API."""
        return f"http://{rabbitmq.USER}:{self._password}@127.0.0.1:{self._ports['api']}"

    def _environment(self) -> dict[str, str]:
        return {"RABBITMQ_DEFAULT_USER": rabbitmq.USER, "RABBITMQ_DEFAULT_PASS": self._password}

    def _answers(self) -> bool:
        return accepts(self._ports["amqp"]) and Management(self.api_url).answers()


class ContainerPostgres(_ContainerServer):
    """PostgreSQL 17 with the database `aktif`."""

    image = "postgres:17"
    inner_ports: ClassVar = {"postgres": 5432}

    @property
    def url(self) -> str:
        """`postgresql+psycopg://user:password@127.0.0.1:port/aktif`"""
        place = f"127.0.0.1:{self._ports['postgres']}/{postgres.DATABASE}"
        return f"postgresql+psycopg://{postgres.USER}:{self._password}@{place}"

    def _environment(self) -> dict[str, str]:
        names = {"POSTGRES_USER": postgres.USER, "POSTGRES_DB": postgres.DATABASE, "LANG": "C.UTF-8"}
        return {**names, "POSTGRES_PASSWORD": self._password}

    def _made(self, container: "DockerContainer") -> "DockerContainer":
        return container.with_command("postgres -c max_connections=200")

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url.replace("+psycopg", "", 1), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True
