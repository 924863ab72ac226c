"""The archivist's table: dead letters."""

from sqlalchemy import (
    CHAR,
    BigInteger,
    Boolean,
    Column,
    Computed,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    false,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.store.tables.metadata import INSTANT, metadata

letters = Table(
    "letters",
    metadata,
    Column("letter_id", BigInteger, Identity(), primary_key=True),
    Column("service", Text, nullable=False),
    Column("source", Text, nullable=False, server_default="", comment="empty when the message cannot be read"),
    Column("id", Text, nullable=False, comment="the event's id, or sha256:… of an unreadable body"),
    Column("replay", Integer, nullable=False, server_default=text("0")),
    Column("queue", Text, nullable=False, comment="the home queue, to which a replay goes"),
    Column("origin", Text, nullable=False, comment="the exchange it was published to, as far as it is known"),
    Column("type", Text),
    Column("ic_number", CHAR(12), comment="as the message names it, for finding letters of an account"),
    Column("reason", Text, nullable=False),
    Column("field", Text),
    Column("detail", Text),
    Column("attempt", Integer, nullable=False, server_default=text("1")),
    Column("by_broker", Boolean, nullable=False, server_default=false()),
    Column("readable", Boolean, nullable=False, server_default=true()),
    Column("fingerprint", Text, nullable=False, comment="of the cause, not of the message"),
    Column("body", LargeBinary, nullable=False),
    Column("body_digest", Text, Computed("encode(sha256(body), 'hex')"), comment="two bad events may carry one id"),
    Column("headers", JSONB, nullable=False),
    Column(
        "mail_id",
        Uuid,
        Computed(
            "CASE WHEN type = 'aktif.MailRequested.v1' THEN CAST(substring(encode(body, 'escape'), "
            '\'"mail_id"\\s*:\\s*"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"\') AS uuid) END'
        ),
        comment="the mail that it asks for, found in any bytes",
    ),
    Column(
        "link_id",
        Uuid,
        Computed(
            "CASE WHEN type IN ('aktif.TokenRedeemed.v1', 'aktif.QuestionsSet.v1', 'aktif.QuestionsAnswered.v1', "
            "'aktif.PasswordSet.v1') THEN CAST(substring(encode(body, 'escape'), "
            '\'"link_id"\\s*:\\s*"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"\') AS uuid) END'
        ),
        comment="the link that a person's step came through",
    ),
    Column(
        "asks_for",
        Text,
        Computed(
            "CASE WHEN type = 'aktif.ActivationRequested.v1' THEN substring(encode(body, 'escape'), "
            '\'"reason"\\s*:\\s*"(registration|resend|recovery)"\') END'
        ),
        comment="the reason of an ActivationRequested",
    ),
    Column("event_time", INSTANT, comment="the event's time, by its publisher's clock, where it can be read"),
    Column("died_at", INSTANT, comment="tells this death from another of its event; null: the broker found no queue"),
    Column("times", Integer, nullable=False, server_default=text("1"), comment="how often it was filed"),
    Column("first_filed_at", INSTANT, nullable=False, server_default=text("now()")),
    Column("filed_at", INSTANT, nullable=False, server_default=text("now()")),
    Index("uq_letters_key", "service", "origin", "source", "id", "replay", "body_digest", unique=True),
    Index("ix_letters_filed_at", "filed_at", "letter_id"),
    Index("ix_letters_fingerprint", "fingerprint", "filed_at", "letter_id", postgresql_include=["first_filed_at"]),
    Index("ix_letters_reason", "reason", "filed_at", "letter_id"),
    Index("ix_letters_id", "id", postgresql_ops={"id": "text_pattern_ops"}),
    Index("ix_letters_mail_id", "mail_id", postgresql_where=text("mail_id IS NOT NULL")),
    Index("ix_letters_ic_number", "ic_number", postgresql_where=text("ic_number IS NOT NULL")),
    info={"owner": "archivist"},
    comment="dead letters: what an operator must look at",
)
