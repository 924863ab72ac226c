"""What the address of a page may hold: browsers and proxies keep it, so no IC number and no mail address. Pure."""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qsl

from shared.logs import unpersonal

_FINGERPRINT: Final = re.compile(r"[0-9a-f]{16}")
_ADDRESSES: Final = frozenset({"back", "next"})


def is_personal(given: Iterable[tuple[str, str]]) -> bool:
    """Whether parameters of an address hold what is personal, also in an address that one of them leads to."""
    return any(_leads_there(value) if name in _ADDRESSES else _holds(value) for name, value in given)


def _leads_there(address: str) -> bool:
    """`back` is a query alone, `next` a path that may have one."""
    path, _, found = address.rpartition("?")
    pairs = parse_qsl(found)
    return _holds(path if pairs else address) or is_personal(pairs)


def _holds(value: str) -> bool:
    """A fingerprint may hold twelve digits in a row by chance."""
    return not _FINGERPRINT.fullmatch(value) and unpersonal(value) != value
