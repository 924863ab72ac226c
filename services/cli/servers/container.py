"""RabbitMQ in a container, for tests where a Docker engine answers and no RabbitMQ is installed."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from services.cli.servers.management import Management
from services.cli.servers.process import ServerFailed, accepts, kept_ports, kept_secret
from services.cli.servers.rabbitmq import USER

if TYPE_CHECKING:
    from docker.models.containers import Container  # type: ignore[import-untyped]
    from testcontainers.core.container import DockerContainer

IMAGE = "rabbitmq:4-management"


def engine_answers() -> bool:
    """Whether the Docker client of the development requirements is installed and reaches an engine."""
    try:
        import docker  # type: ignore[import-untyped]
    except ImportError:
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


class ContainerRabbitMQ:
    """A container that keeps its ports and data over `kill` and `start`; `discard` removes it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._ports = kept_ports(folder / "ports.json", ["amqp", "api"])
        self._password = kept_secret(folder / "password")
        self._container: DockerContainer | None = None

    @property
    def amqp_url(self) -> str:
        """`amqp://user:password@127.0.0.1:port/%2F`"""
        return f"amqp://{USER}:{self._password}@127.0.0.1:{self._ports['amqp']}/%2F"

    @property
    def api_url(self) -> str:
        """`http://user:password@127.0.0.1:port` of the management API."""
        return f"http://{USER}:{self._password}@127.0.0.1:{self._ports['api']}"

    def launch(self) -> None:
        """Makes the container the first time, and starts the same one again after `stop` or `kill`."""
        if self._container is not None:
            self._wrapped().start()
            return
        from testcontainers.core.container import DockerContainer

        # The node keeps its data under its host's name, so the container gets a name of its own.
        container = DockerContainer(IMAGE, hostname="aktif")
        container.with_envs(RABBITMQ_DEFAULT_USER=USER, RABBITMQ_DEFAULT_PASS=self._password)
        for inner, outer in ((5672, self._ports["amqp"]), (15672, self._ports["api"])):
            container.with_bind_ports(inner, outer)
            container.ports[f"{inner}"] = ("127.0.0.1", outer)  # type: ignore[assignment]  # docker takes it, its stub not
        self._container = container.start()

    def wait_ready(self) -> None:
        """Returns when AMQP accepts and the management API answers; raises ServerFailed after 120 s."""
        api, deadline = Management(self.api_url), time.monotonic() + 120
        while not (accepts(self._ports["amqp"]) and api.answers()):
            if time.monotonic() > deadline:
                raise ServerFailed(f"{IMAGE} did not answer:\n{self._wrapped().logs(tail=15).decode(errors='replace')}")
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

    def _wrapped(self) -> "Container":
        if self._container is None:
            raise ServerFailed("the RabbitMQ container was not started")
        return self._container.get_wrapped_container()
