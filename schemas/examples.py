"""One example of every event, of people who were plainly invented; published, and used by tests and pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final
from uuid import UUID

from schemas.envelope import encode
from schemas.events import (
    AccountActivated,
    AccountWithdrawn,
    Answer,
    EventData,
    EventRejected,
    Exchange,
    MailKind,
    MailRequested,
    MailResult,
    MailSettled,
    MailUndeliverable,
    PasswordSet,
    QuestionsAnswered,
    QuestionsSet,
    Registration,
    TokenRedeemed,
)

_MORNING = datetime(2021, 1, 11, 8, 0, tzinfo=timezone(timedelta(hours=8)))
_IC_NUMBER = "850101030007"
_EMAIL = "pegawai.contoh@example.gov.my"
_HR, _PORTAL, _STATE, _MAILER = "/hr/kelantan", "/portal", "/aktif/state", "/aktif/mailer"
_ACCOUNT = UUID("0a6f6f1e-5d0c-5f0a-8f5c-1c2d3e4f5a6b")
_LINK = UUID("3f1c9a52-7b44-5e0e-9d1f-2b3c4d5e6f70")
_MAIL = UUID("b7e2d4c6-1a2b-5c3d-8e4f-5a6b7c8d9e0f")
_SESSION = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"
_DIGEST = "$argon2id$v=19$m=19456,t=2,p=1$Y29udG9oIHNhbGFoIDAwMA$4S6yWEYeqBLpNtcYdjkT6fVQ5a9C6sVHZ3KlXjZuMrw"


@dataclass(frozen=True, slots=True)
class Example:
    """One event as it is published."""

    id: str
    source: str
    time: datetime
    data: EventData
    exchange: Exchange

    @property
    def body(self) -> bytes:
        """Its bytes on the wire."""
        return encode(self.data, id=self.id, source=self.source, time=self.time)


def _example(number: int, minutes: int, source: str, exchange: Exchange, data: EventData) -> Example:
    id_ = f"6f0c0000-0000-4000-8000-{number:012d}"
    return Example(id_, source, _MORNING + timedelta(minutes=minutes), data, exchange)


EXAMPLES: Final[Mapping[str, Example]] = {
    "ActivationRequested": _example(
        1,
        0,
        _HR,
        Exchange.HR,
        Registration(
            reason="registration",
            ic_number=_IC_NUMBER,
            name="PEGAWAI CONTOH",
            email=_EMAIL,
            registered_at=datetime(2020, 7, 13, 10, 45, 50, tzinfo=_MORNING.tzinfo),
        ),
    ),
    "AccountWithdrawn": _example(2, 1, _HR, Exchange.HR, AccountWithdrawn(ic_number=_IC_NUMBER)),
    "TokenRedeemed": _example(
        3,
        5,
        _PORTAL,
        Exchange.PORTAL,
        TokenRedeemed(link_id=_LINK, session_digest=_SESSION, redeemed_at=_MORNING + timedelta(minutes=5)),
    ),
    "QuestionsSet": _example(
        4,
        7,
        _PORTAL,
        Exchange.PORTAL,
        QuestionsSet(
            link_id=_LINK,
            session_digest=_SESSION,
            answers=(
                Answer(question="mother_name", digest=_DIGEST),
                Answer(question="first_school", digest=_DIGEST),
                Answer(question="first_car", digest=_DIGEST),
            ),
        ),
    ),
    "QuestionsAnswered": _example(
        5, 7, _PORTAL, Exchange.PORTAL, QuestionsAnswered(link_id=_LINK, session_digest=_SESSION)
    ),
    "PasswordSet": _example(
        6,
        9,
        _PORTAL,
        Exchange.PORTAL,
        PasswordSet(link_id=_LINK, session_digest=_SESSION, password_digest=_DIGEST),
    ),
    "MailRequested": _example(
        7,
        0,
        _STATE,
        Exchange.EVENTS,
        MailRequested(mail_id=_MAIL, account_id=_ACCOUNT, link_id=_LINK, kind=MailKind.ACTIVATION),
    ),
    "MailSettled": _example(
        8,
        1,
        _MAILER,
        Exchange.EVENTS,
        MailSettled(
            mail_id=_MAIL,
            account_id=_ACCOUNT,
            link_id=_LINK,
            result=MailResult.ACCEPTED,
            settled_at=_MORNING + timedelta(minutes=1),
            reply="250 2.0.0 Ok: queued",
        ),
    ),
    "AccountActivated": _example(
        9,
        9,
        _STATE,
        Exchange.FEED,
        AccountActivated(ic_number=_IC_NUMBER, activated_at=_MORNING + timedelta(minutes=9)),
    ),
    "MailUndeliverable": _example(
        10,
        1,
        _STATE,
        Exchange.FEED,
        MailUndeliverable(
            ic_number=_IC_NUMBER,
            email=_EMAIL,
            result=MailResult.FAILED,
            smtp_code=550,
            enhanced_code="5.1.1",
            reply="550 5.1.1 User unknown",
            failed_at=_MORNING + timedelta(minutes=1),
        ),
    ),
    "EventRejected": _example(
        11,
        1,
        _STATE,
        Exchange.FEED,
        EventRejected(
            rejected_source=_HR,
            rejected_id="6f0c0000-0000-4000-8000-000000000012",
            reason="bad_ic_number",
            field="data.ic_number",
            detail="data.ic_number: the first six digits must be a date of birth (YYMMDD)",
        ),
    ),
}
"""Event name → its example: a person's way from registration to activation, and what may go wrong on it."""
