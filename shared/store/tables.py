"""Every table, by its one owner. Any service may read; only the owner writes."""

from sqlalchemy import (
    CHAR,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    false,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
_INSTANT = DateTime(timezone=True)


def _inbox(service: str) -> Table:
    return Table(
        f"{service}_inbox",
        metadata,
        Column("source", Text, primary_key=True),
        Column("id", Text, primary_key=True),
        Column("type", Text, nullable=False),
        Column("digest", LargeBinary, nullable=False),
        Column("outcome", Text, nullable=False),
        Column("reason", Text),
        Column("lane", Text, nullable=False),
        Column("event_time", _INSTANT, nullable=False),
        Column("outgoing", JSONB, comment="what this event caused, as published; null when there is nothing"),
        Column("at", _INSTANT, nullable=False, server_default=text("now()")),
        CheckConstraint("outcome IN ('applied', 'ignored', 'rejected')", name="outcome"),
        Index(f"ix_{service}_inbox_at", "at"),
        Index(f"ix_{service}_inbox_outgoing", "at", postgresql_where=text("outgoing IS NOT NULL")),
        info={"owner": service},
        comment="one row for each event that was worked, written in the transaction of its effect",
    )


# Owned by state

accounts = Table(
    "accounts",
    metadata,
    Column("account_id", Uuid, primary_key=True),
    Column("ic_number", CHAR(12), nullable=False, unique=True),
    Column("name", Text),
    Column("email", Text),
    Column("registered_at", _INSTANT),
    Column("state", Text, nullable=False),
    Column("hr_source", Text, nullable=False, comment="source of the newest registration or withdrawal"),
    Column("hr_time", _INSTANT, nullable=False, comment="its time: orders registrations, whatever their arrival"),
    Column("resent_at", ARRAY(_INSTANT), nullable=False, server_default=text("'{}'"), comment="resends of a day"),
    Column("password_digest", Text),
    Column("password_set_at", _INSTANT),
    Column("activated_at", _INSTANT),
    Column("created_at", _INSTANT, nullable=False, server_default=text("now()")),
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
    Column("issued_at", _INSTANT, nullable=False),
    Column("mail_id", Uuid, comment="its latest mail; an older one still waiting is skipped"),
    Column("mail_requested_at", _INSTANT),
    Column("redeemed_at", _INSTANT),
    Column("session_digest", Text),
    Column("questions_at", _INSTANT, comment="time of the newest QuestionsSet or QuestionsAnswered of its session"),
    Column("completed_at", _INSTANT, comment="time of the PasswordSet of its session"),
    Column("superseded_at", _INSTANT),
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
    Column("at", _INSTANT, nullable=False, server_default=text("now()")),
    Column("event", Text, nullable=False, comment="event name, for an ActivationRequested with its reason"),
    Column("source", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("event_time", _INSTANT, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text),
    Column("from_state", Text, comment="null when the account did not exist before"),
    Column("to_state", Text, nullable=False),
    Column("detail", JSONB, comment="what else the timeline tells, such as the mail of a MailSettled"),
    Index("ix_history_account_id", "account_id", "history_id"),
    info={"owner": "state"},
    comment="what every event did to an account",
)

state_inbox = _inbox("state")

# Owned by the mailer

mails = Table(
    "mails",
    metadata,
    Column("mail_id", Uuid, primary_key=True),
    Column("account_id", Uuid, nullable=False),
    Column("link_id", Uuid),
    Column("kind", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("requested_at", _INSTANT, nullable=False, comment="time of the MailRequested"),
    Column("email", Text, comment="the address of the newest attempt"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("unknowns", Integer, nullable=False, server_default=text("0"), comment="attempts of unknown result"),
    Column("first_accepted_at", _INSTANT, comment="when a mail server first took it, or may have taken it"),
    Column("accepted_at", _INSTANT, comment="when one last did; the link's minutes run from here"),
    Column("result", Text, comment="null while it is being tried"),
    Column("reply", Text, comment="the newest SMTP reply, the address in it masked, or why it was skipped"),
    Column("settled_at", _INSTANT),
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
    Column("at", _INSTANT, nullable=False, server_default=text("now()")),
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

mailer_inbox = _inbox("mailer")

# Owned by the archivist

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
    Column("times", Integer, nullable=False, server_default=text("1"), comment="how often it was filed"),
    Column("first_filed_at", _INSTANT, nullable=False, server_default=text("now()")),
    Column("filed_at", _INSTANT, nullable=False, server_default=text("now()")),
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

# Owned by the portal

limits = Table(
    "limits",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("subject", LargeBinary, primary_key=True, comment="a keyed digest of whom or what is counted"),
    Column("count", Integer, nullable=False),
    Column("ends_at", _INSTANT, nullable=False, comment="from here on it is counted anew"),
    Index("ix_limits_ends_at", "ends_at"),
    info={"owner": "portal"},
    comment="how often something was tried, shared by all portals",
)

# Owned by the operators: by console and command line, which write through shared/operations

operators = Table(
    "operators",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("password_digest", Text, nullable=False),
    Column("added_at", _INSTANT, nullable=False, server_default=text("now()")),
    Column("added_by", Text, nullable=False),
    CheckConstraint("role IN ('viewer', 'operator')", name="role"),
    info={"owner": "operator"},
    comment="people who may use the console",
)

operations = Table(
    "operations",
    metadata,
    Column("operation_id", BigInteger, Identity(), primary_key=True),
    Column("at", _INSTANT, nullable=False, server_default=text("now()")),
    Column("who", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("filter", JSONB, nullable=False, comment="which letters, and whether obsolete and unsafe ones too"),
    Column("rate", Float, comment="at most so many letters a second; null: as fast as the broker takes them"),
    Column("most", Integer, comment="at most so many letters; null: all"),
    Column("stop_after", Integer, comment="stop when so many failed again; null: never"),
    Column("state", Text, nullable=False, server_default=text("'running'")),
    Column("begun_at", _INSTANT, nullable=False, server_default=text("now()"), comment="or resumed last"),
    Column("next_at", _INSTANT, nullable=False, server_default=text("now()"), comment="the rate allows more from here"),
    Column("ended_at", _INSTANT),
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
    Column("queued_at", _INSTANT, nullable=False, server_default=text("now()")),
    Column("published_at", _INSTANT, comment="when the broker had confirmed it"),
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
    Column("at", _INSTANT, nullable=False, server_default=text("now()")),
    Column("who", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("event_source", Text, comment="of the corrected registration"),
    Column("event_id", Text),
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
    Column("at", _INSTANT, nullable=False, server_default=text("now()")),
    Column("who", Text, nullable=False),
    info={"owner": "operator"},
    comment="what operators wrote down about letters of one cause",
)

audit = Table(
    "audit",
    metadata,
    Column("audit_id", BigInteger, Identity(), primary_key=True),
    Column("at", _INSTANT, nullable=False, server_default=text("now()")),
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

tries = Table(
    "tries",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("subject", LargeBinary, primary_key=True, comment="keyed digest of whom or what is counted"),
    Column("count", Integer, nullable=False),
    Column("ends_at", _INSTANT, nullable=False, comment="the count starts anew after it"),
    Index("ix_tries_ends_at", "ends_at"),
    info={"owner": "operator"},
    comment="how often a login to the console was tried, shared by all consoles",
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", LargeBinary, primary_key=True, comment="keyed digest of the secret that the browser holds"),
    Column("name", Text, nullable=False),
    Column("begun_at", _INSTANT, nullable=False, server_default=text("now()")),
    Column("seen_at", _INSTANT, nullable=False, server_default=text("now()"), comment="to the minute"),
    Index("ix_sessions_begun_at", "begun_at"),
    info={"owner": "operator"},
    comment="who is logged in to the console, and where; a logout deletes the row",
)
