"""`aktif check`: the settings: read, known, given, and keys that are keys."""

import difflib
import os
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final
from urllib.parse import urlsplit

from dotenv import dotenv_values

from services.cli.output import count
from shared.broker.permissions import OPERATOR
from shared.findings import Finding, Part, is_local
from shared.settings import DEVELOPMENT, KEY_SETTINGS, PREFIX, Settings

NEEDS: Final = {
    "state": ("amqp_url", "database_url"),
    "mailer": ("amqp_url", "database_url", "smtp_url", "link_keys"),
    "archivist": ("amqp_url", "database_url"),
    "portal": ("amqp_url", "database_url", "link_keys", "pepper_keys", "session_keys"),
    OPERATOR: ("amqp_url", "database_url"),
}
"""The settings without which a service does not start, and an operator's command line is of no use."""
EVERYTHING: Final = ("amqp_url", "database_url", "smtp_url", *KEY_SETTINGS)
_SETTINGS: Final = Part("settings")
_LOOKS_LIKE: Final = {
    "amqp_url": "amqps://user:password@host/vhost",
    "database_url": "postgresql+psycopg://user:password@host/aktif?sslmode=verify-full&sslrootcert=system",
    "smtp_url": "smtp+starttls://user:password@host:587",
}
_NEW_KEY: Final = "a random text, `openssl rand -hex 32` makes one"
_OTHERS: Final = (f"{PREFIX}SECRETS_DIR",)
_OF_TESTS: Final = f"{PREFIX}TEST_"
_FEW_CHARACTERS: Final = 10


def of_settings(settings: Settings, faults: Sequence[str], wanted: Sequence[str]) -> Iterator[Finding]:
    """What is malformed, missing, unknown or unsafe."""
    for fault in faults:
        variable, _, words = fault.partition(": ")
        yield _SETTINGS.failed(variable, words, "correct it; the README's table of settings says what each one means")
    malformed = {fault.partition(":")[0] for fault in faults}
    for name in wanted:
        variable = PREFIX + name.upper()
        if getattr(settings, name) is None and variable not in malformed:
            do = f"set it to {_LOOKS_LIKE.get(name, _NEW_KEY)}"
            yield _SETTINGS.failed(variable, "is not set", do)
    yield from _unknown()
    given = len(settings.model_fields_set)
    yield _SETTINGS.ok("read", f"{given - len(malformed)} are set, the others have their default")
    if "link_keys" in wanted:  # nobody else makes links
        yield from _portal(settings)
    if "session_keys" in wanted:
        yield from _proxies(settings)
    yield from _keys(settings)


def _unknown() -> Iterator[Finding]:
    known = [*(PREFIX + name.upper() for name in Settings.model_fields), *_OTHERS]
    for name in sorted({*os.environ, *dotenv_values(".env", interpolate=False)}):
        if name.startswith(PREFIX) and not name.startswith(_OF_TESTS) and name not in known:
            near = difflib.get_close_matches(name, known, 1)
            do = f"if it should be {near[0]}, rename it; else take it out" if near else "take it out"
            yield _SETTINGS.warning(name, "no setting of this version has this name", do)


def _portal(settings: Settings) -> Iterator[Finding]:
    parts = urlsplit(settings.portal_url)
    if parts.scheme == "https" or is_local(parts.hostname or ""):
        yield _SETTINGS.ok("AKTIF_PORTAL_URL", f"links lead to {settings.portal_url}")
    else:
        do = "use https:// there: whoever reads a link on its way can set the password"
        yield _SETTINGS.warning("AKTIF_PORTAL_URL", f"links lead to {settings.portal_url}, in clear", do)


def _proxies(settings: Settings) -> Iterator[Finding]:
    if urlsplit(settings.portal_url).scheme == "https" and not settings.trusted_proxies:
        do = "set it to the address of the proxy before the portal, else everybody shares the limits of one address"
        yield _SETTINGS.warning("AKTIF_TRUSTED_PROXIES", "is not set, and links are https: who ends TLS?", do)


def _size(keys: Sequence[bytes]) -> str:
    more = " or more" if keys[1:] else ""
    return f"{count(len(keys), 'key')} of {min(map(len, keys))} bytes{more}"


def _keys(settings: Settings) -> Iterator[Finding]:
    given = {name: settings.require_keys(name) for name in KEY_SETTINGS if getattr(settings, name) is not None}
    for name, keys in given.items():
        variable, found = PREFIX + name.upper(), _size(keys)
        if any(key.startswith(DEVELOPMENT.encode()) for key in keys):
            yield _SETTINGS.ok(variable, f"{found}, made for development")
        elif any(len(set(key)) < _FEW_CHARACTERS for key in keys):
            yield _SETTINGS.warning(variable, f"{found}, one of few different characters", f"use {_NEW_KEY}")
        else:
            yield _SETTINGS.ok(variable, found)
    for (one, keys), (other, others) in combinations(given.items(), 2):
        if set(keys) & set(others):
            do = f"give each keys of its own: {_NEW_KEY}"
            yield _SETTINGS.warning(PREFIX + one.upper(), f"shares a key with {PREFIX}{other.upper()}", do)
