"""Whether a worker lives and is ready: written by its loop, read by whoever asks `/healthz` and `/readyz`."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

STUCK_SECONDS: Final = 900.0
"""A loop that has not turned for so long hangs. One mail on a relay that takes its minute for every step (RFC 5321
§4.5.3.2 allows more) needs ten minutes, and a worker that is killed for nothing makes its messages suspects."""
_SLOW_CONFIRM_SECONDS: Final = 5.0

Connected = Callable[[], Mapping[str, bool]]


@dataclass(frozen=True, slots=True)
class Answer:
    """Yes or no, and in words why."""

    ok: bool
    text: str


class Health:
    """What one worker does now. `connected` says of each connection to the broker whether it is open."""

    def __init__(self, connected: Connected, clock: Callable[[], float] = time.monotonic) -> None:
        self._connected, self._clock = connected, clock
        self._turned_at = clock()
        self._paused: tuple[str, str, float] | None = None
        self._awaiting_since: float | None = None
        self._stopping = False

    def turned(self) -> None:
        """The loop came round."""
        self._turned_at = self._clock()

    def paused(self, what: str, why: str) -> bool:
        """A dependency is down; from now on the loop waits on purpose. False where it does so already."""
        if self._paused is not None and self._paused[0] == what:
            return False
        self._paused = (what, why, self._clock())
        return True

    def resumed(self) -> None:
        """It is back."""
        self._paused = None
        self.turned()

    def stopping(self) -> None:
        """A stop was asked for."""
        self._stopping = True

    @contextmanager
    def awaiting_confirms(self) -> Iterator[None]:
        """While the loop waits for the broker to confirm what it published, as it does while the broker is away."""
        self._awaiting_since = self._clock()
        try:
            yield
        finally:
            self._awaiting_since = None
            self.turned()

    def confirm_wait(self) -> float:
        """Seconds that the loop has waited for confirms, 0 when it does not."""
        since = self._awaiting_since
        return 0.0 if since is None else self._clock() - since

    def is_alive(self) -> Answer:
        """Whether the loop turns, or waits on purpose; an orchestrator may end a process that does neither."""
        idle = self._clock() - self._turned_at
        if idle <= STUCK_SECONDS or self._paused or self._awaiting_since is not None:
            return Answer(True, "alive")
        return Answer(False, f"the loop has not turned for {idle:.0f} s")

    def is_ready(self) -> Answer:
        """Whether it works what arrives; if not, the text says on what it waits."""
        waits = list(self._waits_on())
        return Answer(not waits, "; ".join(waits) or "ready")

    def _waits_on(self) -> Iterator[str]:
        if self._stopping:
            yield "stopping"
        for name, is_open in self._connected().items():
            if not is_open:
                yield f"waiting for the broker: its {name} connection is not open"
        paused = self._paused
        if paused is not None:
            what, why, since = paused
            yield f"paused for {self._clock() - since:.0f} s, waiting for the {what}: {why}"
        if (wait := self.confirm_wait()) > _SLOW_CONFIRM_SECONDS:
            yield f"waiting for the broker to confirm what was published, for {wait:.0f} s"
