"""Log lines as JSON: a fixed event name plus fields. Nothing personal is ever a field in clear."""

import logging
import sys

import structlog
from structlog.tracebacks import ExceptionDictTransformer

from schemas.fields import IC_PATTERN


def configure_logs(service: str) -> None:
    """Send one JSON line per event to standard error, each with its service and a UTC time.

    Tracebacks come without local variables, which hold names, addresses and keys.
    """
    structlog.configure(
        processors=[
            _named(service),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.getLogger("pika").setLevel(logging.CRITICAL)


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
    local, at, domain = email.rpartition("@")
    return f"{local[:1]}***@{domain}" if at else "***"
