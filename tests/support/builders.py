"""Events and accounts with defaults for everything: a test names only what it is about. All people are invented."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from schemas.envelope import CONTENT_TYPE, Event, decode, encode
from schemas.events import (
    PUBLISHED_TO,
    AccountWithdrawn,
    Answer,
    EventData,
    Exchange,
    Lane,
    MailResult,
    MailSettled,
    PasswordSet,
    QuestionsAnswered,
    QuestionsSet,
    Recovery,
    Registration,
    Resend,
    TokenRedeemed,
)
from services.state.decisions import Account, Link, State
from shared.broker.verdicts import Delivery
from shared.clock import MALAYSIA
from shared.links import Acceptance, Purpose

IC: Final = "850101030007"
THEN: Final = datetime(2021, 1, 11, 8, 0, tzinfo=MALAYSIA)
"""When most stories begin."""
HR: Final = "/hr/kelantan"
PORTAL: Final = "/portal"
OPERATOR: Final = "/aktif/operator/rahim"
BROWSER: Final = "a" * 64
OTHER_BROWSER: Final = "b" * 64


def digest(mark: str = "x") -> str:
    """A well-formed Argon2id digest, told apart by a mark of letters and digits."""
    return f"$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA${mark:A<43}"


def registration(ic_number: str = IC, **changes: Any) -> Registration:
    fields = {
        "name": "PEGAWAI CONTOH",
        "email": "pegawai.contoh@example.gov.my",
        "registered_at": datetime(2020, 7, 13, 10, 45, 50, tzinfo=MALAYSIA),
    }
    return Registration(reason="registration", ic_number=ic_number, **(fields | changes))


def withdrawal(ic_number: str = IC) -> AccountWithdrawn:
    return AccountWithdrawn(ic_number=ic_number)


def resend(ic_number: str = IC) -> Resend:
    return Resend(reason="resend", ic_number=ic_number)


def recovery(ic_number: str = IC) -> Recovery:
    return Recovery(reason="recovery", ic_number=ic_number)


def redeemed(link_id: UUID, at: datetime = THEN, browser: str = BROWSER) -> TokenRedeemed:
    return TokenRedeemed(link_id=link_id, session_digest=browser, redeemed_at=at)


def questions_set(link_id: UUID, browser: str = BROWSER, mark: str = "q") -> QuestionsSet:
    codes = ("mother_name", "first_school", "first_car")
    first, second, third = (Answer(question=code, digest=digest(mark)) for code in codes)
    return QuestionsSet(link_id=link_id, session_digest=browser, answers=(first, second, third))


def questions_answered(link_id: UUID, browser: str = BROWSER) -> QuestionsAnswered:
    return QuestionsAnswered(link_id=link_id, session_digest=browser)


def password_set(link_id: UUID, browser: str = BROWSER, mark: str = "p") -> PasswordSet:
    return PasswordSet(link_id=link_id, session_digest=browser, password_digest=digest(mark))


def mail_settled(account: Account, link: Link, result: MailResult = MailResult.FAILED, **changes: Any) -> MailSettled:
    fields: dict[str, Any] = {
        "mail_id": link.mail_id,
        "link_id": link.link_id,
        "settled_at": THEN,
        "reply": "550 5.1.1 no such user here",
    }
    return MailSettled(account_id=account.account_id, result=result, **(fields | changes))


def event(data: EventData, time: datetime = THEN, *, source: str | None = None, id: str | None = None) -> Event:
    """An accepted event, taken through its bytes as a worker would."""
    exchange = _exchange(data, source)
    body = encode(data, id=id or str(uuid4()), source=source or _SOURCES[exchange], time=time)
    return decode(body, exchange)


def delivery(
    data: EventData,
    time: datetime = THEN,
    *,
    source: str | None = None,
    id: str | None = None,
    lane: Lane = Lane.LIVE,
    attempt: int = 1,
    replay: int = 0,
) -> Delivery:
    """A delivery of an event, published where it belongs."""
    exchange = _exchange(data, source)
    body = encode(data, id=id or str(uuid4()), source=source or _SOURCES[exchange], time=time)
    return Delivery(body, CONTENT_TYPE, exchange.value, lane, attempt, replay)


def an_account(state: State = State.REGISTERED, **changes: Any) -> Account:
    """An account of HR's newest registration at `THEN`, with a password where it is active."""
    fields: dict[str, Any] = {
        "account_id": uuid4(),
        "ic_number": IC,
        "name": "PEGAWAI CONTOH",
        "email": "pegawai.contoh@example.gov.my",
        "registered_at": datetime(2020, 7, 13, 10, 45, 50, tzinfo=MALAYSIA),
        "hr_source": HR,
        "hr_time": THEN,
    }
    if state is State.ACTIVE:
        fields |= {"password_digest": digest("old"), "password_set_at": THEN, "activated_at": THEN}
    return Account(state=state, **(fields | changes))


def a_link(purpose: Purpose = Purpose.ACTIVATION, **changes: Any) -> Link:
    """A live link whose mail was accepted as soon as it was asked for."""
    fields: dict[str, Any] = {
        "link_id": uuid4(),
        "issued_at": THEN,
        "mail_id": uuid4(),
        "mail_requested_at": THEN,
        "acceptance": Acceptance(THEN, THEN),
    }
    return Link(purpose=purpose, **(fields | changes))


def a_running_link(purpose: Purpose = Purpose.ACTIVATION, browser: str = BROWSER, **changes: Any) -> Link:
    """A link that a browser redeemed at `THEN`."""
    return a_link(purpose, **({"redeemed_at": THEN, "session_digest": browser} | changes))


_SOURCES: Final = {Exchange.HR: HR, Exchange.PORTAL: PORTAL, Exchange.EVENTS: "/aktif/mailer"}


def _exchange(data: EventData, source: str | None) -> Exchange:
    allowed = PUBLISHED_TO[type(data)]
    if len(allowed) == 1:
        return next(iter(allowed))
    if source is None or source.startswith(PORTAL):
        return Exchange.PORTAL
    return Exchange.EVENTS if source.startswith("/aktif/") else Exchange.HR
