"""What the parts of `aktif check` share: clocks, and errors as findings."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final

from services.cli.failures import explain
from shared.findings import Finding, Part

SECONDS: Final = 5
"""How long a server may take to answer one question."""
_CLOCK: Final = timedelta(seconds=2)


def guarded(part: Part, what: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """What a check finds; an error ends it as a finding of its own and hides no other check."""
    try:
        yield from look()
    except Exception as error:
        # Whatever it is, the other checks go on.
        yield from_error(part, what, error)


def from_error(part: Part, what: str, error: BaseException) -> Finding:
    """An error in two parts: what is wrong, and what to do."""
    found, _, do = explain(error).partition("; ")
    return part.failed(what, found, do or "look at the server's log at this time")


def clock(part: Part, theirs: datetime, before: datetime, after: datetime, *, resolution: timedelta) -> Finding:
    """How far a clock is from ours, which was read before and after; what the reading leaves open is not held against
    it."""
    ahead, behind = theirs - after, before - theirs - resolution
    off = max(ahead, behind, timedelta())
    if off <= _CLOCK:
        return part.ok("clock", f"at most {_CLOCK.seconds} s from ours")
    way = "ahead of" if ahead > behind else "behind"
    do = "let both machines set their clocks by NTP: links and HR's times are judged by them"
    return part.failed("clock", f"{off.total_seconds():,.1f} s {way} ours", do)
