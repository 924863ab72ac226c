"""In which language a page speaks, and how it prints a time."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from starlette.requests import Request

from services.portal.pages import Pages, moment
from shared.settings import Settings


def request(accepted: str = "", cookie: str = "") -> Request:
    headers = [(b"accept-language", accepted.encode("latin-1")), (b"cookie", cookie.encode())]
    return Request({"type": "http", "headers": headers, "path": "/account/resend", "query_string": b""})


@pytest.fixture(scope="module")
def pages() -> Pages:
    return Pages(Settings(portal_url="http://localhost:8080/aktif"))


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "ms"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("ms-MY,ms;q=0.9,en;q=0.8", "ms"),
        ("en-US,en;q=0.9,ms;q=0.8", "en"),
        ("ms;q=0.1,en;q=0.2", "en"),
        ("en;q=0.5,ms;q=0.5", "ms"),
        ("zh-CN,zh;q=0.9", "ms"),
        ("zh-CN,zh;q=0.9,en;q=0.1", "en"),
        ("en;q=0", "ms"),
        ("EN", "en"),
        ("*", "ms"),
        ("en;q=much", "ms"),
        ("en; q=0.7, ms; q=0.3", "en"),
        (";;;,,,=", "ms"),
        ("en;q=nan", "ms"),
        ("x" * 300 + ",en", "ms"),
    ],
)
def test_a_first_visit_is_in_the_language_that_the_browser_asks_for(pages: Pages, accepted: str, language: str) -> None:
    assert pages.language(request(accepted)) == language


def test_what_a_person_chose_counts_more_than_what_the_browser_asks_for(pages: Pages) -> None:
    assert pages.language(request("en", "aktif-language=ms")) == "ms"
    assert pages.language(request("ms", "aktif-language=en")) == "en"
    assert pages.language(request("en", "aktif-language=xx")) == "en"


@pytest.mark.parametrize(("language", "is_kept"), [("en", True), ("ms", True), ("xx", False), ("", False)])
def test_a_switch_leads_to_the_same_page_and_keeps_only_a_language_that_we_have(
    pages: Pages, language: str, is_kept: bool
) -> None:
    answer = pages.switch_language(request(), language)

    assert (answer.status_code, answer.headers["location"]) == (303, "/account/resend")
    assert ("set-cookie" in answer.headers) is is_kept


def test_addresses_lie_below_the_portals_own_path(pages: Pages) -> None:
    assert pages.url("/welcome") == "/aktif/welcome"
    assert pages.to("/welcome").headers["location"] == "/aktif/welcome"
    assert pages.asset("style.css").startswith("/aktif/static/")


@pytest.mark.parametrize(
    ("at", "printed"),
    [
        (datetime(2020, 7, 13, 2, 45, 50, tzinfo=UTC), "13/07/2020 10:45:50 AM"),
        (datetime(2020, 7, 13, 16, 0, 0, tzinfo=UTC), "14/07/2020 12:00:00 AM"),
        (datetime(2020, 7, 13, 4, 0, 0, tzinfo=UTC), "13/07/2020 12:00:00 PM"),
        (datetime(2020, 7, 13, 5, 5, 9, tzinfo=UTC), "13/07/2020 01:05:09 PM"),
        (datetime(2020, 12, 31, 23, 59, 59, 999999, tzinfo=timezone(timedelta(hours=8))), "31/12/2020 11:59:59 PM"),
    ],
)
def test_a_time_is_printed_as_in_the_guide_in_malaysias_time(at: datetime, printed: str) -> None:
    assert moment(at) == printed
