"""What a stranger, another site or a forged request may do at the portal: nothing."""

import re
from collections.abc import Callable

import httpx
import pytest

from services.portal.words import say
from shared import links
from shared.links import Purpose
from tests.support.invited import PASSWORD, asks_again, chooses, signs_in
from tests.support.site import Site
from tests.support.web import Page

EVERYWHERE = {
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
FORMS = ("/", "/account/resend", "/account/recovery")
LIMIT = 16 * 1024


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("token", [None, "", "0" * 64, "é"], ids=["missing", "empty", "invented", "no ASCII"])
def test_a_form_without_its_own_token_is_refused(site: Site, path: str, token: str | None) -> None:
    visitor = site.visitor()
    page = visitor.goes_to(path)
    sent = page.form.filled(None, {"ic_number": "850101030007", "password": PASSWORD})
    del sent["csrf"]

    refused = visitor.posts(path, data={**sent, **({} if token is None else {"csrf": token})})

    assert (refused.status, refused.heading) == (403, said("error.403.title"))
    assert_has_headers(refused.answer)


def test_a_form_of_another_browser_is_refused(site: Site) -> None:
    stolen = site.visitor().goes_to("/account/resend").form.filled(None, {"ic_number": "850101030007"})
    visitor = site.visitor()
    visitor.goes_to("/account/resend")

    assert visitor.posts("/account/resend", data=stolen).status == 403
    assert site.visitor().posts("/account/resend", data=stolen).status == 403  # one without any cookie


def test_a_form_of_one_page_is_no_form_of_a_link(site: Site) -> None:
    person, visitor = site.person(), site.visitor()
    general = visitor.goes_to("/").form.csrf
    page = visitor.goes_to(person.link)

    refused = visitor.posts(page.path, data={**page.form.filled("next", {}), "csrf": general})

    assert refused.status == 403
    assert state_of(site, person.ic_number) == "registered"


def test_a_form_that_was_opened_for_one_link_is_refused_after_another_was_opened(site: Site) -> None:
    one, other = site.people(2)
    visitor = site.visitor()
    for_one = visitor.goes_to(one.link)
    visitor.goes_to(other.link)

    refused = visitor.submits(for_one, "next")

    assert refused.status == 403
    assert [state_of(site, person.ic_number) for person in (one, other)] == ["registered", "registered"]


@pytest.mark.parametrize(
    ("where_from", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)]
)
def test_a_form_that_another_site_sends_is_refused(site: Site, where_from: str, status: int) -> None:
    visitor = site.visitor()
    page = visitor.goes_to("/account/resend")
    visitor.http.headers["Sec-Fetch-Site"] = where_from

    assert visitor.submits(page, ic_number="850101030007").status == status


def in_one_piece(csrf: str, length: int) -> dict[str, object]:
    """A body that says its length beforehand."""
    return {"data": {"csrf": csrf, "ic_number": "8" * length}}


def in_pieces(csrf: str, length: int) -> dict[str, object]:
    """A body that does not."""
    form = httpx.Request("POST", "http://any", data={"csrf": csrf, "ic_number": "8" * length}).read()
    pieces = (form[start : start + 1000] for start in range(0, len(form), 1000))
    return {"content": pieces, "headers": {"Content-Type": "application/x-www-form-urlencoded"}}


@pytest.mark.parametrize("body", [in_one_piece, in_pieces])
def test_a_body_over_16_kib_is_refused_with_our_page(site: Site, body: Callable[[str, int], dict[str, object]]) -> None:
    visitor = site.visitor()
    csrf = visitor.goes_to("/account/resend").form.csrf

    small, large = (visitor.posts("/account/resend", **body(csrf, length)) for length in (LIMIT - 200, LIMIT + 1))

    assert small.status == 422  # read, and no IC number
    assert (large.status, large.heading) == (413, said("error.413.title"))
    assert_has_headers(large.answer)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/healthz", 200),
        ("GET", "/nowhere", 404),
        ("GET", "/account/resend/", 404),
        ("GET", "/static/any/nothing.css", 404),
        ("GET", "/account/activation?token=forged", 404),
        ("POST", "/welcome", 405),
        ("DELETE", "/", 405),
        ("POST", "/account/activation/done", 405),
    ],
)
def test_every_answer_has_our_headers_and_is_kept_by_nobody(site: Site, method: str, path: str, status: int) -> None:
    answer = site.visitor().http.request(method, path, follow_redirects=False)

    assert answer.status_code == status
    assert_has_headers(answer)
    assert answer.headers["cache-control"] == "no-store"
    if status >= 400:
        assert Page.of(answer).heading
        assert Page.of(answer).links
    if status == 405:
        assert "GET" in answer.headers["allow"]  # RFC 9110 §15.5.6


