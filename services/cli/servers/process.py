"""One server of ours as a child process: a session of its own, a log, a pid file, and an end with us."""

import contextlib
import json
import os
import pwd
import random
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import psutil  # type: ignore[import-untyped]

# Outside the ephemeral ranges of Linux and macOS: no outgoing connection can sit on the port of a server that is
# down, not even a client's own attempt to reach it (TCP lets a socket connect to itself).
PORTS = range(20000, 32000)
# Runs beside each server and asks it to stop when our end of the pipe closes, however we ended.
GUARD = 'trap "" HUP INT TERM; read -r _; kill -s "$1" "$2"'


class ServerFailed(Exception):
    """A private server did not start; the message says which, and ends with the last lines of its log."""


class Server(Protocol):
    """What all servers of this package can do. `start` after `stop` or `kill` keeps ports and data."""

    def launch(self) -> None:
        """Starts the process and returns at once."""

    def wait_ready(self) -> None:
        """Returns when clients are served; raises ServerFailed."""

    def start(self) -> None:
        """`launch` and `wait_ready`."""

    def stop(self) -> None:
        """An orderly end; nothing happens when it is not running."""

    def kill(self) -> None:
        """SIGKILL to every process of the server; returns when all are gone."""

    def discard(self) -> None:
        """Ends it abruptly, for data that nobody needs again."""


def free_port(avoid: Sequence[int] = ()) -> int:
    """A port of 127.0.0.1 on which nothing listens; raises ServerFailed when 200 tries found none."""
    for _ in range(200):
        port = random.choice(PORTS)  # noqa: S311 (spreads copies apart; nothing secret)
        if port not in avoid and port_is_free(port):
            return port
    raise ServerFailed(f"no free port on 127.0.0.1 between {PORTS.start} and {PORTS.stop}")


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def accepts(port: int) -> bool:
    """Whether something on 127.0.0.1 accepts connections to this port now."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def kept_ports(file: Path, names: Sequence[str]) -> dict[str, int]:
    """The ports that `file` keeps; chosen at the first call, and anew when a stranger took one meanwhile."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        kept = json.loads(file.read_text())
        if sorted(kept) == sorted(names) and all(port_is_free(port) for port in kept.values()):
            return {name: int(kept[name]) for name in names}
    chosen: dict[str, int] = {}
    for name in names:
        chosen[name] = free_port(list(chosen.values()))
    file.write_text(json.dumps(chosen))
    return chosen


def write_private(file: Path, text: str, mode: int = 0o600) -> None:
    """Writes a file that only its owner may read, also while it is being written."""
    file.unlink(missing_ok=True)
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as out:
        out.write(text)


def kept_secret(file: Path) -> str:
    """The secret in `file`, made at the first call; only its owner may read it."""
    if not file.exists():
        write_private(file, secrets.token_hex(20))
    return file.read_text()


class ServerProcess:
    """One process and its children. The pid file lets the next start end what a killed parent left behind."""

    def __init__(self, name: str, folder: Path, *, stop_signal: signal.Signals = signal.SIGTERM) -> None:
        self.name = name
        self.log = folder / f"{name}.out"
        self._pid_file = folder / f"{name}.pid.json"
        self._stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id; raises ServerFailed when it is not running."""
        if self._process is None:
            raise ServerFailed(f"{self.name} is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def end_left_behind(self) -> None:
        """Ends the process of an earlier start whose parent is gone, if it still runs."""
        with contextlib.suppress(FileNotFoundError, ValueError, KeyError, psutil.NoSuchProcess):
            left = json.loads(self._pid_file.read_text())
            process = psutil.Process(left["pid"])
            # The same pid begun at another time is somebody else's; clocks may be set, hence the seconds.
            if abs(process.create_time() - left["started"]) < 5:
                _end(process, self._stop_signal, timeout=15)
        self._pid_file.unlink(missing_ok=True)

    def start(
        self, command: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path, user: str | None = None
    ) -> None:
        """Starts the command as `user` (default: ourselves), in a session of its own: Ctrl-C reaches only us."""
        if self.running:
            raise ServerFailed(f"{self.name} is running already")
        self._finish(signal.SIGKILL, 10)  # of one that ended by itself: its guard still waits
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                command,
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **_as_user(user),
            )
        started = psutil.Process(self._process.pid).create_time()
        self._pid_file.write_text(json.dumps({"pid": self._process.pid, "started": started}))
        self._guard = subprocess.Popen(  # noqa: S603
            ["/bin/sh", "-c", GUARD, "guard", self._stop_signal.name.removeprefix("SIG"), str(self._process.pid)],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def wait_until(self, ready: Callable[[], bool], *, timeout: float) -> None:
        """Polls `ready`; raises ServerFailed when the process ends first or `timeout` seconds pass."""
        deadline = time.monotonic() + timeout
        while not ready():
            if not self.running:
                raise ServerFailed(f"{self.name} ended while it started:\n{self._last_lines()}")
            if time.monotonic() > deadline:
                raise ServerFailed(f"{self.name} did not answer within {timeout:.0f} s:\n{self._last_lines()}")
            time.sleep(0.05)

    def stop(self, timeout: float = 15) -> None:
        """Asks it to stop; what still runs after `timeout` seconds is killed."""
        self._finish(self._stop_signal, timeout)

    def kill(self) -> None:
        """SIGKILL to it and its children; returns when they are gone."""
        self._finish(signal.SIGKILL, 10)

    def _finish(self, with_signal: signal.Signals, timeout: float) -> None:
        if self._process is None:
            return
        self._dismiss_guard()
        if self._process.poll() is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                _end(psutil.Process(self._process.pid), with_signal, timeout)
        self._process.wait(10)
        self._process = None
        self._pid_file.unlink(missing_ok=True)

    def _dismiss_guard(self) -> None:
        if self._guard is not None:
            self._guard.kill()
            self._guard.communicate()
            self._guard = None

    def _last_lines(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])


def run(
    command: Sequence[str | Path], *, cwd: Path, user: str | None = None, env: Mapping[str, str] | None = None
) -> None:
    """Runs a command to its end, as `user` if given; raises ServerFailed with what it printed when it fails."""
    done = subprocess.run(  # noqa: S603
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        **_as_user(user),
    )
    if done.returncode != 0:
        raise ServerFailed(f"`{' '.join(map(str, command))}` failed:\n{(done.stdout + done.stderr).strip()[-2000:]}")


def _as_user(user: str | None) -> dict[str, Any]:
    return {} if user is None else {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def _end(process: psutil.Process, with_signal: signal.Signals, timeout: float) -> None:
    # Children are listed before: an orphan would no longer be found (PostgreSQL gives each a session of its own).
    children = process.children(recursive=True)
    process.send_signal(with_signal)
    if with_signal != signal.SIGKILL:
        with contextlib.suppress(psutil.TimeoutExpired):
            process.wait(timeout)
    family = [process, *children]
    for one in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    deadline = time.monotonic() + 10
    while not all(_is_gone(one) for one in family) and time.monotonic() < deadline:
        time.sleep(0.01)


def _is_gone(process: psutil.Process) -> bool:
    # An orphan stays a zombie where process 1 of a container never waits for it.
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
