"""One Chromium and one running Aktif for all tests of this folder; fresh browsers and people for each."""

import os
import re
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser

from services.cli.servers.ladder import Servers
from tests.browser.people import Officer
from tests.support.browser import BrowserMissing, chromium
from tests.support.visitor import Visitor
from tests.support.waiting import eventually
from tests.support.world import World, world

Visits = Callable[..., Visitor]
_PATIENCE_MS = 20_000


# No wider than this package: while Playwright runs, no other test of the process could run an event loop of its own.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A Chromium; without one the tests are skipped, or fail where AKTIF_TEST_REQUIRE_BROWSER=1."""
    try:
        with chromium() as found:
            yield found
    except BrowserMissing as missing:
        if os.environ.get("AKTIF_TEST_REQUIRE_BROWSER") == "1":
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))


@pytest.fixture(scope="package")
def aktif(browser: Browser, session_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """All services at work, none of which makes anybody wait before asking again."""
    del browser  # where there is none, nothing else need be started
    with world(session_servers, tmp_path_factory.mktemp("aktif")) as found:
        found.start("state", AKTIF_RESEND_SECONDS="0")
        found.start("mailer", "archivist", "portal")
        is_ready(found)
        yield found


@pytest.fixture
def officer(aktif: World) -> Officer:
    """Somebody whom nobody has heard of yet."""
    return Officer.new(aktif)


@pytest.fixture
def visits(browser: Browser, aktif: World, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Visits]:
    """Opens fresh browsers; says at the end of the test what each has met."""
    kept = os.environ.get("AKTIF_TEST_SCREENSHOTS")
    folder = Path(kept).resolve() / re.sub(r"\W+", "-", request.node.name).strip("-") if kept else tmp_path
    visitors: list[Visitor] = []
    numbers = count(1)

    def come(
        *,
        locale: str = "ms-MY",
        width: int = 1280,
        height: int = 800,
        scale: int = 1,
        scripted: bool = True,
        dark: bool = False,
    ) -> Visitor:
        context = browser.new_context(
            locale=locale,
            viewport={"width": width, "height": height},
            device_scale_factor=scale,
            java_script_enabled=scripted,
            color_scheme="dark" if dark else "light",
        )
        context.set_default_timeout(_PATIENCE_MS)
        language = "en" if locale.startswith("en") else "ms"
        pictures = folder / f"browser-{next(numbers)}"
        visitors.append(Visitor(context.new_page(), aktif.portal_url, pictures, language, scripted))
        return visitors[-1]

    yield come
    for visitor in visitors:
        visitor.leaves()
    for visitor in visitors:
        visitor.has_met_no_fault()


def is_ready(aktif: World) -> None:
    """Wait until the portal has its broker and its database."""
    aktif.opens_portal()
    eventually("the portal is ready", lambda: httpx.get(f"{aktif.portal_url}/readyz").status_code == 200)