def test_a_static_file_has_our_headers_and_may_be_kept(site: Site) -> None:
    visitor = site.visitor()
    html = visitor.goes_to("/").html
    asset = next(part for part in html.split('"') if part.endswith("style.css"))

    answer = visitor.http.get(asset)

    assert answer.headers["content-type"].startswith("text/css")
    assert "immutable" in answer.headers["cache-control"]
    assert_has_headers(answer)


def test_no_page_asks_for_anything_but_our_own_files(site: Site) -> None:
    visitor, person = site.visitor(), site.person()
    for page in [visitor.goes_to(path) for path in (*FORMS, "/nowhere", person.link)]:
        assert "://" not in page.html
        assert "<style" not in page.html
        assert " style=" not in page.html
        assert "<script>" not in page.html


@pytest.mark.parametrize("host", ["forged.example", "forged.example:80", "a/b", "x//forged.example"])
def test_a_forged_host_is_in_no_link_and_no_redirect(site: Site, host: str) -> None:
    person, visitor = site.person(), site.visitor()
    visitor.http.headers["Host"] = host
    paths = ("/", "/?lang=ms", "/account/resend/", "/account/resend?lang=en", person.link, "/nowhere")

    answers = [visitor.http.get(path, follow_redirects=False) for path in paths]

    assert not [answer.text for answer in answers if host in answer.text]
    led_to = [answer.headers["location"] for answer in answers if "location" in answer.headers]
    assert led_to == ["/", "/account/resend", "/account/activation"]
    for page in map(Page.of, answers):
        assert not [link for link in page.links if not is_ours(link)]


def test_a_path_that_looks_like_a_host_leads_to_no_other_host(site: Site) -> None:
    answer = site.visitor().http.get(f"{site.world.portal_url}//forged.example/?lang=en", follow_redirects=False)

    assert answer.status_code == 404
    assert not [link for link in Page.of(answer).links if not is_ours(link)]


@pytest.mark.parametrize("cookie", [r'"\000"', r'"\303\050"', "x" * 4000, '"\\"'])
def test_a_broken_cookie_breaks_no_page(site: Site, cookie: str) -> None:
    for path in ("/", "/account/activation", "/account/activation/wait", "/account/recovery/wait"):
        headers = {"Cookie": "; ".join(f"{name}={cookie}" for name in ("aktif", "aktif-pending", "aktif-activation"))}
        assert site.visitor().http.get(path, headers=headers).status_code in {200, 404}


def test_behind_https_cookies_are_bound_to_the_host_and_browsers_stay_with_https(site: Site) -> None:
    person = site.person()
    visitor = site.visitor(site.opens_another(AKTIF_PORTAL_URL="https://aktif.example"))

    answers = [visitor.http.get(path, follow_redirects=False) for path in ("/", "/?lang=en", person.link)]

    cookies = [cookie for answer in answers for cookie in answer.headers.get_list("set-cookie")]
    assert len(cookies) >= 4
    for cookie in cookies:
        flags = {flag.strip().lower() for flag in cookie.split(";")[1:]}
        assert cookie.startswith("__Host-")
        assert {"secure", "httponly", "samesite=lax", "path=/"} <= flags
        assert not [flag for flag in flags if flag.startswith("domain")]
    assert all("max-age=31536000" in answer.headers["strict-transport-security"] for answer in answers)
    assert [answer.headers.get("location") for answer in answers] == [None, "/", "/account/activation"]


def test_without_https_nothing_claims_it(site: Site) -> None:
    answer = site.visitor().http.get("/")

    assert "strict-transport-security" not in answer.headers
    assert "secure" not in answer.headers["set-cookie"].lower()
    assert "__Host-" not in answer.headers["set-cookie"]


