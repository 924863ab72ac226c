"""The guide's ten steps, without its pages: from HR's event to an active account, and the ways round it."""

import json
import os
import subprocess
import sys
from typing import Any

from sqlalchemy import text

from schemas.events import Lane
from shared import credentials
from shared.links import Purpose
from tests.support.feed import Feed
from tests.support.person import Person
from tests.support.registrations import SOURCE, hr_event, ic_number, message, publish, registration
from tests.support.waiting import eventually
from tests.support.world import World

PASSWORD = "Kereta-Merah-1985"
ANSWERS = {"mother_name": "Ibu Contoh", "first_school": "Sekolah Contoh", "first_car": "Kereta Contoh"}
IC = ic_number(1)


def test_a_registration_becomes_a_mail_and_four_events_make_the_account_active(aktif: World) -> None:
    feed = Feed(aktif.amqp_url, SOURCE.rpartition("/")[2])
    person = registered(aktif)
    mail = person.waits_for_mail()

    link = person.link_in(mail)
    person.redeems(link)
    person.sets_questions(link, **ANSWERS)
    person.sets_password(link, PASSWORD)
    eventually("the account is active", lambda: state_of(aktif) == "active")
    person.waits_for_mail(2)
    eventually("HR heard of it", lambda: feed.said("AccountActivated"))

    account = aktif_account(aktif)
    assert mail["Subject"] == "Pendaftaran Akaun iSPEKS"
    assert account["state"] == "active"
    first = account["timeline"][0]
    assert (first["event"], first["outcome"]) == ("ActivationRequested.registration", "applied")
    told = [entry["event"] for entry in account["timeline"] if entry["outcome"] == "applied"]
    steps = [event for event in told if event in {"TokenRedeemed", "QuestionsSet", "PasswordSet"}]
    assert steps == ["TokenRedeemed", "QuestionsSet", "PasswordSet"]
    assert credentials.password_matches(stored_digest(aktif), PASSWORD)
    assert not credentials.password_matches(stored_digest(aktif), PASSWORD + "!")
    assert feed.said("AccountActivated")[0]["ic_number"] == IC


def test_a_person_who_forgot_the_password_sets_a_new_one_and_is_told(aktif: World) -> None:
    person = activated(aktif)

    person.forgot(IC)
    link = person.link_in(person.waits_for_mail(3), Purpose.RECOVERY)
    person.redeems(link)
    person.answers_questions(link)
    person.sets_password(link, "Basikal-Biru-2001")

    person.waits_for_mail(4)
    assert credentials.password_matches(stored_digest(aktif), "Basikal-Biru-2001")
    assert state_of(aktif) == "active"


def test_a_corrected_address_gets_a_new_mail_and_the_old_link_is_dead(aktif: World) -> None:
    person = registered(aktif)
    old_link = person.link_in(person.waits_for_mail())

    publish(aktif.amqp_url, [message(hr_event("corrected", registration(1, email="baharu@example.gov.my")))])
    corrected = Person(aktif, "baharu@example.gov.my")
    new_link = corrected.link_in(corrected.waits_for_mail())
    person.redeems(old_link)
    corrected.redeems(new_link)

    eventually("the new link is redeemed", lambda: state_of(aktif) == "redeemed")
    reasons = [entry["reason"] for entry in aktif_account(aktif)["timeline"] if entry["event"] == "TokenRedeemed"]
    assert reasons == ["superseded", "redeemed"]


def test_a_withdrawn_person_cannot_redeem(aktif: World) -> None:
    person = registered(aktif)
    link = person.link_in(person.waits_for_mail())

    publish(aktif.amqp_url, [message(hr_event("gone", {"ic_number": IC}, "AccountWithdrawn"), lane=Lane.LIVE)])
    eventually("the account is withdrawn", lambda: state_of(aktif) == "withdrawn")
    person.redeems(link)

    eventually("the redemption is answered", lambda: "TokenRedeemed" in events_of(aktif))
    assert aktif_account(aktif)["timeline"][-1]["reason"] == "withdrawn"


def test_a_resend_mails_the_same_link_again(aktif: World) -> None:
    person = registered(aktif)
    link = person.link_in(person.waits_for_mail())

    publish(aktif.amqp_url, [message(hr_event("again", {"reason": "resend", "ic_number": IC}), lane=Lane.LIVE)])

    assert person.link_in(person.waits_for_mail(2)) == link


def test_without_notify_no_mail_goes_out_until_the_person_asks(aktif: World) -> None:
    person = Person(aktif, registration(1)["email"])
    publish(aktif.amqp_url, [message(hr_event("quiet", registration(1, notify=False)))])
    eventually("the account is there", lambda: state_of(aktif) == "registered")
    assert aktif.count("SELECT count(*) FROM links") == 0

    publish(aktif.amqp_url, [message(hr_event("ask", {"reason": "resend", "ic_number": IC}), lane=Lane.LIVE)])

    person.link_in(person.waits_for_mail())
    assert len(person.mails()) == 1


def registered(aktif: World) -> Person:
    """A person whom HR has just registered."""
    publish(aktif.amqp_url, [message(hr_event("registered", registration(1)))])
    return Person(aktif, registration(1)["email"])


def activated(aktif: World) -> Person:
    """A person with an active account, told so by a second mail."""
    person = registered(aktif)
    link = person.link_in(person.waits_for_mail())
    person.redeems(link)
    person.sets_questions(link, **ANSWERS)
    person.sets_password(link, PASSWORD)
    person.waits_for_mail(2)
    return person


def state_of(aktif: World) -> str | None:
    """The state of the account."""
    return scalar(aktif, "SELECT state FROM accounts WHERE ic_number = :ic")


def stored_digest(aktif: World) -> str | None:
    """What the system behind Aktif reads."""
    return scalar(aktif, "SELECT password_digest FROM credentials WHERE ic_number = :ic")


def events_of(aktif: World) -> list[str]:
    """The names of the account's events, oldest first."""
    return [entry["event"] for entry in aktif_account(aktif)["timeline"]]


def scalar(aktif: World, question: str) -> str | None:
    """One value from the database."""
    with aktif.engine.connect() as connection:
        value = connection.execute(text(question), {"ic": IC}).scalar()
    return None if value is None else str(value)


def aktif_account(aktif: World) -> Any:
    """What `aktif account IC --json` prints."""
    command = [sys.executable, "-m", "services.cli", "account", IC, "--json"]
    settings = {"AKTIF_DATABASE_URL": aktif.database_url, "AKTIF_AMQP_URL": aktif.amqp_url}
    done = subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)
