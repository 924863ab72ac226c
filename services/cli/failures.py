"""What went wrong, in one line: what, where, and what to do."""

import http.client
import re
import sys
import traceback
from typing import Any, Final

from services.cli.environment import FILE, FOLDER, without_password

_SAID_BY_BROKER: Final = re.compile(r"\(\d{3}\) '(?P<words>[^']+)'")
_SAID_BY_NETWORK: Final = re.compile(r"[Ee]rror\(-?\d+, '(?P<words>[^']+)'\)")


class Failed(Exception):
    """A command could not do what it was asked for; its text says why and what to do."""


def report(error: BaseException, *, show_traceback: bool = False) -> int:
    """Say on standard error what is wrong; returns the exit code."""
    if show_traceback:
        traceback.print_exception(error)
    if isinstance(error, KeyboardInterrupt):
        return 130
    if hasattr(error, "format_message"):  # of typer, whose base class has no public name
        where = getattr(getattr(error, "ctx", None), "command_path", "aktif")
        sys.stderr.write(f"{where}: {_usage(error.format_message())}; see `{where} --help`\n")
        return int(getattr(error, "exit_code", 2))
    sys.stderr.write(f"aktif: {explain(error)}\n")
    return 2 if type(error).__name__ == "BadSettings" else 1


def explain(error: BaseException) -> str:
    """One line for what may go wrong outside of us; for a fault of ours, how to see more of it."""
    from shared.broker.connection import BrokerUnreachable
    from shared.settings import BadSettings
    from shared.tls import trouble

    words = str(error)
    match error:
        case Failed():
            return words
        case BadSettings():
            return f"{words}; or start `aktif up` in this folder" if "is not set" in words else words
        case BrokerUnreachable():
            says = said_by_broker(words)
            return f"the broker cannot be used{_at_broker()}: {says}; check AKTIF_AMQP_URL{_private_hint()}"
        case _ if type(error).__name__ in {"ServersMissing", "ServersBusy", "ServerFailed"}:
            return words
        case _ if type(error).__name__ == "ManagementError":
            return f"the broker's management API refused: {_one_line(words)}; check AKTIF_BROKER_API_URL and its user"
        case _ if type(error).__module__.startswith("sqlalchemy."):
            return _of_database(error)
        case PermissionError() | FileNotFoundError() | IsADirectoryError():
            return f"{error.filename}: {error.strerror}"
        case OSError() | http.client.HTTPException():
            return trouble(error) or f"no connection: {_one_line(words) or type(error).__name__}{_private_hint()}"
        case _:
            return f"unexpected {type(error).__name__}: {_one_line(words)}; `aktif --traceback …` shows where"


def _of_database(error: BaseException) -> str:
    from shared.store.engine import WrongEncoding, is_down, sqlstate
    from shared.tls import trouble

    state = sqlstate(error) if hasattr(error, "orig") else None  # type: ignore[arg-type]
    words = _one_line(str(getattr(error, "orig", None) or error))
    if state in {"42P01", "42703"}:
        return "the database lacks tables or columns of this version: run `aktif provision`"
    if state == "42501":
        return f"the database refuses: {words}; use a role that may, in AKTIF_DATABASE_URL"
    if isinstance(getattr(error, "orig", None), WrongEncoding):
        return words
    if about_tls := trouble(error):
        return f"the database cannot be used: {about_tls}"
    if is_down(error):
        return f"the database does not answer: {words}; check AKTIF_DATABASE_URL{_private_hint()}"
    return f"the database refuses: {words}"


def api_unreachable(url: str, error: BaseException) -> Failed:
    """The management API does not answer at its URL."""
    from shared.tls import trouble

    if about_tls := trouble(error):
        return Failed(f"the broker's management API at {without_password(url)} cannot be used: {about_tls}")
    words = _one_line(str(error)) or type(error).__name__
    return Failed(
        f"the broker's management API at {without_password(url)} does not answer: {words}; "
        f"set AKTIF_BROKER_API_URL, or `rabbitmq-plugins enable rabbitmq_management`{_private_hint()}"
    )


def said_by_broker(words: str) -> str:
    """What the broker or the network said, out of what the client wraps around it."""
    said = _SAID_BY_BROKER.search(words) or _SAID_BY_NETWORK.search(words)
    return said["words"] if said else _one_line(words)


def _at_broker() -> str:
    from shared.settings import BadSettings, load_settings

    try:
        return f" at {', '.join(map(without_password, load_settings().broker_urls()))}"
    except BadSettings:
        return ""


def _private_hint() -> str:
    """Where the settings are those that `aktif up` left, it is probably over."""
    return f", or whether `aktif up` still runs ({FOLDER / FILE})" if (FOLDER / FILE).exists() else ""


def _usage(words: str) -> str:
    """Without what the library that read it puts before the words of ours."""
    return _one_line(words).replace("Value error, ", "").rstrip(".")


def _one_line(words: Any) -> str:
    return " ".join(str(words).split())