def test_a_login_ends_at_our_own_page_which_leads_to_the_home_page_of_the_system(site: Site) -> None:
    person = site.active_person()
    home = "https://ispeks.example/utama?dari=aktif"
    visitor = site.visitor(site.opens_another(AKTIF_HOME_URL=home))

    welcome = signs_in(visitor, person.ic_number, PASSWORD)

    assert welcome.path == "/welcome"
    assert home in welcome.links
    assert "form-action 'self';" in welcome.answer.headers["content-security-policy"]


def test_the_page_after_a_login_is_shown_to_nobody_else(site: Site) -> None:
    person, visitor = site.active_person(), site.visitor()

    assert visitor.goes_to("/welcome").path == "/"
    assert signs_in(visitor, person.ic_number, PASSWORD + "!").path == "/"
    assert visitor.goes_to("/welcome").path == "/"
    assert signs_in(visitor, person.ic_number, PASSWORD).path == "/welcome"
    assert site.visitor().goes_to("/welcome").path == "/"


def test_only_what_bears_the_name_of_this_version_may_be_kept_for_ever(site: Site) -> None:
    visitor = site.visitor()
    (ours,) = re.findall(r'src="(/static/\w+/page.js)"', visitor.goes_to("/").html)

    kept = visitor.goes_to(ours).answer.headers["cache-control"]
    of_another_version = visitor.goes_to("/static/000000000000/page.js")

    assert "immutable" in kept
    assert (of_another_version.status, of_another_version.answer.headers["cache-control"]) == (200, "no-store")


def test_a_forwarded_address_is_believed_from_a_trusted_proxy_only(site: Site) -> None:
    url = site.opens_another(AKTIF_TRUSTED_PROXIES="192.0.2.1")
    asked = "SELECT count(*) FROM limits WHERE kind = 'resend_address'"

    def counted(url: str | None) -> int:
        before = site.world.count(asked)
        for _ in range(3):
            assert asks_again(site.visitor(url), "850101030007", "/account/resend").status in {200, 429}
        return site.world.count(asked) - before

    assert counted(None) == 3  # from three addresses
    assert counted(url) == 1  # from this machine's, whatever they say


def test_the_portal_lives_below_a_path_of_its_own(site: Site) -> None:
    person = site.person()
    visitor = site.visitor(site.opens_another(AKTIF_PORTAL_URL=f"{site.world.portal_url}/aktif"))

    page = chooses(visitor, visitor.goes_to(f"/aktif{person.link}"))

    assert (page.status, page.path) == (200, "/aktif/account/activation/password")
    assert all(link.startswith(("/aktif/", "#", "?")) for link in page.links)
    assert visitor.goes_to("/aktif").path == "/aktif/"
    assert visitor.goes_to("/account/resend").status == 404


def test_a_token_for_one_purpose_opens_nothing_of_the_other(site: Site) -> None:
    person, visitor = site.person(), site.visitor()

    refused = visitor.goes_to(f"/account/recovery/link?token={person.token}")

    assert (refused.status, refused.heading) == (404, said("bad_link.forged.title"))
    assert visitor.goes_to("/account/recovery/questions").status == 404


def test_a_token_of_a_link_that_is_not_there_is_answered_as_a_forged_one(site: Site) -> None:
    from uuid import UUID

    from tests.support.world import KEYS

    token = links.token(UUID(int=1), Purpose.ACTIVATION, [KEYS["AKTIF_LINK_KEYS"].encode()])

    pages = [site.visitor().goes_to(f"/account/activation?token={given}") for given in (token, "forged")]

    assert [page.status for page in pages] == [404, 404]
    assert pages[0].heading == pages[1].heading


def is_ours(link: str) -> bool:
    """Whether a link leads to a page of the same host, wherever that is."""
    return link.startswith(("/", "#", "?")) and not link.startswith("//")


def said(key: str) -> str:
    """Words of the catalogue."""
    return str(say("en", key))


def state_of(site: Site, ic_number: str) -> object:
    """Where an account stands."""
    return site.knows("SELECT state FROM accounts WHERE ic_number = :number", number=ic_number)[0][0]


def assert_has_headers(answer: httpx.Response) -> None:
    """What every answer says to a browser."""
    assert {name: answer.headers.get(name) for name in EVERYWHERE} == EVERYWHERE
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "server" not in answer.headers
