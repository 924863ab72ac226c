"""What an HR system was told about a letter, where that can be known."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, text

from schemas.envelope import caused_id
from schemas.events import Exchange, system_of
from schemas.reasons import REASONS, Answer
from shared.operations import masking

_OF_THE_LOOP: Final = "the handler failed with"
"""How the detail begins where the loop itself ended a message: the handler, which tells HR, had no say then."""
_MAILERS: Final = "/aktif/mailer"
_SETTLED: Final = "SELECT outgoing FROM state_inbox WHERE source = :source AND id = :id AND outgoing IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Told:
    """An event on the feed of an HR system, as everybody may see it."""

    system: str
    event: str
    reason: str
    field: str | None
    detail: str | None


def told(connection: Connection, letter: Row[Any]) -> Told | None:
    """What HR was told of a row of `letters`; None where it was told nothing, as of what the broker gave up."""
    if letter.by_broker or not letter.readable:
        return None
    if letter.service == "mailer":
        return _of_mail(connection, letter)
    is_said = letter.reason in REASONS[Answer.REFUSED] and not (letter.detail or "").startswith(_OF_THE_LOOP)
    if letter.origin != Exchange.HR or not is_said:
        return None
    field, detail = masking.field_name(letter.field), masking.detail(letter.detail)
    return Told(masking.identifier(system_of(letter.source)), "EventRejected", letter.reason, field, detail)


def _of_mail(connection: Connection, letter: Row[Any]) -> Told | None:
    """State tells HR of a mail that was given up, and keeps what it said in the receipt of the MailSettled."""
    settled = caused_id((letter.source, letter.id), letter.replay, "MailSettled")
    found = connection.execute(text(_SETTLED), {"source": _MAILERS, "id": settled}).scalar()
    for entry in found or ():
        if entry["exchange"] == Exchange.FEED:
            data, system = entry["event"]["data"], entry["routing_key"].partition(".")[0]
            reply = masking.detail(data.get("reply"))
            return Told(
                masking.identifier(system), entry["event"]["type"].split(".")[1], data["result"], "email", reply
            )
    return None
