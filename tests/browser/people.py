"""The people of the browser tests: one each, so that all of them share one running Aktif."""

import re
from dataclasses import dataclass
from email.message import EmailMessage
from itertools import count
from typing import Any

from sqlalchemy import text

from schemas.events import Lane
from tests.support.person import Person
from tests.support.registrations import hr_event, ic_number, message, publish, registration
from tests.support.waiting import eventually
from tests.support.world import World

PASSWORD = "Basikal-Ungu-77"
CODES = {"mother_name": "Ibu Sulung", "first_school": "Sekolah Rendah", "first_car": "Kereta Kecil"}
ANSWERS = dict(zip(("Nama Ibu?", "Nama Sekolah Pertama Anda?", "Kereta Pertama Anda?"), CODES.values(), strict=True))
_ADDRESS = re.compile(r"https?://\S+\?token=[\w=-]+")
_numbers = count(1)


@dataclass(frozen=True)
class Officer:
    """Somebody whom HR registers, and whose mailbox we can read."""

    world: World
    number: int

    @classmethod
    def new(cls, world: World) -> "Officer":
        """Somebody whom nobody has heard of yet."""
        return cls(world, next(_numbers))

    @property
    def ic_number(self) -> str:
        """Twelve digits."""
        return ic_number(self.number)

    @property
    def mailbox(self) -> Person:
        """The official address."""
        return Person(self.world, registration(self.number)["email"])

    def is_registered(self, **changes: Any) -> "Officer":
        """HR publishes the registration, or a correction of it."""
        event = hr_event(f"browser-{self.number}-{len(changes)}", registration(self.number, **changes))
        publish(self.world.amqp_url, [message(event)])
        eventually("the account is there", lambda: self.state() is not None)
        return self

    def is_activated(self) -> "Officer":
        """HR registers, and the person has been through all steps in some other browser."""
        self.is_registered()
        person = self.mailbox
        link = person.link_in(person.waits_for_mail())
        person.redeems(link)
        person.sets_questions(link, **CODES)
        person.sets_password(link, PASSWORD)
        person.waits_for_mail(2)
        return self

    def is_withdrawn(self) -> None:
        """HR takes the registration back."""
        event = hr_event(f"withdrawn-{self.number}", {"ic_number": self.ic_number}, "AccountWithdrawn")
        publish(self.world.amqp_url, [message(event, lane=Lane.LIVE)])
        eventually("the account is withdrawn", lambda: self.state() == "withdrawn")

    def link(self, number: int = 1, *, address: str | None = None) -> str:
        """The link in the n-th mail, once that is there; `address` is another one than the official."""
        mailbox = Person(self.world, address) if address else self.mailbox
        return link_in(mailbox.waits_for_mail(number))

    def state(self) -> str | None:
        """The state of the account."""
        return self._scalar("SELECT state FROM accounts WHERE ic_number = :ic")

    def redemptions(self) -> int:
        """How many of the account's links were redeemed."""
        return int(
            self._scalar(
                "SELECT count(*) FROM links JOIN accounts USING (account_id) "
                "WHERE ic_number = :ic AND redeemed_at IS NOT NULL"
            )
            or 0
        )

    def half_an_hour_passes(self) -> None:
        """For this account's mails and sessions: what the database has of them is as if done 31 minutes earlier."""
        earlier = "- interval '31 minutes'"
        mine = "account_id = (SELECT account_id FROM accounts WHERE ic_number = :ic)"
        # The mailer writes an acceptance a moment after the mail is in the mailbox.
        unwritten = f"SELECT count(*) FROM mails WHERE accepted_at IS NULL AND {mine}"
        eventually("the mails' acceptance is written", lambda: self._scalar(unwritten) == "0")
        with self.world.engine.begin() as connection:
            connection.execute(
                text(
                    f"UPDATE mails SET accepted_at = accepted_at {earlier}, "
                    f"first_accepted_at = first_accepted_at {earlier} WHERE {mine}"
                ),
                {"ic": self.ic_number},
            )
            connection.execute(
                text(f"UPDATE links SET redeemed_at = redeemed_at {earlier} WHERE {mine}"), {"ic": self.ic_number}
            )

    def _scalar(self, question: str) -> str | None:
        with self.world.engine.connect() as connection:
            value = connection.execute(text(question), {"ic": self.ic_number}).scalar()
        return None if value is None else str(value)


def link_in(mail: EmailMessage) -> str:
    """The link of a mail, as its text part has it."""
    body = mail.get_body(("plain",))
    assert body is not None
    found = _ADDRESS.search(body.get_content())
    assert found is not None
    return found.group()
