"""What takes a while to find out, and is asked for again and again."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

from sqlalchemy import Connection

_Found = TypeVar("_Found")


class Kept(Generic[_Found]):
    """What a look into the database found, some seconds old at most, since many may watch.

    Two that ask at once may both look.
    """

    def __init__(self, look: Callable[[Connection], _Found], seconds: float) -> None:
        self._look, self._seconds = look, seconds
        self._found: tuple[float, _Found] | None = None

    def __call__(self, connection: Connection) -> _Found:
        """What is known. Raises what the look raises."""
        if self._found is None or time.monotonic() > self._found[0]:
            found = self._look(connection)
            self._found = time.monotonic() + self._seconds, found
        return self._found[1]
