"""Who gets into the console, for how long, and with which forms."""

import time
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from shared.operations import people
from shared.operations.people import Role
from tests.support.console import OPERATOR, PASSWORD, VIEWER, Console, form_of, logs_in, sends
from tests.support.web import Page

SESSION = "aktif-console-session"


@pytest.fixture(autouse=True)
def _nobody_has_tried(console: Console) -> Iterator[None]:
    yield
    does(console, "DELETE FROM tries")


def test_a_right_password_leads_to_the_page_that_was_asked_for(console: Console) -> None:
    visitor = console.visitor()
    asked = visitor.goes_to("/letters?status=open")

    page = sends(visitor, asked, "/login", name=VIEWER, password=PASSWORD)

    assert (asked.path, asked.heading) == ("/login", "Log in")
    assert str(page.answer.url).endswith("/letters?status=open")
    assert f"{VIEWER} (viewer)" in page.html
    assert console.asks("SELECT what FROM audit WHERE who = :who", who=VIEWER)[-1] == ("login",)


@pytest.mark.parametrize("name", [OPERATOR, "nobody.known", "x' OR 1=1 --", "ß" * 70])
def test_a_wrong_password_and_an_unknown_name_are_answered_alike(console: Console, name: str) -> None:
    visitor = console.visitor()

    refused = logs_in(visitor, name, "Salah-Sekali-1")

    assert refused.status == 401
    assert "Name or password is not right." in refused.html
    assert SESSION not in visitor.http.cookies
    assert visitor.goes_to("/").path == "/login"


def test_after_ten_tries_even_the_right_password_waits(console: Console) -> None:
    name = console.knows("sering.salah", Role.VIEWER)
    visitor = console.visitor()
    statuses = [logs_in(visitor, name, "Salah-Sekali-1").status for _ in range(11)]

    assert statuses == [401] * 10 + [429]
    assert logs_in(visitor, name).status == 429
    assert logs_in(console.visitor(), VIEWER).path == "/"  # others are not held up


def test_an_operator_is_not_kept_out_by_somebody_elsewhere_unless_that_one_has_many_addresses(console: Console) -> None:
    name = console.knows("dikenali.ramai", Role.OPERATOR)
    behind_a_proxy = console.opens_another(AKTIF_TRUSTED_PROXIES="127.0.0.1")

    def tries(address: str) -> int:
        return logs_in(behind_a_proxy.visitor(address=address), name, "Salah-Sekali-1").status

    assert [tries("192.0.2.1") for _ in range(70)] == [401] * 10 + [429] * 60
    assert logs_in(behind_a_proxy.visitor(address="192.0.2.9"), name).path == "/"
    assert {tries(f"198.51.100.{number // 10}") for number in range(50)} == {401}
    assert logs_in(behind_a_proxy.visitor(address="203.0.113.1"), name).status == 429
    behind_a_proxy.close()


def test_who_tries_in_vain_is_in_the_audit_and_what_was_typed_is_not(console: Console) -> None:
    name, visitor = console.knows("cuba.cuba", Role.VIEWER), console.visitor()

    for _ in range(13):
        logs_in(visitor, name, "Salah-Sekali-1")
    logs_in(visitor, "Rahsia-Di-Medan-Nama-1", "x")

    failed = "SELECT what, count(*) FROM audit WHERE who = :who GROUP BY 1 ORDER BY 1"
    assert console.asks(failed, who=name) == [("login_failed", 10), ("login_throttled", 1)]
    assert console.asks(failed, who="unknown")[0][0] == "login_failed"
    assert console.asks("SELECT 1 FROM audit WHERE audit::text LIKE '%Rahsia-Di-Medan%'") == []


def test_a_logout_ends_the_session_wherever_its_cookie_is(console: Console) -> None:
    visitor = console.visited_by(OPERATOR)
    stolen = visitor.http.cookies[SESSION]

    left = sends(visitor, visitor.goes_to("/"), "/logout")

    thief = console.visitor()
    thief.http.cookies.set(SESSION, stolen)
    assert left.path == visitor.goes_to("/").path == thief.goes_to("/audit").path == "/login"


def test_somebody_who_is_removed_is_out_at_once_and_stays_out_when_added_again(console: Console) -> None:
    name = console.knows("sebentar.saja", Role.OPERATOR)
    visitor = console.visited_by(name)

    with console.world.engine.begin() as connection:
        people.remove(connection, name, "tests")
    removed = visitor.goes_to("/")
    console.knows(name, Role.VIEWER)

    assert removed.path == visitor.goes_to("/").path == "/login"


@pytest.mark.parametrize("column", ["begun_at = now() - interval '8 hours'", "seen_at = now() - interval '30 minutes'"])
def test_a_session_ends_after_eight_hours_and_after_thirty_idle_minutes(console: Console, column: str) -> None:
    visitor = console.visited_by(VIEWER)
    assert visitor.goes_to("/audit").path == "/audit"

    does(console, f"UPDATE sessions SET {column}")

    assert visitor.goes_to("/audit").path == "/login"


def test_a_page_that_refreshes_itself_keeps_no_session_alive(console: Console) -> None:
    visitor = console.visited_by(VIEWER)
    does(console, "UPDATE sessions SET seen_at = now() - interval '29 minutes'")
    seen = "SELECT now() - max(seen_at) > interval '28 minutes' FROM sessions"

    refreshed = visitor.http.get("/audit", headers={"Aktif-Refresh": "1"})

    assert refreshed.status_code == 200
    assert console.asks(seen) == [(True,)]
    visitor.goes_to("/audit")
    assert console.asks(seen) == [(False,)]
    assert console.visitor().http.get("/audit", headers={"Aktif-Refresh": "1"}).status_code == 401


