"""What a browser holds, and what proves that a form is ours."""

import re
from uuid import UUID, uuid4

import pytest
from starlette.requests import Request
from starlette.responses import Response

from services.portal.browser import (
    Browser,
    Pending,
    await_event,
    held_link,
    hold_link,
    keep_language,
    let_in,
    pending_event,
    was_let_in,
)
from shared import links
from shared.links import Purpose
from shared.web.cookies import Cookies
from tests.support.builders import THEN

KEY, OLD_KEY, STRANGERS_KEY = (name * 32 for name in (b"k", b"o", b"s"))
PLAIN, SECURE = Cookies.of("http://localhost:8080"), Cookies.of("https://aktif.example/pengaktifan")
SECRET = "s" * 43
EVENT = "6f0c7a52-8d3e-4a47-9a35-0f6f3b1d2c11"


def request(**cookies: str) -> Request:
    """A request with these cookies; their names with _ for -."""
    held = "; ".join(f"{name.replace('_', '-')}={value}" for name, value in cookies.items())
    return Request({"type": "http", "headers": [(b"cookie", held.encode("latin-1"))] if held else []})


def browser(secret: str = SECRET) -> Browser:
    return Browser(secret, False, PLAIN)


def test_a_browser_without_a_cookie_gets_a_secret_of_its_own() -> None:
    one, other = Browser.of(request(), PLAIN), Browser.of(request(), PLAIN)
    answer = Response()
    one.remember(answer)

    assert one.is_new
    assert len(one.secret) == 43
    assert one.secret != other.secret
    assert f"aktif={one.secret};" in answer.headers["set-cookie"]


def test_a_browser_that_has_one_keeps_it() -> None:
    found, answer = Browser.of(request(aktif=SECRET), PLAIN), Response()
    found.remember(answer)

    assert (found.secret, found.is_new) == (SECRET, False)
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("value", ["", "short", "s" * 44, "é" * 43])
def test_what_cannot_be_our_secret_is_none(value: str) -> None:
    assert Browser.of(request(aktif=value), PLAIN).is_new


def test_behind_https_only_the_cookie_of_our_host_counts() -> None:
    assert Browser.of(request(aktif=SECRET), SECURE).is_new
    held = Request({"type": "http", "headers": [(b"cookie", f"__Host-aktif={SECRET}".encode())]})
    assert not Browser.of(held, SECURE).is_new


@pytest.mark.parametrize(("cookies", "prefix", "is_secure"), [(PLAIN, "aktif", False), (SECURE, "__Host-aktif", True)])
def test_no_script_reads_a_cookie_of_ours_and_no_other_site_sends_it(
    cookies: Cookies, prefix: str, is_secure: bool
) -> None:
    answer = Response()
    Browser.of(request(), cookies).remember(answer)
    hold_link(answer, cookies, Purpose.ACTIVATION, "token", seconds=3600)
    await_event(answer, cookies, "event", THEN)
    let_in(answer, Browser(SECRET, False, cookies), KEY)
    keep_language(answer, cookies, "en")

    given = answer.headers.getlist("set-cookie")
    assert len(given) == 5
    for cookie in given:
        flags = {flag.strip().lower() for flag in cookie.split(";")[1:]}
        assert cookie.startswith(prefix)
        assert {"httponly", "samesite=lax", "path=/"} <= flags
        assert ("secure" in flags) is is_secure
        assert not [flag for flag in flags if flag.startswith("domain")]


def test_a_telephone_that_ends_its_browser_between_two_steps_loses_neither_secret_nor_token() -> None:
    answer = Response()
    Browser.of(request(), PLAIN).remember(answer)
    hold_link(answer, PLAIN, Purpose.RECOVERY, "token", seconds=3600)
    known = Response()
    browser().remember(known)
    browser().remember(known, anew=True)

    ages = [re.findall(r"(?i)max-age=(\d+)", cookie) for cookie in answer.headers.getlist("set-cookie")]
    assert ages == [["86400"], ["3600"]]
    assert len(known.headers.getlist("set-cookie")) == 1


def test_who_was_let_in_is_known_by_a_cookie_of_the_same_browser_only() -> None:
    answer = Response()
    let_in(answer, browser(), OLD_KEY)
    (held,) = re.findall(r"aktif-welcome=(\w+)", answer.headers["set-cookie"])

    assert was_let_in(request(aktif_welcome=held), browser(), [KEY, OLD_KEY])
    assert not was_let_in(request(aktif_welcome=held), browser(), [KEY])
    assert not was_let_in(request(aktif_welcome=held), browser("t" * 43), [OLD_KEY])
    assert not was_let_in(request(), browser(), [OLD_KEY])


@pytest.mark.parametrize("link_id", [None, uuid4()])
def test_a_form_is_taken_from_the_browser_that_got_it(link_id: UUID | None) -> None:
    token = browser().csrf(KEY, link_id)

    assert browser().sent_form(token, [KEY], link_id)
    assert browser().sent_form(token, [OLD_KEY, KEY], link_id)  # keys were rotated since
    assert not browser("t" * 43).sent_form(token, [KEY], link_id)
    assert not browser().sent_form(token, [STRANGERS_KEY], link_id)
    assert not browser().sent_form(token, [KEY], uuid4())
    assert not Browser(SECRET, True, PLAIN).sent_form(token, [KEY], link_id)


@pytest.mark.parametrize("token", ["", "0" * 64, "é", "\ud800", "x" * 10_000])
def test_no_other_text_is_a_form_of_ours(token: str) -> None:
    assert not browser().sent_form(token, [KEY, OLD_KEY])


def test_a_session_is_another_for_each_link_and_each_browser() -> None:
    one, other = uuid4(), uuid4()
    digests = [browser(secret).session_digest(link) for secret in (SECRET, "t" * 43) for link in (one, other)]

    assert len(set(digests)) == 4
    assert browser().session_digest(one) == digests[0]
    assert SECRET not in "".join(digests)


def test_a_browser_holds_a_link_by_a_genuine_token_of_its_purpose() -> None:
    link_id = uuid4()
    token = links.token(link_id, Purpose.ACTIVATION, [KEY])

    assert held_link(request(aktif_activation=token), PLAIN, Purpose.ACTIVATION, [KEY]) == link_id
    assert held_link(request(aktif_recovery=token), PLAIN, Purpose.RECOVERY, [KEY]) is None
    assert held_link(request(aktif_activation=token), PLAIN, Purpose.ACTIVATION, [STRANGERS_KEY]) is None
    assert held_link(request(), PLAIN, Purpose.ACTIVATION, [KEY]) is None


@pytest.mark.parametrize(
    ("held", "event"),
    [
        (f"{EVENT}.1610323200", Pending(EVENT, THEN)),
        ("", None),
        (EVENT, None),
        ("anything.1610323200", None),
        (r'"\000"', None),
        (f"{EVENT} OR 1=1.1610323200", None),
        (f"{EVENT}.99999999999999999999", None),
    ],
)
def test_an_event_is_waited_for_by_its_id_and_by_nothing_else(held: str, event: Pending | None) -> None:
    assert pending_event(request(aktif_pending=held), PLAIN) == event
