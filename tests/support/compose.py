"""A stack of docker-compose.yml under a name and on ports of its own."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from services.cli.servers.process import free_port
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]
PORTS = (
    "AKTIF_AMQP_PORT",
    "AKTIF_BROKER_API_PORT",
    "AKTIF_MAILPIT_PORT",
    "AKTIF_PORTAL_PORT",
    "AKTIF_CONSOLE_PORT",
    "AKTIF_PROMETHEUS_PORT",
)


@dataclass
class Stack:
    """What an operator types, and what a test looks at."""

    project: str
    environment: dict[str, str] = field(default_factory=dict)

    def compose(self, *arguments: str, given: str = "", check: bool = True) -> "subprocess.CompletedProcess[str]":
        """`docker compose …`, with some text as its input. Fails with what it printed."""
        run = subprocess.run(
            ["docker", "compose", "-p", self.project, *arguments],
            cwd=ROOT,
            env=os.environ | self.environment,
            input=given,
            capture_output=True,
            text=True,
        )
        assert not check or run.returncode == 0, f"{arguments}: {run.returncode}\n{run.stdout}\n{run.stderr}"
        return run

    def hr(self, *arguments: str, given: str) -> str:
        """A command as the HR system's user."""
        return self.compose("run", "--rm", "-T", "hr", *arguments, given=given).stdout

    def aktif(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """A command of the operators'."""
        return self.compose("run", "--rm", "-T", "aktif", *arguments, check=False)

    def mails(self) -> int:
        """How many mails the catcher has; -1 while it does not answer."""
        try:
            with urlopen(f"http://127.0.0.1:{self.environment['AKTIF_MAILPIT_PORT']}/api/v1/messages") as answer:
                return int(json.load(answer)["total"])
        except OSError:
            return -1

    @property
    def portal_url(self) -> str:
        """Where the portal is, and where the links of mails lead."""
        return self.environment["AKTIF_PORTAL_URL"]

    def newest_link(self) -> str:
        """The path of the link in the newest mail."""
        catcher = f"http://127.0.0.1:{self.environment['AKTIF_MAILPIT_PORT']}/api/v1"
        with urlopen(f"{catcher}/messages?limit=1") as answer:
            newest = json.load(answer)["messages"][0]["ID"]
        with urlopen(f"{catcher}/message/{newest}") as answer:
            (link, *_) = re.findall(
                rf"{re.escape(self.portal_url)}(/account/activation[?]token=\S+)", json.load(answer)["Text"]
            )
        return str(link)

    def scraped(self) -> set[str]:
        """The jobs of which Prometheus could read every target."""
        try:
            with urlopen(f"http://127.0.0.1:{self.environment['AKTIF_PROMETHEUS_PORT']}/api/v1/targets") as answer:
                targets = json.load(answer)["data"]["activeTargets"]
        except OSError:
            return set()
        unread = {target["labels"]["job"] for target in targets if target["health"] != "up"}
        return {target["labels"]["job"] for target in targets} - unread

    def rules(self) -> list[dict[str, Any]]:
        """The rules that Prometheus loaded, as it tells them; none while it does not answer."""
        try:
            with urlopen(f"http://127.0.0.1:{self.environment['AKTIF_PROMETHEUS_PORT']}/api/v1/rules") as answer:
                return [rule for group in json.load(answer)["data"]["groups"] for rule in group["rules"]]
        except OSError:
            return []

    def count(self, question: str) -> int:
        """One number from the database, asked as its administrator."""
        return int(
            self.compose("exec", "-T", "postgres", "psql", "-U", "aktif", "-d", "aktif", "-Atc", question).stdout
        )

    @contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """While somebody holds a table's lock, so that whoever writes to it waits in the middle of a transaction."""
        holder = "SELECT {} FROM pg_stat_activity WHERE application_name = 'holder' AND wait_event = 'PgSleep'"
        hold = f"BEGIN; LOCK TABLE {table} IN EXCLUSIVE MODE; SELECT pg_sleep(600)"
        psql = ["exec", "-T", "-e", "PGAPPNAME=holder", "postgres", "psql", "-U", "aktif", "-d", "aktif", "-c", hold]
        with subprocess.Popen(["docker", "compose", "-p", self.project, *psql], cwd=ROOT, stderr=subprocess.DEVNULL):
            try:
                eventually("the lock is held", lambda: self.count(holder.format("count(*)")), every=0.1)
                yield
            finally:
                self.count(holder.format("count(pg_terminate_backend(pid))"))

    def kill_one_at_work(self, containers: list[str]) -> int:
        """SIGKILL to the first of some containers that has messages in hand while its time stands still; how many."""
        for container in containers:
            docker("pause", container)
            if in_hand := self._in_hand(container):
                docker("kill", container)
                return in_hand
            docker("unpause", container)
        return 0

    def _in_hand(self, container: str) -> int:
        network = f"{self.project}_default"
        template = f'{{{{(index .NetworkSettings.Networks "{network}").IPAddress}}}}'
        address = docker("inspect", container, "--format", template).strip()
        here = {pid for pid, host in self._rows("list_connections", "pid", "peer_host") if host == address}
        held = self._rows("list_channels", "connection", "messages_unacknowledged")
        return sum(int(unacked) for connection, unacked in held if connection in here)

    def containers(self, service: str) -> list[str]:
        """The running containers of a service."""
        return self.compose("ps", "-q", "--status", "running", service).stdout.split()

    def _rows(self, *question: str) -> list[list[str]]:
        run = self.compose("exec", "-T", "rabbitmq", "rabbitmqctl", "-q", "--no-table-headers", *question)
        return [line.split("\t") for line in run.stdout.splitlines()]


def docker(*arguments: str) -> str:
    """`docker …`; what it printed."""
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout


@contextmanager
def stack(project: str) -> Iterator[Stack]:
    """A stack that is up, and gone with its volumes at the end."""
    found = Stack(project, {name: str(free_port()) for name in PORTS})
    found.environment["AKTIF_PORTAL_URL"] = f"http://localhost:{found.environment['AKTIF_PORTAL_PORT']}"
    try:
        found.compose("up", "-d", "--build")
        yield found
    finally:
        found.compose("--profile", "observability", "down", "-v", "--remove-orphans", "-t", "5")
