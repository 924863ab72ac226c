"""Accounts on the console: masked, mailed again, withdrawn."""

import re

import pytest

from tests.support.console import OPERATOR, VIEWER, Console, registered, sends
from tests.support.waiting import eventually
from tests.support.web import Page, Visitor

IC, NAME, EMAIL = "850202020202", "PUTERI TELADAN BINTI CONTOH", "puteri.teladan@example.gov.my"


@pytest.fixture(scope="module", autouse=True)
def _a_person(console: Console) -> None:
    console.publishes([registered(ic_number=IC, name=NAME, email=EMAIL)])
    eventually("the mail is accepted", lambda: console.asks("SELECT 1 FROM mails WHERE result = 'accepted'"))


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
    assert asked.path == page.path
    eventually("it is caught", lambda: console.world.mails_caught() == caught + 1)
    assert console.asks("SELECT reason FROM audit WHERE what = 'resend'") == [("tidak diterima",)]
    assert console.asks("SELECT source FROM state_inbox WHERE source LIKE '/aktif/operator/%'") == [
        (f"/aktif/operator/{OPERATOR}",)
    ]


def test_a_reload_after_an_act_repeats_nothing_and_tells_the_outcome_again(console: Console) -> None:
    visitor = console.visited_by(OPERATOR)
    page = opened(console, visitor)
    asked = sends(visitor, page, f"{page.path}/resend", why="muat semula")
    console.publishes([registered(ic_number="850202020203")])
    eventually("another is there", lambda: console.asks("SELECT 1 FROM accounts WHERE ic_number = '850202020203'"))

    again = Page.of(visitor.http.get(str(asked.answer.url)))
    elsewhere = opened(console, visitor, "850202020203", asked.answer.url.query.decode())
    others = opened(console, console.visited_by(VIEWER), IC, asked.answer.url.query.decode())

    assert "Resend: done" in asked.html
    assert "Resend: done" in again.html
    assert "Resend" not in elsewhere.html + others.html
    assert console.asks("SELECT count(*) FROM audit WHERE reason = 'muat semula'") == [(1,)]


def test_every_part_of_a_page_has_a_name_of_its_own(console: Console) -> None:
    visitor = console.visited_by(OPERATOR)
    page = opened(console, visitor)
    sends(visitor, page, f"{page.path}/resend", why="mel kedua")
    with console.world.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE mails SET requested_at = '2026-01-01T00:00:00Z'")

    regions = re.findall('role="region" aria-label="([^"]*)"', opened(console, visitor).html)

    assert len(regions) > 2
    assert len(set(regions)) == len(regions)


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


def opened(console: Console, visitor: Visitor, number: str = IC, query: str = "") -> Page:
    """The page of a person's account."""
    ((account,),) = console.asks("SELECT account_id FROM accounts WHERE ic_number = :number", number=number)
    return visitor.goes_to(f"/accounts/{account}?{query}")
