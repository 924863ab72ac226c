"""Waiting for something to come true, never for time to pass."""

import time
from collections.abc import Callable


def eventually(what: str, holds: Callable[[], object], *, within: float = 30, every: float = 0.02) -> float:
    """Wait until something holds; returns the seconds that took. Fails with `what` when it does not come true."""
    begun = time.monotonic()
    while not holds():
        if time.monotonic() - begun > within:
            raise AssertionError(f"not within {within:g} s: {what}")
        time.sleep(every)
    return time.monotonic() - begun
