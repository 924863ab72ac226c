"""Every event on one page, and who may publish it.

A model here is the `data` of one CloudEvents type, `aktif.<EventName>.v1`. `contract.md` fixes the names.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictInt
from pydantic_core import PydanticCustomError

from schemas.fields import (
    AccountId,
    Argon2idDigest,
    Detail,
    IcNumber,
    Instant,
    LinkId,
    MailId,
    PersonName,
    PublisherId,
    QuestionCode,
    ReasonWord,
    SessionDigest,
    SmtpReply,
    Source,
    StaffEmail,
)


class Exchange(StrEnum):
    """Where an event is published; RabbitMQ users can write only to their own."""

    HR = "aktif.hr"
    PORTAL = "aktif.portal"
    EVENTS = "aktif.events"
    FEED = "aktif.feed"


class Lane(StrEnum):
    """`live`: a person is waiting; `bulk`: an import. Events inherit the lane of their cause."""

    LIVE = "live"
    BULK = "bulk"


class MailKind(StrEnum):
    """What a mail is for; also the name of its template folder."""

    ACTIVATION = "activation"
    RECOVERY = "recovery"
    ACTIVATED = "activated"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105


class MailResult(StrEnum):
    """How a mail ended."""

    ACCEPTED = "accepted"
    FAILED = "failed"
    GAVE_UP = "gave_up"
    SKIPPED = "skipped"


class EventData(BaseModel):
    """Base of all event data: immutable, and unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Registration(EventData):
    """HR registers a person, or corrects an earlier registration; `notify` false: no mail until the person asks."""

    reason: Literal["registration"]
    ic_number: IcNumber
    name: PersonName
    email: StaffEmail
    registered_at: Instant
    notify: Annotated[StrictBool, Field(description="false: no mail goes out until the person asks")] = True


class Resend(EventData):
    """Somebody asks for the activation mail again."""

    reason: Literal["resend"]
    ic_number: IcNumber


class Recovery(EventData):
    """A person forgot the password; for an account not yet active this acts as a resend."""

    reason: Literal["recovery"]
    ic_number: IcNumber


ActivationRequested = Annotated[Registration | Resend | Recovery, Field(discriminator="reason")]


class AccountWithdrawn(EventData):
    """HR takes a registration back before activation."""

    ic_number: IcNumber


class TokenRedeemed(EventData):
    """A person's first POST through a link, which binds the link to that browser's session."""

    link_id: LinkId
    session_digest: SessionDigest
    redeemed_at: Instant


class Answer(EventData):
    """One security question and the digest of its normalised, peppered answer."""

    question: QuestionCode
    digest: Argon2idDigest


def _distinct(answers: tuple[Answer, Answer, Answer]) -> tuple[Answer, Answer, Answer]:
    if len({answer.question for answer in answers}) != len(answers):
        raise PydanticCustomError("answers", "the three questions must differ")
    return answers


class QuestionsSet(EventData):
    """The three questions a person picked; again from the same session replaces, until a password is set."""

    link_id: LinkId
    session_digest: SessionDigest
    answers: Annotated[
        tuple[Answer, Answer, Answer], AfterValidator(_distinct), Field(description="three different questions")
    ]


class QuestionsAnswered(EventData):
    """All three questions were answered right (recovery)."""

    link_id: LinkId
    session_digest: SessionDigest


class PasswordSet(EventData):
    """The password a person chose, as a digest."""

    link_id: LinkId
    session_digest: SessionDigest
    password_digest: Argon2idDigest


class MailRequested(EventData):
    """State asks the mailer for one mail; ids only, name, address and link are read when it is sent."""

    mail_id: MailId
    account_id: AccountId
    link_id: LinkId | None
    kind: MailKind


class MailSettled(EventData):
    """How a mail ended. `reply` is the server's last reply (`550 5.1.1 …`), or the reason word of a skip."""

    mail_id: MailId
    account_id: AccountId
    link_id: LinkId | None
    result: MailResult
    settled_at: Instant
    reply: SmtpReply | None


