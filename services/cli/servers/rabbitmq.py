"""A private RabbitMQ node: own folder, ports, cookie, epmd and user, on 127.0.0.1 only."""

import glob
import os
import shutil
from pathlib import Path

from services.cli.servers.management import Management
from services.cli.servers.process import ServerProcess, accepts, kept_ports, kept_secret, write_private

USER = "aktif"
NODE = "aktif@localhost"
# Where packages put the script without the link that PATH would need, and before PATH: what Debian puts there is a
# wrapper that changes to the user `rabbitmq`.
PLACES = (
    "/usr/lib/rabbitmq/lib/*/sbin",
    "/usr/lib/rabbitmq/bin",
    "/opt/homebrew/opt/rabbitmq/sbin",
    "/usr/local/opt/rabbitmq/sbin",
)
TOOL_PATH = ("/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin", "/opt/homebrew/sbin")


def find_server() -> Path | None:
    """The script that starts an installed RabbitMQ as the user who calls it."""
    for place in PLACES:
        for folder in sorted(glob.glob(place), reverse=True):
            script = Path(folder, "rabbitmq-server")
            if os.access(script, os.X_OK):
                return script
    found = shutil.which("rabbitmq-server", path=_path())
    return Path(found) if found and Path(found).resolve().name != "rabbitmq-script-wrapper" else None


class PrivateRabbitMQ:
    """A node whose data, ports, user and password stay in `folder` over restarts.

    `script` is the `rabbitmq-server` of `find_server`. The management API is on.
    """

    def __init__(self, folder: Path, script: Path) -> None:
        self._folder = folder
        self._script = script
        self._node = ServerProcess("rabbitmq", folder)
        self._epmd = ServerProcess("epmd", folder)
        self._ports: dict[str, int] = {}
        self._password = ""

    @property
    def amqp_url(self) -> str:
        """`amqp://user:password@127.0.0.1:port/%2F`, known after the first launch."""
        return f"amqp://{USER}:{self._password}@127.0.0.1:{self._ports['amqp']}/%2F"

    @property
    def api_url(self) -> str:
        """`http://user:password@127.0.0.1:port` of the management API, known after the first launch."""
        return f"http://{USER}:{self._password}@127.0.0.1:{self._ports['api']}"

    @property
    def pid(self) -> int:
        """The process id of the Erlang VM; raises ServerFailed when it is not running."""
        return self._node.pid

    def launch(self) -> None:
        """Starts epmd and the node, after ending what an earlier, killed parent left in this folder."""
        if not self._ports:
            self._prepare()
        environment = self._environment()
        if not self._epmd.running:
            epmd = ["epmd", "-port", environment["ERL_EPMD_PORT"], "-address", "127.0.0.1"]
            self._epmd.start(epmd, env=environment, cwd=self._folder)
        # The node registers with epmd only once, when it starts.
        self._epmd.wait_until(lambda: accepts(self._ports["epmd"]), timeout=10)
        self._node.start([self._script], env=environment, cwd=self._folder)

    def wait_ready(self) -> None:
        """Returns when AMQP accepts and the management API answers; raises ServerFailed after 90 s."""
        api = Management(self.api_url)
        self._node.wait_until(lambda: accepts(self._ports["amqp"]) and api.answers(), timeout=90)

    def start(self) -> None:
        """`launch` and `wait_ready`."""
        self.launch()
        self.wait_ready()

    def stop(self) -> None:
        """Stops the node in order (quorum queues are flushed), then its epmd."""
        self._node.stop(timeout=30)
        self._epmd.stop()

    def kill(self) -> None:
        """SIGKILL to the Erlang VM, its helpers and epmd."""
        self._node.kill()
        self._epmd.kill()

    def discard(self) -> None:
        """Ends it abruptly, for data that nobody needs again."""
        self.kill()

    def _prepare(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        self._node.end_left_behind()
        self._epmd.end_left_behind()
        self._ports = kept_ports(self._folder / "ports.json", ["amqp", "api", "epmd", "distribution"])
        self._password = kept_secret(self._folder / "password")
        kept_secret(self._folder / ".erlang.cookie")
        for name in ("conf.d", "log", "mnesia"):
            (self._folder / name).mkdir(exist_ok=True)
        (self._folder / "rabbitmq-env.conf").touch()
        (self._folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
        settings = {
            "listeners.tcp.1": f"127.0.0.1:{self._ports['amqp']}",
            "management.tcp.ip": "127.0.0.1",
            "management.tcp.port": self._ports["api"],
            "default_user": USER,
            "default_pass": self._password,
            "max_message_size": 1 << 20,
            "log.file": "rabbitmq.log",
            "log.console": "false",
        }
        write_private(self._folder / "rabbitmq.conf", "".join(f"{key} = {value}\n" for key, value in settings.items()))

    def _environment(self) -> dict[str, str]:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("RABBITMQ_", "ERL_"))}
        schedulers = min(4, os.cpu_count() or 1)
        return inherited | {
            "PATH": _path(),
            "HOME": str(self._folder),
            "ERL_EPMD_PORT": str(self._ports["epmd"]),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": NODE,
            "RABBITMQ_DIST_PORT": str(self._ports["distribution"]),
            "RABBITMQ_CONF_ENV_FILE": str(self._folder / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(self._folder / "rabbitmq.conf"),
            "RABBITMQ_CONFIG_FILES": str(self._folder / "conf.d"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self._folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self._folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self._folder / "log"),
            "RABBITMQ_PID_FILE": str(self._folder / "rabbitmq.pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                f"+S {schedulers}:{schedulers} -kernel inet_dist_use_interface {{127,0,0,1}}"
            ),
            # Makes the script become the Erlang VM instead of a shell waiting for it: our signals and pid are the VM's.
            "RUNNING_UNDER_SYSTEMD": "true",
        }


def _path() -> str:
    return os.pathsep.join([os.environ.get("PATH", os.defpath), *TOOL_PATH])
