"""How help texts are written down."""

from collections.abc import Mapping
from typing import Final

PEOPLE, SEE, MACHINE = "People", "See what happens", "Servers and queues"
SERVICES = "Services, each in the foreground until Ctrl-C"
"""The parts of the list of commands."""
_EXITS: Final = {0: "done", 1: "failed", 2: "wrong usage or settings"}


def prose(text: str) -> str:
    """A text of several paragraphs, each on one line, as the terminal wraps them."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def examples(*commands: str, exits: Mapping[int, str] | None = None) -> str:
    """What stands below a command's help: how it is called, and what its exit codes mean."""
    codes = sorted({**_EXITS, **(exits or {})}.items())
    called = ["Examples:", *(f"$ {command}" for command in commands)]
    return "\n".join([*called, "", "Exit codes:", *(f"{code}  {means}" for code, means in codes)])
