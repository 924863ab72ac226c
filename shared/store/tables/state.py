"""The state worker's tables: accounts, links, questions, history, and its inbox."""

from sqlalchemy import (
    CHAR,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.store.tables.metadata import INSTANT, inbox, metadata

accounts = Table(
    "accounts",
    metadata,
    Column("account_id", Uuid, primary_key=True),
    Column("ic_number", CHAR(12), nullable=False, unique=True),
    Column("name", Text),
    Column("email", Text),
    Column("registered_at", INSTANT),
    Column("state", Text, nullable=False),
    Column("hr_source", Text, nullable=False, comment="source of the newest registration or withdrawal"),
    Column("hr_time", INSTANT, nullable=False, comment="its time: orders registrations, whatever their arrival"),
    Column("resent_at", ARRAY(INSTANT), nullable=False, server_default=text("'{}'"), comment="resends of a day"),
    Column("password_digest", Text),
    Column("password_set_at", INSTANT),
    Column("activated_at", INSTANT),
    Column("created_at", INSTANT, nullable=False, server_default=text("now()")),
    CheckConstraint("state IN ('registered', 'redeemed', 'questions_set', 'active', 'withdrawn')", name="state"),
    CheckConstraint(
        "state = 'withdrawn' OR (name IS NOT NULL AND email IS NOT NULL AND registered_at IS NOT NULL)", name="details"
    ),
    CheckConstraint("(state = 'active') = (password_digest IS NOT NULL AND activated_at IS NOT NULL)", name="active"),
    Index("ix_accounts_email", text("lower(email)")),
    Index("ix_accounts_credentials", text("(ic_number::text)"), postgresql_where=text("state = 'active'")),
    info={"owner": "state"},
    comment="a person's account; withdrawn before registration, it is an IC number without details",
)

links = Table(
    "links",
    metadata,
    Column("link_id", Uuid, primary_key=True),
    Column("account_id", Uuid, ForeignKey(accounts.c.account_id), nullable=False),
    Column("purpose", Text, nullable=False),
    Column("issued_at", INSTANT, nullable=False),
    Column("mail_id", Uuid, comment="its latest mail; an older one still waiting is skipped"),
    Column("mail_requested_at", INSTANT),
    Column("redeemed_at", INSTANT),
    Column("session_digest", Text),
    Column("questions_at", INSTANT, comment="time of the newest QuestionsSet or QuestionsAnswered of its session"),
    Column("completed_at", INSTANT, comment="time of the PasswordSet of its session"),
    Column("superseded_at", INSTANT),
    CheckConstraint("purpose IN ('activation', 'recovery')", name="purpose"),
    CheckConstraint("(redeemed_at IS NULL) = (session_digest IS NULL)", name="session"),
    Index(
        "uq_links_live",
        "account_id",
        "purpose",
        unique=True,
        postgresql_where=text("redeemed_at IS NULL AND superseded_at IS NULL"),
    ),
    Index(
        "uq_links_session",
        "account_id",
        "purpose",
        unique=True,
        postgresql_where=text("redeemed_at IS NOT NULL AND completed_at IS NULL AND superseded_at IS NULL"),
    ),
    Index("ix_links_account_id", "account_id"),
    info={"owner": "state"},
    comment="activation and recovery links; the token is derived from link_id and a key, and stored nowhere",
)

questions = Table(
    "questions",
    metadata,
    Column("account_id", Uuid, ForeignKey(accounts.c.account_id), primary_key=True),
    Column("position", SmallInteger, primary_key=True),
    Column("question", Text, nullable=False),
    Column("digest", Text, nullable=False),
    info={"owner": "state"},
    comment="the three security questions of an account",
)

history = Table(
    "history",
    metadata,
    Column("history_id", BigInteger, Identity(), primary_key=True),
    Column("account_id", Uuid, nullable=False),
    Column("at", INSTANT, nullable=False, server_default=text("now()")),
    Column("event", Text, nullable=False, comment="event name, for an ActivationRequested with its reason"),
    Column("source", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("event_time", INSTANT, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text),
    Column("from_state", Text, comment="null when the account did not exist before"),
    Column("to_state", Text, nullable=False),
    Column("detail", JSONB, comment="what else the timeline tells, such as the mail of a MailSettled"),
    Index("ix_history_account_id", "account_id", "history_id"),
    info={"owner": "state"},
    comment="what every event did to an account",
)

state_inbox = inbox("state")
