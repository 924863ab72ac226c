"""The mailer's tables: mails, the tries of each, and its inbox."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)

from shared.store.tables.metadata import INSTANT, inbox, metadata

mails = Table(
    "mails",
    metadata,
    Column("mail_id", Uuid, primary_key=True),
    Column("account_id", Uuid, nullable=False),
    Column("link_id", Uuid),
    Column("kind", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("requested_at", INSTANT, nullable=False, comment="time of the MailRequested"),
    Column("email", Text, comment="the address of the newest attempt"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("unknowns", Integer, nullable=False, server_default=text("0"), comment="attempts of unknown result"),
    Column("first_accepted_at", INSTANT, comment="when a mail server first took it, or may have taken it"),
    Column("accepted_at", INSTANT, comment="when one last did; the link's minutes run from here"),
    Column("result", Text, comment="null while it is being tried"),
    Column("reply", Text, comment="the newest SMTP reply, the address in it masked, or why it was skipped"),
    Column("settled_at", INSTANT),
    CheckConstraint("result IN ('accepted', 'failed', 'gave_up', 'skipped')", name="result"),
    Index("ix_mails_account_id", "account_id"),
    Index("ix_mails_link_id", "link_id"),
    info={"owner": "mailer"},
    comment="one mail to one person",
)

attempts = Table(
    "attempts",
    metadata,
    Column("attempt_id", BigInteger, Identity(), primary_key=True),
    Column("mail_id", Uuid, nullable=False),
    Column("at", INSTANT, nullable=False, server_default=text("now()")),
    Column("email", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("smtp_code", SmallInteger),
    Column("enhanced_code", Text),
    Column("reply", Text),
    Column("milliseconds", Integer, nullable=False),
    CheckConstraint("result IN ('accepted', 'transient', 'permanent', 'misconfigured', 'unknown')", name="result"),
    Index("ix_attempts_mail_id", "mail_id"),
    info={"owner": "mailer"},
    comment="one SMTP try of a mail",
)

mailer_inbox = inbox("mailer")
