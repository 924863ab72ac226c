"""Random ids, many at a time."""

import os
from collections.abc import Iterator
from typing import Final
from uuid import UUID

_AT_ONCE: Final = 256
_BYTES: Final = 16


def random_ids() -> Iterator[UUID]:
    """Version 4 UUIDs (RFC 9562 §5.4) without end.

    `uuid4` asks the system for each, and the system call gives the interpreter away to the I/O threads: an eighth of
    the state worker's time went there.
    """
    while True:
        pool = os.urandom(_AT_ONCE * _BYTES)
        for start in range(0, len(pool), _BYTES):
            yield UUID(bytes=pool[start : start + _BYTES], version=4)
