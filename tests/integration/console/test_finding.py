"""Finding people on the console: by what is known of them, counted, audited, nothing personal in any address."""

from collections.abc import Iterator
from urllib.parse import unquote_plus

import pytest
from sqlalchemy import text

from tests.support.console import OPERATOR, VIEWER, Console, registered, sends
from tests.support.waiting import eventually
from tests.support.web import Page, Visitor

IC, NAME, EMAIL = "850404040404", "PUTERI TELADAN BINTI CONTOH", "puteri.teladan@example.gov.my"
DASHED = "850404-04-0404"
NO_ACCOUNT = "850505050505"


@pytest.fixture(scope="module", autouse=True)
def _a_person(console: Console) -> None:
    console.publishes([registered(ic_number=IC, name=NAME, email=EMAIL)])
    eventually("the person is there", lambda: console.asks("SELECT 1 FROM accounts WHERE ic_number = :ic", ic=IC))


@pytest.fixture(autouse=True)
def _nobody_searched_before(console: Console) -> Iterator[None]:
    yield
    with console.world.engine.begin() as connection:
        connection.execute(text("DELETE FROM tries WHERE kind = 'search'"))


@pytest.mark.parametrize("who", [VIEWER, OPERATOR])
@pytest.mark.parametrize("typed", [IC, DASHED, EMAIL, EMAIL.upper(), "teladan contoh", NAME, "Binti  puteri"])
def test_a_person_is_found_by_what_is_known_whole(console: Console, who: str, typed: str) -> None:
    found = searches(console.visited_by(who), typed)

    assert len(accounts_on(found)) == 1
    assert_masked(found)


@pytest.mark.parametrize(
    "typed", ["teladan", "Puteri.Teladan@", "puteri.teladan@example", "teladan b", "adan cont", "%", "85040404"]
)
def test_what_is_masked_is_not_found_piece_by_piece_by_a_viewer(console: Console, typed: str) -> None:
    assert accounts_on(searches(console.visited_by(VIEWER), typed)) == []


@pytest.mark.parametrize("typed", ["teladan", "Puteri.Teladan@", "adan bin"])
def test_an_operator_finds_by_a_part(console: Console, typed: str) -> None:
    assert len(accounts_on(searches(console.visited_by(OPERATOR), typed))) == 1


@pytest.mark.parametrize(
    ("typed", "status"), [("ab", 422), ("", 422), ("\x00\x00\x00", 422), ("100%_", 200), ("'; --", 200)]
)
def test_what_finds_nobody_is_said(console: Console, typed: str, status: int) -> None:
    page = searches(console.visited_by(VIEWER), typed)

    assert page.status == status
    assert "No account was found" in page.html or "at least two whole words" in page.html


def test_what_was_found_is_there_again_on_the_way_back(console: Console) -> None:
    visitor = console.visited_by(VIEWER)
    found = searches(visitor, IC)

    again = visitor.goes_to(str(found.answer.url))

    assert accounts_on(again) == accounts_on(found) != []


@pytest.mark.parametrize(
    ("who", "typed", "kept"),
    [
        (VIEWER, DASHED, {"by": "ic_number", "typed": "8504********", "found": 1}),
        (OPERATOR, EMAIL, {"by": "email", "typed": "p***@example.gov.my", "found": 1}),
        (VIEWER, "teladan contoh", {"by": "name", "typed": "t*** c***", "found": 1}),
        (VIEWER, "tiada orang", {"by": "name", "typed": "t*** o***", "found": 0}),
    ],
)
def test_each_search_is_in_the_audit_masked(console: Console, who: str, typed: str, kept: dict[str, object]) -> None:
    searches(console.visited_by(who), typed)

    newest = "SELECT who, subject, details FROM audit WHERE what = 'accounts_search' ORDER BY audit_id DESC LIMIT 1"
    assert console.asks(newest) == [(who, "accounts", kept)]
    assert not [word for word in (IC, DASHED, EMAIL, "teladan contoh") if word in console.world.log_of("console")]


def test_who_searches_too_often_waits_and_others_do_not(console: Console) -> None:
    visitor, page = console.visited_by(VIEWER), console.visited_by(VIEWER).goes_to("/accounts")
    with console.world.engine.begin() as connection:
        sends(visitor, visitor.goes_to("/accounts"), "/accounts", who="tiada orang")
        connection.execute(text("UPDATE tries SET count = 100 WHERE kind = 'search'"))

    first, second = (searches(visitor, IC) for _ in range(2))

    assert (page.status, first.status, second.status) == (200, 429, 429)
    assert "Searched too often. Try again in 15 min." in first.html
    assert accounts_on(first) == []
    assert console.asks("SELECT count(*) FROM audit WHERE what = 'search_throttled'") == [(1,)]
    assert filters(visitor, ic=IC).status == 429
    assert searches(console.visited_by(OPERATOR), IC).status == 200


def test_letters_about_a_person_are_found_by_the_account(console: Console) -> None:
    (letter,) = console.files(first=100)
    with console.world.engine.begin() as connection:
        connection.execute(text("UPDATE letters SET ic_number = :ic WHERE letter_id = :l"), {"ic": IC, "l": letter})
    ((account,),) = console.asks("SELECT account_id FROM accounts WHERE ic_number = :ic", ic=IC)

    for who in (VIEWER, OPERATOR):
        found = filters(console.visited_by(who), ic=DASHED, status="open")

        assert dict(found.answer.url.params) == {"status": "open", "person": str(account)}
        assert letters_on(found) == [letter]
        assert f"aktif dead list --status=open --person {account}" in found.html
        assert_nothing_personal(found)


