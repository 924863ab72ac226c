"""`aktif state`, `mailer`, `archivist`, `portal`, `console`: a service in the foreground, in place of this process."""

import os
import sys
from collections.abc import Callable

import typer

from services.cli.help import SERVICES, examples

_SERVICES = {
    "state": "Work registrations and what people do; decide the state of every account.",
    "mailer": "Send the mails that state asks for.",
    "archivist": "File dead letters into the database.",
    "portal": "Serve the person's pages: link, questions, password, Log Masuk, Lupa Kata Laluan.",
    "console": "Serve the operators' pages: queues, dead letters, replays, accounts, mails, audit.",
}


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for service, says in _SERVICES.items():
        epilog = examples(f"aktif {service} 2>{service}.log")
        app.command(service, help=says, epilog=epilog, rich_help_panel=SERVICES)(_runner(service))


def _runner(service: str) -> Callable[[], None]:
    def run_in_place_of_us() -> None:
        become(service)

    return run_in_place_of_us


def become(service: str) -> None:
    """Become `python -m services.<service>`; returns never."""
    from services.cli.environment import borrow_from_up

    borrow_from_up()
    os.environ["PYTHONPATH"] = module_path()
    os.execv(sys.executable, [sys.executable, "-m", f"services.{service}"])  # noqa: S606


def module_path() -> str:
    """A PYTHONPATH by which a child finds modules wherever we found ours."""
    return os.pathsep.join(entry or os.getcwd() for entry in sys.path)