def test_a_form_without_its_own_token_is_refused(console: Console) -> None:
    visitor = console.visitor()
    sent = form_of(visitor.goes_to("/login"), "/login") | {"name": OPERATOR, "password": PASSWORD}
    stolen = form_of(console.visitor().goes_to("/login"), "/login")["csrf"]

    for csrf in ("", "0" * 64, stolen):
        assert visitor.posts("/login", data={**sent, "csrf": csrf}).status == 403
    visitor.http.headers["Sec-Fetch-Site"] = "cross-site"
    assert visitor.posts("/login", data=sent).status == 403


def test_a_form_of_an_earlier_session_is_refused(console: Console) -> None:
    visitor = console.visited_by(VIEWER)
    before = visitor.goes_to("/")
    sends(visitor, before, "/logout")
    logs_in(visitor, OPERATOR)

    assert sends(visitor, before, "/logout").status == 403
    assert visitor.goes_to("/").path == "/"


def test_a_form_is_still_right_after_the_same_person_logged_in_again(console: Console) -> None:
    visitor = console.visited_by(OPERATOR)
    (letter,) = console.files()
    before = visitor.goes_to(f"/letters/discard?letter={letter}")
    does(console, "DELETE FROM sessions")
    logs_in(visitor, OPERATOR)

    done = sends(visitor, before, "/letters/discard", why="ditaip sebelum sesi tamat")

    assert "Discarded 1 letter." in done.html


def test_what_was_pressed_after_the_session_ended_is_said_to_be_undone(console: Console) -> None:
    visitor = console.visited_by(OPERATOR)
    (letter,) = console.files()
    before = visitor.goes_to(f"/letters/discard?letter={letter}")
    does(console, "DELETE FROM sessions")

    login = sends(visitor, before, "/letters/discard", why="sudah selesai")
    wrong = sends(visitor, login, "/login", name=OPERATOR, password="Salah-Sekali-1")
    led = sends(visitor, wrong, "/login", name=OPERATOR, password=PASSWORD)

    assert (login.path, led.path) == ("/login", "/letters")
    for page in (login, wrong, led):
        assert "“Discard” was not done" in page.html
    assert console.asks("SELECT 1 FROM closings WHERE letter_id = :letter", letter=letter) == []
    assert "was not done" not in visitor.goes_to("/letters?lost=<b>").html


def test_a_page_that_is_opened_after_the_session_ended_says_so(console: Console) -> None:
    visitor = console.visited_by(VIEWER)
    does(console, "DELETE FROM sessions")

    assert "Your session has ended." in visitor.goes_to("/audit").html
    assert "Your session has ended." not in console.visitor().goes_to("/audit").html
    assert visitor.http.get("/session", headers={"Aktif-Refresh": "1"}).status_code == 401
    assert console.visited_by(VIEWER).http.get("/session").status_code == 204


def test_a_database_that_stands_still_is_said_within_five_seconds(console: Console) -> None:
    visitor = console.visited_by(VIEWER)
    with console.world.engine.begin() as connection:
        connection.execute(text("LOCK TABLE sessions"))  # nobody reads it meanwhile
        asked = time.monotonic()
        page = visitor.goes_to("/")
        took = time.monotonic() - asked

    assert page.status == 503
    assert "PostgreSQL does not answer in time." in page.html
    assert took < 5
    assert visitor.goes_to("/").status == 200


@pytest.mark.parametrize("path", ["/letters/{}", "/replays/{}", "/ledger/{}"])
@pytest.mark.parametrize("digits", [18, 19, 5000])
def test_a_number_that_is_none_of_ours_is_not_found(console: Console, path: str, digits: int) -> None:
    assert console.visited_by(VIEWER).goes_to(path.format("9" * digits)).status == 404


def test_a_note_about_no_cause_is_not_found(console: Console) -> None:
    visitor = console.visited_by(OPERATOR)
    csrf = form_of(visitor.goes_to("/accounts"), "/logout")["csrf"]

    assert visitor.posts("/letters/note", data={"csrf": csrf, "fingerprint": "\x00" * 16, "note": "x"}).status == 404


@pytest.mark.parametrize("path", ["/", "/login", "/nowhere", "/letters/999999", "/static/x/style.css"])
def test_every_answer_has_the_headers_that_protect_it(console: Console, path: str) -> None:
    answer = console.visited_by(OPERATOR).http.get(path)

    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "static" in path or answer.headers["cache-control"] == "no-store"
    if "static" not in path:
        assert " style=" not in answer.text
        assert "<script>" not in answer.text


def test_cookies_are_for_the_console_alone_and_out_of_reach_of_scripts(console: Console) -> None:
    visitor = console.visitor()
    page = visitor.goes_to("/login")
    sent = form_of(page, "/login") | {"name": VIEWER, "password": PASSWORD}

    led = visitor.http.post("/login", data=sent, follow_redirects=False)

    for answer in (page.answer, led):
        (cookie,) = answer.headers.get_list("set-cookie")
        assert cookie.startswith("aktif-console")
        assert {"httponly", "samesite=lax", "path=/"} <= {flag.strip().lower() for flag in cookie.split(";")}


def test_a_stranger_sees_no_page(console: Console) -> None:
    paths = (
        "/",
        "/letters",
        "/letters/1",
        "/replays",
        "/replays/1",
        "/accounts",
        "/mails",
        "/audit",
        "/letters/replay",
    )

    assert {console.visitor().goes_to(path).path for path in paths} == {"/login"}
    assert Page.of(console.visitor().http.get("/healthz")).status == 200


def does(console: Console, statement: str) -> None:
    """Changes something in the database behind everybody's back."""
    with console.world.engine.begin() as connection:
        connection.execute(text(statement))
