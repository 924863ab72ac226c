"""The troubles of `aktif up --demo --trouble`: invented people who become dead letters of two causes."""

import csv
from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple

from schemas.envelope import Outgoing
from schemas.events import Lane, Registration
from services.cli.demo import SOURCE, sample, sample_text
from services.cli.publishing import hr_event

BUSY_DOMAIN: Final = "sibuk.example.gov.my"
"""Where the mail catcher takes each mail at the second try only."""
RETRY_HOURS: Final = 0
"""As little as AKTIF_MAIL_RETRY_HOURS allows: what is not taken at the first try is given up."""
_COMMANDS: Final = (
    "aktif dead list; aktif dead show N; aktif ledger; aktif audit",
    "aktif dead register N --ic-number YYMMDD-… --why 'HR confirms'",
    "aktif dead discard N --why 'left the service'",
    "aktif dead replay --reason gave_up --why 'the mail server works again'",
)


def misdated() -> Iterator[Outgoing]:
    """Registrations whose IC numbers have day and month swapped, as an HR system sends them that checks nothing.

    Sent a second time they are the same messages, and so the same letters, open again where they were closed.
    """
    for number, row in enumerate(csv.DictReader(sample_text("sample_misdated.csv").splitlines()), start=1):
        person = Registration.model_construct(
            reason="registration",
            ic_number=row["ic_number"],
            name=row["name"],
            email=row["email"],
            registered_at=datetime.fromisoformat(row["registered_at"]),
        )
        yield hr_event(person, id=f"misdated-{number:02}", source=SOURCE, time=person.registered_at, lane=Lane.LIVE)


def unlucky() -> Iterator[Outgoing]:
    """Registrations of people whose mail server is busy."""
    return sample("sample_busy.csv").events()


class Troubles(NamedTuple):
    """What is published, what the screen says of it, and what an operator may type."""

    events: tuple[Outgoing, ...]
    words: tuple[str, ...]
    commands: tuple[str, ...]


def troubles(retry_hours: int) -> Troubles:
    """All of it, where the mailer tries a mail for so many hours."""
    bad, late = tuple(misdated()), tuple(unlucky())
    words = (
        f"{len(bad)} registrations with day and month swapped in the IC number: bad_ic_number",
        f"{len(late)} mails that the catcher refuses once with 451{_what_follows(retry_hours)}",
    )
    return Troubles((*bad, *late), words, _COMMANDS)


def _what_follows(retry_hours: int) -> str:
    if retry_hours > RETRY_HOURS:
        return f": no letters, since AKTIF_MAIL_RETRY_HOURS is {retry_hours} and the try after 30 s is taken"
    return f", given up at once (AKTIF_MAIL_RETRY_HOURS={retry_hours}): gave_up, until they are replayed"
