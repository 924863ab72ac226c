"""A real Chromium, found on this machine or installed where that is ours to do."""

import platform
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from playwright._impl._driver import compute_driver_executable
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


_OF_THE_DRIVER = "libatomic1"


class BrowserMissing(Exception):
    """There is no Chromium and none could be installed; the message is one line that says what to type."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running headless Chromium. Raises BrowserMissing."""
    program = _found() or _installed()
    _ensure_driver()
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


def _ensure_driver() -> None:
    """Playwright brings a Node of its own, which wants a library that a small Debian does not have."""
    if _driver_starts():
        return
    if apt.can_install():
        with suppress(ServerFailed):
            apt.install(_OF_THE_DRIVER)
    if not _driver_starts():
        raise BrowserMissing(f"Playwright's driver does not start: as root, type `apt-get install {_OF_THE_DRIVER}`")


def _driver_starts() -> bool:
    node, _ = compute_driver_executable()
    return subprocess.run([node, "--version"], capture_output=True).returncode == 0


def _what_to_type() -> str:
    if platform.system() == "Darwin":
        return "Chromium is missing: type `brew install --cask google-chrome`"
    return "Chromium is missing: as root, type `apt-get install chromium`"
