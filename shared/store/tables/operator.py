"""The operators' tables: console and command line write them, through shared/operations."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.store.tables.metadata import INSTANT, metadata

operators = Table(
    "operators",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("password_digest", Text, nullable=False),
    Column("added_at", INSTANT, nullable=False, server_default=text("now()")),
    Column("added_by", Text, nullable=False),
    CheckConstraint("role IN ('viewer', 'operator')", name="role"),
    info={"owner": "operator"},
    comment="people who may use the console",
)

operations = Table(
    "operations",
    metadata,
    Column("operation_id", BigInteger, Identity(), primary_key=True),
    Column("at", INSTANT, nullable=False, server_default=text("now()")),
    Column("who", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("filter", JSONB, nullable=False, comment="which letters, and whether obsolete and unsafe ones too"),
    Column("rate", Float, comment="at most so many letters a second; null: as fast as the broker takes them"),
    Column("most", Integer, comment="at most so many letters; null: all"),
    Column("stop_after", Integer, comment="stop when so many failed again; null: never"),
    Column("state", Text, nullable=False, server_default=text("'running'")),
    Column("begun_at", INSTANT, nullable=False, server_default=text("now()"), comment="or resumed last"),
    Column("next_at", INSTANT, nullable=False, server_default=text("now()"), comment="the rate allows more from here"),
    Column("ended_at", INSTANT),
    Column("form_key", Uuid, unique=True, comment="of the form that began it; sent twice, it is one"),
    Column("planned", Integer, comment="letters it has sent or was still to send"),
    Column("cancelled_by", Text, comment="who wants it to end; its next turn ends it"),
    Column("results", JSONB(none_as_null=True), comment="letters by result, kept once no result can change"),
    CheckConstraint("state IN ('running', 'cancelled', 'stopped', 'done')", name="state"),
    Index("ix_operations_running", "operation_id", postgresql_where=text("state = 'running'")),
    info={"owner": "operator"},
    comment="replays of many letters; any process can carry on a running one",
)

replays = Table(
    "replays",
    metadata,
    Column("letter_id", BigInteger, primary_key=True),
    Column("replay", Integer, primary_key=True, comment="the replay number that the message carries"),
    Column("operation_id", BigInteger, ForeignKey(operations.c.operation_id), nullable=False),
    Column("queued_at", INSTANT, nullable=False, server_default=text("clock_timestamp()")),
    Column("published_at", INSTANT, comment="when the broker had confirmed it"),
    Index("ix_replays_operation_id", "operation_id", "letter_id"),
    Index("ix_replays_queued", "operation_id", "letter_id", postgresql_where=text("published_at IS NULL")),
    info={"owner": "operator"},
    comment="each replay of a letter, committed before it is published; its result is read, not written",
)

closings = Table(
    "closings",
    metadata,
    Column("letter_id", BigInteger, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("at", INSTANT, nullable=False, server_default=text("clock_timestamp()")),
    Column("who", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("event_source", Text, comment="of the corrected registration"),
    Column("event_id", Text),
    Column("event_body", LargeBinary, comment="as published, so that it can be once more"),
    CheckConstraint("kind IN ('discarded', 'registered')", name="kind"),
    CheckConstraint("(kind = 'registered') = (event_id IS NOT NULL AND event_source IS NOT NULL)", name="event"),
    info={"owner": "operator"},
    comment="letters that are done with; a letter that is filed again after that is open again",
)

notes = Table(
    "notes",
    metadata,
    Column("fingerprint", Text, primary_key=True),
    Column("note", Text, nullable=False),
    Column("at", INSTANT, nullable=False, server_default=text("now()")),
    Column("who", Text, nullable=False),
    info={"owner": "operator"},
    comment="what operators wrote down about letters of one cause",
)

audit = Table(
    "audit",
    metadata,
    Column("audit_id", BigInteger, Identity(), primary_key=True),
    Column("at", INSTANT, nullable=False, server_default=text("now()")),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("reason", Text),
    Column("details", JSONB, nullable=False, server_default=text("'{}'")),
    Index("ix_audit_at", "at", "audit_id"),
    Index("ix_audit_who", "who", "audit_id"),
    info={"owner": "operator", "insert_only": True},
    comment="who did or looked at what, when and why; a trigger refuses changes",
)

ledgers = Table(
    "ledgers",
    metadata,
    Column("ledger_id", BigInteger, Identity(), primary_key=True),
    Column("at", INSTANT, nullable=False, server_default=text("now()"), comment="when it ended"),
    Column("who", Text, nullable=False),
    Column("seconds", Float, nullable=False, comment="how long it took"),
    Column("verdict", Text, nullable=False),
    *(Column(number, Integer, nullable=False) for number in ("caused", "done", "dead", "told", "retried_mails")),
    *(Column(number, Integer, nullable=False) for number in ("missing", "lost", "twice")),
    Column("queues", JSONB(none_as_null=True), comment="what they held; null: the broker could not be asked"),
    Column("moved", Boolean, nullable=False, comment="whether the queues changed meanwhile"),
    Column("found", JSONB, nullable=False, comment="some that are missing or found twice, the oldest first"),
    Column("mended", Integer, nullable=False, server_default=text("0"), comment="lost ones that were published again"),
    Column(
        "sent",
        Integer,
        nullable=False,
        server_default=text("0"),
        comment="replays and corrected registrations of operators",
    ),
    CheckConstraint("verdict IN ('lost', 'twice', 'undecided', 'clean')", name="verdict"),
    info={"owner": "operator"},
    comment="each run of the ledger and what it found",
)

tries = Table(
    "tries",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("subject", LargeBinary, primary_key=True, comment="keyed digest of whom or what is counted"),
    Column("count", Integer, nullable=False),
    Column("ends_at", INSTANT, nullable=False, comment="the count starts anew after it"),
    Index("ix_tries_ends_at", "ends_at"),
    info={"owner": "operator"},
    comment="how often a login to the console was tried, shared by all consoles",
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", LargeBinary, primary_key=True, comment="keyed digest of the secret that the browser holds"),
    Column("name", Text, nullable=False),
    Column("begun_at", INSTANT, nullable=False, server_default=text("now()")),
    Column("seen_at", INSTANT, nullable=False, server_default=text("now()"), comment="to the minute"),
    Index("ix_sessions_begun_at", "begun_at"),
    info={"owner": "operator"},
    comment="who is logged in to the console, and where; a logout deletes the row",
)
