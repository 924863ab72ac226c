"""AKTIF_HOME_URL: a right password leads to the system's own page, wherever that leads on to."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Visits
from tests.browser.people import PASSWORD, Officer
from tests.support.inspection import inspect
from tests.support.site import Site
from tests.support.visitor import Visitor
from tests.support.world import World

HOME_PAGE = b"<!DOCTYPE html><title>Sistem</title><h1>Halaman utama sistem</h1>"


class System(BaseHTTPRequestHandler):
    """A system behind: its first address leads to another origin, as one with a login of its own does."""

    def do_GET(self) -> None:
        port = self.headers["Host"].rpartition(":")[2]
        if self.path == "/masuk":
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.1:{port}/utama")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(HOME_PAGE)))
            self.end_headers()
            self.wfile.write(HOME_PAGE)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def system() -> Iterator[int]:
    """The system behind; gives its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), System) as server:
        serving = Thread(target=server.serve_forever)
        serving.start()
        yield server.server_address[1]
        server.shutdown()
        serving.join()


@pytest.fixture(scope="module")
def home(browser: Browser, aktif: World) -> Iterator[tuple[str, str]]:
    """The URL of a portal that leads on, and that which it leads to."""
    del browser  # before the servers
    with system() as port:
        url = f"http://localhost:{port}/masuk"
        portal = Site(aktif).opens_another(AKTIF_HOME_URL=url)
        yield portal, url
        aktif.kill(f"portal on {portal.rpartition(':')[2]}")


@pytest.mark.parametrize("scripted", [True, False], ids=["with-javascript", "without-javascript"])
def test_a_right_password_leads_through_a_redirect_to_another_origin(
    browser: Browser, home: tuple[str, str], officer: Officer, scripted: bool
) -> None:
    officer.is_activated()
    context = browser.new_context(locale="ms-MY", java_script_enabled=scripted)
    page = context.new_page()
    page.goto(home[0])

    page.get_by_label("No Kad Pengenalan", exact=True).fill(officer.ic_number)
    page.get_by_label("Kata Laluan", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log Masuk").click()

    expect(page.get_by_role("heading")).to_have_text("Halaman utama sistem")
    assert page.url == f"{home[1].replace('localhost', '127.0.0.1').removesuffix('masuk')}utama"
    context.close()


@pytest.mark.parametrize(
    ("locale", "link"), [("ms-MY", "Teruskan ke iSPEKS"), ("en-GB", "Go on to iSPEKS")], ids=["malay", "english"]
)
def test_a_browser_that_does_not_follow_has_a_link_to_it(
    browser: Browser, home: tuple[str, str], officer: Officer, tmp_path: Path, locale: str, link: str
) -> None:
    officer.is_activated()
    context = browser.new_context(locale=locale)
    context.route(home[1], lambda route: route.fulfill(status=204))
    visitor = Visitor(context.new_page(), home[0], tmp_path, locale[:2])
    visitor.opens("/")

    visitor.types(visitor.labels.ic_number, officer.ic_number)
    visitor.types(visitor.labels.password, PASSWORD)
    visitor.button(visitor.labels.log_in).click()

    leading = visitor.page.get_by_role("link", name=link)
    expect(leading).to_have_attribute("href", home[1])
    inspect(visitor.page, visitor.language, scripted=True, picture=tmp_path / "welcome.png")
    context.close()


def test_nobody_is_welcome_without_a_right_password(visits: Visits) -> None:
    visitor = visits()

    visitor.opens("/welcome")

    assert visitor.path == "/"
    visitor.sees_not("Kata laluan anda betul")
