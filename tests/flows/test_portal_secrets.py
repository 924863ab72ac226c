"""What a person types into the portal, or holds in a cookie, is in no message, no table and no log."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.cli.servers.ladder import Servers
from tests.flows.test_no_secret_at_rest import all_messages, rows
from tests.support.invited import ANSWERS, PASSWORD, asks_again, chooses, sets, signs_in
from tests.support.site import Site, site_on
from tests.support.tap import Tap
from tests.support.web import Visitor
from tests.support.world import KEYS

NEW_PASSWORD = "Basikal-Biru-8823"
WRONG = ("Kata-Laluan-Salah-1", "kata laluan pendek", "Jawapan Yang Salah", "Jawapan Palsu", "Jawapan Sesat")


@pytest.fixture
def site(session_servers: Servers, tmp_path: Path) -> Iterator[Site]:
    """All of Aktif with its portal."""
    with site_on(session_servers, tmp_path) as found:
        yield found


def test_nothing_that_is_typed_or_held_is_kept_in_clear_and_no_log_names_a_person(site: Site) -> None:
    tap, person = Tap(site.world.amqp_url), site.person()
    visitor, stranger = site.visitor(), site.visitor()
    opened = visitor.goes_to(person.link)
    late = stranger.goes_to(person.link)

    page = chooses(visitor, opened)
    stranger.submits(late, "add", next_question="first_car", next_answer=WRONG[2])
    page = visitor.submits(page, password=WRONG[1], again=WRONG[0])
    assert sets(visitor, page).path == "/account/activation/done"
    assert signs_in(visitor, person.ic_number, WRONG[0]).status == 401
    assert signs_in(visitor, person.ic_number, PASSWORD).path == "/welcome"
    for _ in range(6):
        asks_again(visitor, person.ic_number)
    link = site.recovery_link(person)
    page = visitor.submits(visitor.goes_to(link), answer=list(WRONG[2:]))
    assert sets(visitor, visitor.submits(page, answer=list(ANSWERS.values())), NEW_PASSWORD).status == 200
    misbehave(site, person.ic_number, person.link)
    site.world.kill("state")
    dies_before_the_database(site, visitor, person.ic_number)
    site.world.stop("portal")

    cookies = [cookie.value or "" for cookie in visitor.http.cookies.jar if cookie.name != "aktif-language"]
    forms = [opened.form.csrf, page.form.csrf]
    tokens = [person.token, link.partition("=")[2]]
    secrets = [*tokens, PASSWORD, NEW_PASSWORD, *WRONG, *ANSWERS.values(), *forms, *KEYS.values()]
    secrets += [held for held in cookies if len(held) in {43, 64}]
    personal = [person.ic_number, person.name, person.email, "token="]
    messages, log = all_messages(tap), site.world.log_of("portal")
    assert "PasswordSet" in messages
    assert "page_failed" in log
    assert person.ic_number in rows(site.world)
    assert len([held for held in cookies if len(held) in {43, 64}]) == 4  # a secret, two tokens, a login
    assert not [secret for secret in secrets if secret in messages + rows(site.world) + log]
    assert not [value for value in personal if value in log]
    assert all(line.startswith("{") for line in log.splitlines())  # our own lines, and no library's
    tap.close()


def misbehave(site: Site, ic_number: str, link: str) -> None:
    """Requests that no browser sends, each with something personal in it."""
    visitor = site.visitor()
    for path in (f"/{ic_number}", f"{link}%00", f"/?ic_number={ic_number}", f"/static/{ic_number}/{ic_number}"):
        visitor.goes_to(path)
        visitor.http.delete(path)
    csrf = visitor.goes_to("/account/resend").form.csrf
    for body, kind in [
        (f"csrf={csrf}&ic_number={ic_number}".encode() * 1000, "application/x-www-form-urlencoded"),
        (f"--wrong{ic_number}".encode(), "multipart/form-data; boundary=right"),
        (
            f'--b\r\nContent-Disposition: form-data; name="{ic_number}"; filename="x"\r\n\r\n1\r\n--b--'.encode(),
            "multipart/form-data; boundary=b",
        ),
    ]:
        assert visitor.http.post("/account/resend", content=body, headers={"Content-Type": kind}).status_code >= 400
    for garbage in (f"{ic_number}\r\n\r\n", f"GET {link} HTTP/9.9\r\n\r\n", f"GET / HTTP/1.1\r\n{ic_number}\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", site.world.portal_port)) as raw:
            raw.sendall(garbage.encode())
            raw.recv(4096)


def dies_before_the_database(site: Site, visitor: Visitor, ic_number: str) -> None:
    """A statement that fails with a person's values in hand."""
    from sqlalchemy import text

    with site.world.engine.begin() as connection:
        connection.execute(text("ALTER TABLE limits ADD CONSTRAINT never CHECK (count < 0) NOT VALID"))
    assert signs_in(visitor, ic_number, PASSWORD).status == 500
    assert asks_again(visitor, ic_number, "/account/recovery").status == 500
