"""The services of `aktif up` as child processes: started, started again when one ends, and ended in order."""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from services.cli.servers.process import ServerProcess
from services.cli.workers import module_path

RUNNING: Final = "running"
"""The state of a service that is well."""
_STOP_SECONDS: Final = 5.0
"""A worker that is well needs a second; one that hangs is killed, and its messages are delivered again."""
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 15.0
_STEADY_SECONDS: Final = 30.0


@dataclass(slots=True)
class Child:
    """One service, and what happened to it."""

    name: str
    process: ServerProcess
    started_at: float = 0.0
    restarts: int = 0
    pause: float = _FIRST_PAUSE
    start_again_at: float | None = field(default=None)

    @property
    def state(self) -> str:
        """In words."""
        if self.process.running:
            return RUNNING if not self.restarts else f"{RUNNING}, started again {self.restarts}×"
        return "ended, starts again"

    def last_words(self) -> str:
        """What it said to a person when it ended, or where its log is."""
        lines = self.process.log.read_text(errors="replace").splitlines() if self.process.log.exists() else []
        words = lines[-1] if lines and not lines[-1].startswith("{") else ""
        return words or f"see {os.path.relpath(self.process.log)}"


class Children:
    """All services. They live in process groups of their own, so that Ctrl-C reaches us and not them."""

    def __init__(self, names: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        any_port = {"AKTIF_METRICS_PORT": "0"}  # all of them live on this machine, perhaps beside those of another copy
        self._environment = {**os.environ, **environment, **any_port, "PYTHONPATH": module_path()}
        self.all = [Child(name, ServerProcess(name, folder)) for name in names]

    def start(self) -> None:
        """Start all, after ending what an earlier, killed `aktif up` left behind in this folder."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for child in self.all:
            child.process.end_left_behind()
            self._start(child)

    def look_after(self) -> list[Child]:
        """Start again what has ended, each time a little later; returns those that were found ended just now."""
        ended = list[Child]()
        for child in self.all:
            if child.process.running:
                continue
            if child.start_again_at is None:
                if time.monotonic() - child.started_at > _STEADY_SECONDS:
                    child.pause = _FIRST_PAUSE
                child.start_again_at = time.monotonic() + child.pause
                child.pause = min(2 * child.pause, _LONGEST_PAUSE)
                ended.append(child)
            elif time.monotonic() >= child.start_again_at:
                child.restarts += 1
                self._start(child)
        return ended

    def stop(self) -> None:
        """Ask all to stop, at once; what still runs after some seconds is killed."""
        with ThreadPoolExecutor(len(self.all)) as threads:
            list(threads.map(lambda child: child.process.stop(_STOP_SECONDS), self.all))

    def _start(self, child: Child) -> None:
        child.start_again_at = None
        child.started_at = time.monotonic()
        command = [sys.executable, "-m", f"services.{child.name}"]
        child.process.start(command, env=self._environment, cwd=Path.cwd())