class AccountActivated(EventData):
    """Told to HR: the account is active."""

    ic_number: IcNumber
    activated_at: Instant


class MailUndeliverable(EventData):
    """Told to HR: the current link's latest mail cannot be delivered, and why."""

    ic_number: IcNumber
    email: StaffEmail
    result: Annotated[
        Literal[MailResult.FAILED, MailResult.GAVE_UP], Field(description="refused for good, or tried for too long")
    ]
    smtp_code: Annotated[StrictInt, Field(ge=100, le=599, description="the reply code (RFC 5321)")] | None
    enhanced_code: (
        Annotated[
            str, Field(pattern=r"^[245]\.[0-9]{1,3}\.[0-9]{1,3}$", description="the enhanced status code (RFC 3463)")
        ]
        | None
    )
    reply: SmtpReply | None
    failed_at: Instant


class EventRejected(EventData):
    """Told to HR: one of its events was not carried out, and why. `field` is the path of the bad field, if one is."""

    rejected_source: Source
    rejected_id: PublisherId
    reason: ReasonWord
    field: Annotated[str, Field(max_length=200, description="the path of the field, such as data.ic_number")] | None
    detail: Detail | None


MODELS: Final[Mapping[str, object]] = {
    "ActivationRequested": ActivationRequested,
    "AccountWithdrawn": AccountWithdrawn,
    "TokenRedeemed": TokenRedeemed,
    "QuestionsSet": QuestionsSet,
    "QuestionsAnswered": QuestionsAnswered,
    "PasswordSet": PasswordSet,
    "MailRequested": MailRequested,
    "MailSettled": MailSettled,
    "AccountActivated": AccountActivated,
    "MailUndeliverable": MailUndeliverable,
    "EventRejected": EventRejected,
}
"""Event name → its model (or union of models)."""

PUBLISHED_TO: Final[Mapping[type[EventData], frozenset[Exchange]]] = {
    Registration: frozenset({Exchange.HR}),
    Resend: frozenset({Exchange.HR, Exchange.PORTAL, Exchange.EVENTS}),
    Recovery: frozenset({Exchange.PORTAL}),
    AccountWithdrawn: frozenset({Exchange.HR}),
    TokenRedeemed: frozenset({Exchange.PORTAL}),
    QuestionsSet: frozenset({Exchange.PORTAL}),
    QuestionsAnswered: frozenset({Exchange.PORTAL}),
    PasswordSet: frozenset({Exchange.PORTAL}),
    MailRequested: frozenset({Exchange.EVENTS}),
    MailSettled: frozenset({Exchange.EVENTS}),
    AccountActivated: frozenset({Exchange.FEED}),
    MailUndeliverable: frozenset({Exchange.FEED}),
    EventRejected: frozenset({Exchange.FEED}),
}
"""An event is accepted only from the exchanges listed for it."""

EVENT_NAME: Final[Mapping[type[EventData], str]] = {
    model: model.__name__ if model not in (Registration, Resend, Recovery) else "ActivationRequested"
    for model in PUBLISHED_TO
}


_TYPE: Final = {model: f"aktif.{name}.v1" for model, name in EVENT_NAME.items()}


def type_of(data: EventData) -> str:
    """The CloudEvents `type` of some data, such as `aktif.MailRequested.v1`."""
    return _TYPE[type(data)]


def routing_key(lane: Lane, data: EventData) -> str:
    """`live.<EventName>` or `bulk.<EventName>`."""
    return f"{lane}.{EVENT_NAME[type(data)]}"


def feed_routing_key(system: str, data: EventData) -> str:
    """`<system>.<EventName>`."""
    return f"{system}.{EVENT_NAME[type(data)]}"


def system_of(source: str) -> str:
    """The HR system a `source` names: its last part, kept to what a routing key can hold as one word."""
    last = source.rstrip("/").rpartition("/")[2]
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in last)[:60] or "_"
