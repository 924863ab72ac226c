"""How help texts are written down."""

PEOPLE, SEE, MACHINE = "People", "See what happens", "Servers and queues"
SERVICES = "Services, each in the foreground until Ctrl-C"
"""The parts of the list of commands."""


def prose(text: str) -> str:
    """A text of several paragraphs, each on one line, as the terminal wraps them."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def examples(*commands: str) -> str:
    """What stands below a command's help."""
    return "\n".join(["Examples:", *(f"$ {command}" for command in commands)])