def test_letters_about_a_person_without_account_are_found_by_the_newest_of_them(console: Console) -> None:
    older, newer, _ = console.files(3, first=200)
    with console.world.engine.begin() as connection:
        values = {"ic": NO_ACCOUNT, "ids": [older, newer]}
        connection.execute(text("UPDATE letters SET ic_number = :ic WHERE letter_id = ANY(:ids)"), values)

    found = filters(console.visited_by(VIEWER), ic=NO_ACCOUNT)

    assert dict(found.answer.url.params) == {"person": str(newer)}
    assert letters_on(found) == [newer, older]
    assert_nothing_personal(found, NO_ACCOUNT)


def test_an_id_that_holds_an_ic_number_finds_its_letters_by_their_numbers(console: Console) -> None:
    one, other = console.files(2, first=300)
    with console.world.engine.begin() as connection:
        for letter, id_ in ((one, "850606-06-0606/1"), (other, "850606-06-0606/2")):
            connection.execute(text("UPDATE letters SET id = :id WHERE letter_id = :l"), {"id": id_, "l": letter})
    visitor = console.visited_by(VIEWER)

    both, first = filters(visitor, text="850606-06-0606"), filters(visitor, text="850606-06-0606/1")

    assert sorted(letters_on(both)) == [one, other]
    assert letters_on(first) == [one]
    assert "8506********/1" in first.html
    for page in (both, first):
        assert not [word for word in ("850606-06-0606", "850606060606") if word in page.html + address_of(page)]
    assert letters_on(filters(visitor, text="850606-06-06")) == [], "a number is not found digit by digit"
    discard = [
        link for link in filters(console.visited_by(OPERATOR), text="850606-06-0606/1").links if "discard" in link
    ]
    assert discard == [f"/letters/discard?letter={one}&back=letter%3D{one}"]


def test_an_ic_number_of_nobody_finds_nothing(console: Console) -> None:
    found = filters(console.visited_by(VIEWER), ic="850707070707")

    assert "No dead letter matches." in found.html
    assert_nothing_personal(found, "850707070707")


def test_a_filter_by_person_is_in_the_audit_masked(console: Console) -> None:
    ((account,),) = console.asks("SELECT account_id FROM accounts WHERE ic_number = :ic", ic=IC)

    filters(console.visited_by(VIEWER), ic=DASHED)

    newest = "SELECT who, details FROM audit WHERE what = 'letters_search' ORDER BY audit_id DESC LIMIT 1"
    assert console.asks(newest) == [(VIEWER, {"typed": "8504********", "found": {"person": str(account)}})]


@pytest.mark.parametrize("ic", ["1", "859901030007"])
def test_a_number_that_is_none_is_said(console: Console, ic: str) -> None:
    page = filters(console.visited_by(VIEWER), ic=ic, status="open")

    assert page.status == 422
    assert "Give 12 digits that begin with a date" in page.html


@pytest.mark.parametrize(
    "address",
    [f"/letters?ic={IC}", f"/letters?text={DASHED}", f"/letters?back=text%3D{IC}", f"/audit?subject={EMAIL}",
     f"/letters/discard?text={DASHED}"],
)  # fmt: skip
def test_an_address_that_holds_what_is_personal_is_answered_with_no_page_and_led_on_to_nowhere(
    console: Console, address: str
) -> None:
    refused = console.visited_by(OPERATOR).goes_to(address)
    led = console.visitor().http.get(address, follow_redirects=False)

    assert refused.status == 400
    assert "Type it into the field of the page" in refused.html
    assert led.headers["location"] == "/login"


def test_what_is_personal_is_typed_into_no_address_by_any_filter(console: Console) -> None:
    visitor = console.visited_by(VIEWER)

    audit = sends(visitor, visitor.goes_to("/audit"), "/audit", subject=DASHED)
    who = sends(visitor, visitor.goes_to("/audit"), "/audit", who=VIEWER)
    mails = sends(visitor, visitor.goes_to("/mails"), "/mails", domain=EMAIL, result="accepted")

    assert (audit.status, address_of(audit).partition("?")[2]) == (422, "")
    assert "The audit holds no IC number" in audit.html
    assert dict(who.answer.url.params) == {"who": VIEWER}
    assert dict(mails.answer.url.params) == {"result": "accepted", "domain": "example.gov.my"}


def searches(visitor: Visitor, who: str) -> Page:
    """Types somebody into the field of the accounts."""
    return sends(visitor, visitor.goes_to("/accounts"), "/accounts", who=who)


def filters(visitor: Visitor, **typed: str) -> Page:
    """Fills in the filter of the letters."""
    return sends(visitor, visitor.goes_to("/letters"), "/letters", **typed)


def accounts_on(page: Page) -> list[str]:
    """The accounts that a page leads to."""
    return [link for link in page.links if link.startswith("/accounts/")]


def letters_on(page: Page) -> list[int]:
    """The letters that a page names."""
    found = [
        int(link.split("/")[2].partition("?")[0])
        for link in page.links
        if link.startswith("/letters/") and link[9].isdecimal()
    ]
    return list(dict.fromkeys(found))


def address_of(page: Page) -> str:
    """As a person reads it."""
    return unquote_plus(str(page.answer.url))


def assert_masked(page: Page) -> None:
    """Nothing of the person is on the page."""
    assert_nothing_personal(page)
    assert not [word for word in (NAME, EMAIL) if word in page.html + address_of(page)]


def assert_nothing_personal(page: Page, number: str = IC) -> None:
    """Neither page nor address nor link holds the number, with or without dashes."""
    dashed = f"{number[:6]}-{number[6:8]}-{number[8:]}"
    assert not [word for word in (number, dashed) if word in page.html + address_of(page)]
