"""A real Chromium, found on this machine or installed where that is ours to do."""

import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from services.cli.servers import apt
from services.cli.servers.process import ServerFailed

_NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
    "microsoft-edge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
# Besides what Playwright adds itself, which is no sandbox either: neither root nor most containers could have one.
_QUIETLY = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class BrowserMissing(Exception):
    """There is no Chromium and none could be installed; the message is one line that says what to type."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running headless Chromium. Raises BrowserMissing."""
    program = _found() or _installed()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_QUIETLY)
        yield browser
        browser.close()


def _found() -> str | None:
    return next((path for path in map(shutil.which, _NAMES) if path), None)


def _installed() -> str:
    if apt.can_install():
        try:
            apt.install("chromium")
        except ServerFailed as error:
            raise BrowserMissing(_what_to_type()) from error
    if program := _found():
        return program
    raise BrowserMissing(_what_to_type())


def _what_to_type() -> str:
    if platform.system() == "Darwin":
        return "Chromium is missing: type `brew install --cask google-chrome`"
    return "Chromium is missing: as root, type `apt-get install chromium`"
