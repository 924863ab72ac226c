"""Accounts on the console: found by whatever is known, masked, mailed again, withdrawn."""

import pytest

from tests.support.console import OPERATOR, VIEWER, Console, registered, sends
from tests.support.waiting import eventually
from tests.support.web import Page, Visitor

IC, NAME, EMAIL = "850202020202", "PUTERI TELADAN BINTI CONTOH", "puteri.teladan@example.gov.my"


@pytest.fixture(scope="module", autouse=True)
def _a_person(console: Console) -> None:
    console.publishes([registered(ic_number=IC, name=NAME, email=EMAIL)])
    eventually("the mail is accepted", lambda: console.asks("SELECT 1 FROM mails WHERE result = 'accepted'"))


@pytest.mark.parametrize("typed", [IC, "850202-02-0202", EMAIL, "Puteri.Teladan@", "teladan binti"])
def test_a_person_is_found_by_number_address_or_name(console: Console, typed: str) -> None:
    visitor = console.visited_by(VIEWER)

    found = sends(visitor, visitor.goes_to("/accounts"), "/accounts", who=typed)

    assert len([link for link in found.links if link.startswith("/accounts/")]) == 1
    assert NAME not in found.html
    assert "?" not in str(found.answer.url)


@pytest.mark.parametrize(
    ("typed", "status"), [("ab", 422), ("", 422), ("\x00\x00\x00", 422), ("100%_", 200), ("'; --", 200)]
)
def test_what_finds_nobody_is_said(console: Console, typed: str, status: int) -> None:
    visitor = console.visited_by(VIEWER)

    page = sends(visitor, visitor.goes_to("/accounts"), "/accounts", who=typed)

    assert page.status == status
    assert "No account was found" in page.html or "at least three letters" in page.html


def test_an_account_is_told_whole_and_masked(console: Console) -> None:
    page = opened(console, console.visited_by(VIEWER))

    for words in ("8502********", "p***@example.gov.my", "250 OK", "MailSettled", "it can be used"):
        assert words in page.html, words
    assert not [word for word in (IC, NAME, EMAIL) if word in page.html]


def test_unmasking_is_an_act_with_a_reason(console: Console) -> None:
    visitor = console.visited_by(OPERATOR)
    page = opened(console, visitor)

    shown = sends(visitor, page, f"{page.path}/unmask", why="pegawai menelefon")

    assert all(word in shown.html for word in ("850202-02-0202", NAME, EMAIL))
    ((who, subject, reason),) = console.asks("SELECT who, subject, reason FROM audit WHERE what = 'unmask'")
    assert (who, subject, reason) == (OPERATOR, f"account {page.path.rpartition('/')[2]}", "pegawai menelefon")


def test_a_mail_goes_out_again_and_its_outcome_is_told(console: Console) -> None:
    visitor = console.visited_by(OPERATOR)
    page = opened(console, visitor)
    caught = console.world.mails_caught()

    asked = sends(visitor, page, f"{page.path}/resend", why="tidak diterima")

    assert "done: the mail with the link that the person already has is on its way" in asked.html
    eventually("it is caught", lambda: console.world.mails_caught() == caught + 1)
    assert console.asks("SELECT reason FROM audit WHERE what = 'resend'") == [("tidak diterima",)]
    assert console.asks("SELECT source FROM state_inbox WHERE source LIKE '/aktif/operator/%'") == [
        (f"/aktif/operator/{OPERATOR}",)
    ]


def test_a_withdrawal_needs_a_reason_and_ends_the_registration(console: Console) -> None:
    number = "850303030303"
    console.publishes([registered(ic_number=number)])
    eventually("the person is there", lambda: console.asks("SELECT 1 FROM accounts WHERE ic_number = :n", n=number))
    visitor = console.visited_by(OPERATOR)
    page = opened(console, visitor, number)

    refused = sends(visitor, page, f"{page.path}/withdraw", why="")
    done = sends(visitor, page, f"{page.path}/withdraw", why="HR minta")

    assert refused.status == 422
    assert "done: the registration is withdrawn" in done.html
    assert console.asks("SELECT state FROM accounts WHERE ic_number = :n", n=number) == [("withdrawn",)]
    assert f"{page.path}/withdraw" not in visitor.goes_to(page.path).html


def opened(console: Console, visitor: Visitor, number: str = IC) -> Page:
    """The page of a person's account."""
    ((account,),) = console.asks("SELECT account_id FROM accounts WHERE ic_number = :number", number=number)
    return visitor.goes_to(f"/accounts/{account}")
