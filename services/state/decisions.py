"""The values of the lifecycle: what an account is, and what can be decided about it. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Generic, TypeVar
from uuid import UUID, uuid4

from schemas.envelope import Event, caused_id
from schemas.events import Answer, EventData
from shared.links import Acceptance, LinkLife, Purpose
from shared.store.inbox import Outcome

Data = TypeVar("Data", bound=EventData)


class State(StrEnum):
    """Where an account stands."""

    REGISTERED = "registered"
    REDEEMED = "redeemed"
    QUESTIONS_SET = "questions_set"
    ACTIVE = "active"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Link:
    """A link as it stands. `acceptance` is the mailer's knowledge; state only reads it."""

    link_id: UUID
    purpose: Purpose
    issued_at: datetime
    mail_id: UUID | None = None
    mail_requested_at: datetime | None = None
    redeemed_at: datetime | None = None
    session_digest: str | None = None
    questions_at: datetime | None = None
    completed_at: datetime | None = None
    superseded_at: datetime | None = None
    acceptance: Acceptance | None = None

    @property
    def is_live(self) -> bool:
        """Whether nobody redeemed it and nothing took its place."""
        return self.redeemed_at is None and self.superseded_at is None

    @property
    def is_running(self) -> bool:
        """Whether a session was begun through it and neither ended nor was taken the place of."""
        return self.redeemed_at is not None and self.completed_at is None and self.superseded_at is None


@dataclass(frozen=True, slots=True)
class Account:
    """An account as it stands. `questions` None means: as they are stored; empty: forgotten."""

    account_id: UUID
    ic_number: str
    name: str | None
    email: str | None
    registered_at: datetime | None
    state: State
    hr_source: str
    hr_time: datetime
    resent_at: tuple[datetime, ...] = ()
    password_digest: str | None = None
    password_set_at: datetime | None = None
    activated_at: datetime | None = None
    links: tuple[Link, ...] = ()
    questions: tuple[Answer, ...] | None = None

    def link(self, link_id: UUID) -> Link | None:
        """The link of that id."""
        return next((link for link in self.links if link.link_id == link_id), None)

    def live(self, purpose: Purpose) -> Link | None:
        """The one link of a purpose that can be redeemed."""
        return next((link for link in self.links if link.purpose == purpose and link.is_live), None)

    def with_link(self, changed: Link) -> "Account":
        """The account with one of its links changed."""
        return replace(self, links=tuple(changed if old.link_id == changed.link_id else old for old in self.links))

    def superseding(self, at: datetime, which: Callable[[Link], bool]) -> "Account":
        """The account with those links superseded that are not yet."""
        if not any(which(link) for link in self.links):
            return self
        return replace(
            self,
            links=tuple(
                replace(link, superseded_at=at) if link.superseded_at is None and which(link) else link
                for link in self.links
            ),
        )


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings decide."""

    life: LinkLife = field(default_factory=LinkLife)
    cool_down: timedelta = timedelta(seconds=60)
    resends_a_day: int = 10


@dataclass(frozen=True, slots=True)
class Moment:
    """When and how an event is decided: by the database's clock, at which attempt, as which replay."""

    now: datetime
    rules: Rules = field(default_factory=Rules)
    attempt: int = 1
    replay: int = 0
    new_id: Callable[[], UUID] = uuid4


@dataclass(frozen=True, slots=True)
class Decision:
    """What an event did: its outcome with a reason word, the account afterwards, and the events it causes."""

    outcome: Outcome
    reason: str
    account: Account | None
    causes: tuple[EventData, ...] = ()
    detail: Mapping[str, str | None] | None = None


@dataclass(frozen=True, slots=True)
class TooEarly:
    """The event's earlier step has not arrived yet: try again soon."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The event cannot be carried out, now or later: a dead letter."""

    reason: str
    detail: str
    field: str | None = None


Ruling = Decision | TooEarly | Refused


@dataclass(frozen=True, slots=True)
class Case(Generic[Data]):
    """One event before one account, with the link it names, if it names one; and the ways to rule on it."""

    event: Event
    data: Data
    moment: Moment
    found: Account | None = None
    named: Link | None = None

    @property
    def account(self) -> Account:
        """The account; only rules of states ask for it, and a state is an account's."""
        if self.found is None:
            raise LookupError("this event found no account")
        return self.found

    @property
    def link(self) -> Link:
        """The link that the event names; only rules of links ask for it."""
        if self.named is None:
            raise LookupError("this event names no link")
        return self.named

    @property
    def now(self) -> datetime:
        """The database's clock."""
        return self.moment.now

    def mail_id(self) -> UUID:
        """The id of the mail that this event causes, the same whenever it is decided again."""
        return UUID(caused_id(self.event.key, self.moment.replay, "mail"))

    def applied(self, reason: str, account: Account, *causes: EventData) -> Decision:
        """The event had its effect."""
        return Decision(Outcome.APPLIED, reason, account, causes)

    def ignored(self, reason: str, account: Account | None = None) -> Decision:
        """The event has no effect, and nobody need know."""
        return Decision(Outcome.IGNORED, reason, account or self.found)

    def rejected(self, reason: str) -> Decision:
        """The event came too late, twice or from elsewhere: the answer is no."""
        return Decision(Outcome.REJECTED, reason, self.found)
