"""What is looked at on every page that a visitor meets, whatever the test is about."""

import re
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page, Request, Response, Route

_WANTED = {
    "content-security-policy": "default-src 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
_LOADS_A_PAGE = frozenset({"document", "fetch"})
_CHANGES_EACH_TIME = re.compile(r'name="csrf" value="\w*"|\d+')
_IS_DARK = "matchMedia('(prefers-color-scheme: dark)').matches"
_found_good: set[tuple[str, str, bool, bool]] = set()


class Record:
    """What a page's traffic and console show: all requests, and the faults among them."""

    def __init__(self, page: Page, portal_url: str) -> None:
        self.requests: list[Request] = []
        self.faults: list[str] = []
        self.is_interrupted = False
        """Set where a test lets requests fail: Chromium notes each in the console."""
        self._portal_url = portal_url
        page.on("request", self._asked)
        page.on("response", self._answered)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.faults.append(f"script failed: {error}"))

    def _asked(self, request: Request) -> None:
        self.requests.append(request)
        if not request.url.startswith((f"{self._portal_url}/", "data:")):
            self.faults.append(f"asked another host: {request.url}")

    def _answered(self, response: Response) -> None:
        if self.is_interrupted and response.status >= 500:
            return
        if response.request.resource_type not in _LOADS_A_PAGE:
            if response.status >= 400:
                self.faults.append(f"{response.status} for {response.url}")
            return
        for name, value in _WANTED.items():
            if value not in response.headers.get(name, ""):
                self.faults.append(f"{name} of {response.url} is {response.headers.get(name)}")

    def _said(self, message: ConsoleMessage) -> None:
        """A page that refuses something says so with its status, which Chromium notes as an error too."""
        failed = "Failed to load resource: "
        is_status = message.text.startswith(f"{failed}the server responded with a status of 4")
        is_meant = self.is_interrupted and message.text.startswith(failed)
        if message.type in {"error", "warning"} and not (is_status or is_meant):
            self.faults.append(f"console: {message.text}")


def inspect(page: Page, language: str, *, scripted: bool, picture: Path) -> None:
    """Look at a page: its language, no scrolling sideways, and nothing that shuts people out, as far as axe can tell.

    One that was found good before, in the same size and colours and but for numbers, is neither pictured nor given to
    axe again.
    """
    spoken = page.locator("html").get_attribute("lang")
    assert spoken == language, f"{page.url} is in {spoken}, not {language}"
    width = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert width[0] <= width[1], f"{page.url} scrolls sideways: {width[0]} in {width[1]} px"
    html = page.content()
    looks = (_CHANGES_EACH_TIME.sub("", html), str(page.viewport_size), scripted, bool(page.evaluate(_IS_DARK)))
    if looks in _found_good:
        return
    page.screenshot(path=picture, full_page=True)
    violations = _axe(page) if scripted else _axe_without_scripts(page, html)
    assert not violations, f"{page.url}: " + "; ".join(map(_in_words, violations))
    _found_good.add(looks)


def _axe(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return found


def _axe_without_scripts(page: Page, html: str) -> list[dict[str, Any]]:
    """Axe is a script itself, so it looks at a copy, for which nothing of ours runs."""
    browser = page.context.browser
    assert browser is not None
    context = browser.new_context(viewport=page.viewport_size)
    copy = context.new_page()

    def answer(route: Route) -> None:
        if route.request.resource_type == "document":
            route.fulfill(body=html, content_type="text/html; charset=utf-8")
        elif route.request.resource_type == "script":
            route.abort()
        else:
            route.continue_()

    copy.route("**/*", answer)
    copy.goto(page.url)
    try:
        return _axe(copy)
    finally:
        context.close()


def _in_words(violation: dict[str, Any]) -> str:
    where = [" ".join(map(str, node["target"])) for node in violation["nodes"]]
    return f"{violation['id']} ({violation['help']}) at {', '.join(where)}"
