"""People who have their mail, by the dozen, and their way through the portal."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, text

from schemas.events import Lane
from shared import links
from shared.links import Purpose
from tests.support.registrations import ic_number, publish, registration, registrations
from tests.support.waiting import eventually
from tests.support.web import Page, Visitor
from tests.support.world import KEYS

PASSWORD = "Kereta-Merah-4417"
ANSWERS = {"mother_name": "Kelapa Gading", "first_school": "Sekolah Bukit Hijau", "first_car": "Proton Merah"}
_ACCEPTED = text(
    "SELECT a.ic_number, l.link_id FROM links l JOIN accounts a USING (account_id) JOIN mails m USING (link_id)"
    " WHERE a.ic_number = ANY(:numbers) AND l.purpose = :purpose AND l.superseded_at IS NULL"
    " AND m.accepted_at IS NOT NULL"
)


@dataclass(frozen=True)
class Invited:
    """Somebody whose mail was accepted, with the token in it."""

    index: int
    token: str

    @property
    def ic_number(self) -> str:
        """By which the account is found."""
        return ic_number(self.index)

    @property
    def name(self) -> str:
        """As registered."""
        return str(registration(self.index)["name"])

    @property
    def email(self) -> str:
        """Where the mail went."""
        return str(registration(self.index)["email"])

    @property
    def link(self) -> str:
        """The address in the mail, below the portal's."""
        return f"/account/activation?token={self.token}"


def invite(amqp_url: str, engine: Engine, indices: range, *, key: str = KEYS["AKTIF_LINK_KEYS"]) -> list[Invited]:
    """Registers people, and waits until the mail server has taken each one's mail."""
    publish(amqp_url, registrations(len(indices), first=indices.start, lane=Lane.LIVE))
    numbers = [ic_number(index) for index in indices]
    eventually("each has a mail", lambda: len(tokens(engine, numbers, key=key)) == len(numbers), within=60)
    found = tokens(engine, numbers, key=key)
    return [Invited(index, found[ic_number(index)]) for index in indices]


def tokens(
    engine: Engine,
    ic_numbers: Sequence[str],
    purpose: Purpose = Purpose.ACTIVATION,
    *,
    key: str = KEYS["AKTIF_LINK_KEYS"],
) -> dict[str, str]:
    """The token in the mail of each IC number that has a mail; as the mailer derives it, which no table holds."""
    with engine.connect() as connection:
        rows = connection.execute(_ACCEPTED, {"numbers": list(ic_numbers), "purpose": purpose.value}).all()
    return {row.ic_number: links.token(row.link_id, purpose, [key.encode()]) for row in rows}


def chooses(visitor: Visitor, page: Page, answers: dict[str, str] = ANSWERS) -> Page:
    """Adds one question after the other, and goes on."""
    for question, answer in answers.items():
        page = visitor.submits(page, "add", next_question=question, next_answer=answer)
    return visitor.submits(page, "next")


def sets(visitor: Visitor, page: Page, password: str = PASSWORD) -> Page:
    """Types a password twice."""
    return visitor.submits(page, password=password, again=password)


def activates(visitor: Visitor, person: Invited, password: str = PASSWORD) -> Page:
    """Steps 6 to 10 of the guide."""
    return sets(visitor, chooses(visitor, visitor.goes_to(person.link)), password)


def signs_in(visitor: Visitor, number: str, password: str) -> Page:
    """Tries a password."""
    return visitor.submits(visitor.goes_to("/"), ic_number=number, password=password)


def asks_again(visitor: Visitor, number: str, path: str = "/account/resend") -> Page:
    """Asks for a mail: the activation mail again, or that of *Lupa Kata Laluan*."""
    return visitor.submits(visitor.goes_to(path), ic_number=number)
