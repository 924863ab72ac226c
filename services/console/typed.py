"""What somebody typed, in an address or a form: trimmed, bounded, and as PostgreSQL takes it. Pure."""

from typing import Final

from starlette.datastructures import FormData, QueryParams

LONGEST: Final = 200


def typed(given: QueryParams | FormData, name: str, most: int = LONGEST) -> str:
    """A field; empty where it is missing or a file. PostgreSQL knows no NUL."""
    value = given.get(name)
    return value.replace("\x00", "").strip()[:most] if isinstance(value, str) else ""
