"""Log lines as JSON: a fixed event name plus fields. Nothing personal is ever a field in clear."""

import logging
import re
import sys
import threading
from types import TracebackType
from typing import Any, Final

import structlog
from structlog.tracebacks import ExceptionDictTransformer

from schemas.fields import IC_PATTERN

_DOMAIN: Final = re.compile(r"(?!.*\d{6})(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}")
"""Six digits in a row may be the beginning of an IC number."""
_PERSONAL: Final = re.compile(
    r"(?P<ours>\b[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b|\b[0-9a-f]{64}\b)"
    r"|(?P<email>[^\s<>\"'(),:;=]+@[\w.-]*\w)|(?P<ic>(?<!\d)\d{6}[- ]?\d{2}[- ]?\d{4}(?!\d))"
)
"""UUIDs and digests may hold twelve digits in a row by chance, and are nobody's."""


def configure_logs(service: str) -> None:
    """Send one JSON line per event to standard error, each with its service and a UTC time.

    Tracebacks come without local variables, which hold names, addresses and keys, and exceptions without their words:
    PostgreSQL quotes the failing row.
    """
    structlog.configure(
        processors=[
            _named(service),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(_without_words),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.getLogger("pika").setLevel(logging.CRITICAL)


def log_crashes() -> None:
    """Log what ends this process or one of its threads, which Python itself would print with its words."""
    sys.excepthook = _crashed
    threading.excepthook = lambda args: _crashed(args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback)


def _crashed(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    structlog.get_logger().error("crashed", exc_info=(kind, error, traceback))


_frames = ExceptionDictTransformer(show_locals=False)


def _without_words(exc_info: structlog.typing.ExcInfo) -> list[dict[str, Any]]:
    """The types of an exception and its causes, and where they were raised."""
    return [
        {"type": one["exc_type"], "frames": [f"{frame['filename']}:{frame['lineno']}" for frame in one["frames"]]}
        for one in _frames(exc_info)
    ]


def _named(service: str) -> structlog.typing.Processor:
    def add(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["service"] = service
        return event

    return add


def mask_ic(ic_number: str) -> str:
    """`850101030007` → `8501********`. What is no IC number is masked whole."""
    shown = ic_number[:4] if IC_PATTERN.fullmatch(ic_number) else ""
    return shown.ljust(len(ic_number), "*")


def mask_email(email: str) -> str:
    """`pegawai.contoh@example.gov.my` → `p***@example.gov.my`. What is no address is masked whole."""
    local, _, domain = email.rpartition("@")
    return f"{local[:1]}***@{domain}" if local and _DOMAIN.fullmatch(domain) else "***"


def unpersonal(text: object) -> str:
    """A text that others wrote, such as an id, a detail or a reason, with IC numbers and mail addresses masked.

    Names cannot be told from other words.
    """
    return _PERSONAL.sub(_mask, str(text))


def _mask(found: re.Match[str]) -> str:
    if found["email"]:
        return mask_email(found["email"])
    return mask_ic(re.sub("[- ]", "", found["ic"])) if found["ic"] else found["ours"]
