"""The backbone: accounts, mails, letters

Revision: 0001, the first
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("ic_number", sa.CHAR(length=12), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("hr_source", sa.Text(), nullable=False, comment="source of the newest registration or withdrawal"),
        sa.Column(
            "hr_time",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="its time: orders registrations, whatever their arrival",
        ),
        sa.Column(
            "resent_at",
            postgresql.ARRAY(sa.DateTime(timezone=True)),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="resends of a day",
        ),
        sa.Column("password_digest", sa.Text(), nullable=True),
        sa.Column("password_set_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(state = 'active') = (password_digest IS NOT NULL AND activated_at IS NOT NULL)",
            name=op.f("ck_accounts_active"),
        ),
        sa.CheckConstraint(
            "state = 'withdrawn' OR (name IS NOT NULL AND email IS NOT NULL AND registered_at IS NOT NULL)",
            name=op.f("ck_accounts_details"),
        ),
        sa.CheckConstraint(
            "state IN ('registered', 'redeemed', 'questions_set', 'active', 'withdrawn')",
            name=op.f("ck_accounts_state"),
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("ic_number", name=op.f("uq_accounts_ic_number")),
        comment="a person's account; withdrawn before registration, it is an IC number without details",
        info={"owner": "state"},
    )
    op.create_index("ix_accounts_email", "accounts", [sa.literal_column("lower(email)")], unique=False)
    op.create_table(
        "attempts",
        sa.Column("attempt_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("mail_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("smtp_code", sa.SmallInteger(), nullable=True),
        sa.Column("enhanced_code", sa.Text(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "result IN ('accepted', 'transient', 'permanent', 'misconfigured', 'unknown')",
            name=op.f("ck_attempts_result"),
        ),
        sa.PrimaryKeyConstraint("attempt_id", name=op.f("pk_attempts")),
        comment="one SMTP try of a mail",
        info={"owner": "mailer"},
    )
    op.create_index("ix_attempts_mail_id", "attempts", ["mail_id"], unique=False)
    op.create_table(
        "history",
        sa.Column("history_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("event", sa.Text(), nullable=False, comment="event name, for an ActivationRequested with its reason"),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("from_state", sa.Text(), nullable=True, comment="null when the account did not exist before"),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column(
            "detail",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="what else the timeline tells, such as the mail of a MailSettled",
        ),
        sa.PrimaryKeyConstraint("history_id", name=op.f("pk_history")),
        comment="what every event did to an account",
        info={"owner": "state"},
    )
    op.create_index("ix_history_account_id", "history", ["account_id", "history_id"], unique=False)
    op.create_table(
        "letters",
        sa.Column("letter_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column(
            "source", sa.Text(), server_default="", nullable=False, comment="empty when the message cannot be read"
        ),
        sa.Column("id", sa.Text(), nullable=False, comment="the event's id, or sha256:… of an unreadable body"),
        sa.Column("replay", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False, comment="the home queue, to which a replay goes"),
        sa.Column(
            "origin", sa.Text(), nullable=False, comment="the exchange it was published to, as far as it is known"
        ),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column(
            "ic_number",
            sa.CHAR(length=12),
            nullable=True,
            comment="as the message names it, for finding letters of an account",
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("by_broker", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("readable", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False, comment="of the cause, not of the message"),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column(
            "body_digest",
            sa.Text(),
            sa.Computed("encode(sha256(body), 'hex')", persisted=True),
            comment="two bad events may carry one id",
        ),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("times", sa.Integer(), server_default=sa.text("1"), nullable=False, comment="how often it was filed"),
        sa.Column("first_filed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("filed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("letter_id", name=op.f("pk_letters")),
        comment="dead letters: what an operator must look at",
        info={"owner": "archivist"},
    )
    op.create_index("ix_letters_filed_at", "letters", ["filed_at"], unique=False)
    op.create_index("ix_letters_fingerprint", "letters", ["fingerprint", "filed_at"], unique=False)
    op.create_index(
        "ix_letters_ic_number",
        "letters",
        ["ic_number"],
        unique=False,
        postgresql_where=sa.text("ic_number IS NOT NULL"),
    )
    op.create_index(
        "uq_letters_key", "letters", ["service", "origin", "source", "id", "replay", "body_digest"], unique=True
    )
    op.create_table(
        "mailer_inbox",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "outgoing",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="what this event caused, as published; null when there is nothing",
        ),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("outcome IN ('applied', 'ignored', 'rejected')", name=op.f("ck_mailer_inbox_outcome")),
        sa.PrimaryKeyConstraint("source", "id", name=op.f("pk_mailer_inbox")),
        comment="one row for each event that was worked, written in the transaction of its effect",
        info={"owner": "mailer"},
    )
    op.create_index("ix_mailer_inbox_at", "mailer_inbox", ["at"], unique=False)
    op.create_index(
        "ix_mailer_inbox_outgoing",
        "mailer_inbox",
        ["at"],
        unique=False,
        postgresql_where=sa.literal_column("outgoing IS NOT NULL"),
    )
    op.create_table(
        "mails",
        sa.Column("mail_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False, comment="time of the MailRequested"),
        sa.Column("email", sa.Text(), nullable=True, comment="the address of the newest attempt"),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "unknowns", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="attempts of unknown result"
        ),
        sa.Column(
            "first_accepted_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when a mail server first took it, or may have taken it",
        ),
        sa.Column(
            "accepted_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when one last did; the link's minutes run from here",
        ),
        sa.Column("result", sa.Text(), nullable=True, comment="null while it is being tried"),
        sa.Column(
            "reply",
            sa.Text(),
            nullable=True,
            comment="the newest SMTP reply, the address in it masked, or why it was skipped",
        ),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("result IN ('accepted', 'failed', 'gave_up', 'skipped')", name=op.f("ck_mails_result")),
        sa.PrimaryKeyConstraint("mail_id", name=op.f("pk_mails")),
        comment="one mail to one person",
        info={"owner": "mailer"},
    )
    op.create_index("ix_mails_account_id", "mails", ["account_id"], unique=False)
    op.create_index("ix_mails_link_id", "mails", ["link_id"], unique=False)
    op.create_table(
        "state_inbox",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "outgoing",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="what this event caused, as published; null when there is nothing",
        ),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("outcome IN ('applied', 'ignored', 'rejected')", name=op.f("ck_state_inbox_outcome")),
        sa.PrimaryKeyConstraint("source", "id", name=op.f("pk_state_inbox")),
        comment="one row for each event that was worked, written in the transaction of its effect",
        info={"owner": "state"},
    )
    op.create_index("ix_state_inbox_at", "state_inbox", ["at"], unique=False)
    op.create_index(
        "ix_state_inbox_outgoing",
        "state_inbox",
        ["at"],
        unique=False,
        postgresql_where=sa.literal_column("outgoing IS NOT NULL"),
    )
    op.create_table(
        "links",
        sa.Column("link_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "mail_id", sa.Uuid(), nullable=True, comment="its latest mail; an older one still waiting is skipped"
        ),
        sa.Column("mail_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("redeemed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("session_digest", sa.Text(), nullable=True),
        sa.Column(
            "questions_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="time of the newest QuestionsSet or QuestionsAnswered of its session",
        ),
        sa.Column(
            "completed_at", sa.DateTime(timezone=True), nullable=True, comment="time of the PasswordSet of its session"
        ),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("purpose IN ('activation', 'recovery')", name=op.f("ck_links_purpose")),
        sa.CheckConstraint("(redeemed_at IS NULL) = (session_digest IS NULL)", name=op.f("ck_links_session")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_links_account_id")),
        sa.PrimaryKeyConstraint("link_id", name=op.f("pk_links")),
        comment="activation and recovery links; the token is derived from link_id and a key, and stored nowhere",
        info={"owner": "state"},
    )
    op.create_index("ix_links_account_id", "links", ["account_id"], unique=False)
    op.create_index(
        "uq_links_live",
        "links",
        ["account_id", "purpose"],
        unique=True,
        postgresql_where=sa.text("redeemed_at IS NULL AND superseded_at IS NULL"),
    )
    op.create_index(
        "uq_links_session",
        "links",
        ["account_id", "purpose"],
        unique=True,
        postgresql_where=sa.text("redeemed_at IS NOT NULL AND completed_at IS NULL AND superseded_at IS NULL"),
    )
    op.create_table(
        "questions",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_questions_account_id")),
        sa.PrimaryKeyConstraint("account_id", "position", name=op.f("pk_questions")),
        comment="the three security questions of an account",
        info={"owner": "state"},
    )
    op.execute(
        "CREATE VIEW credentials AS "
        "SELECT ic_number::text, password_digest, activated_at FROM accounts WHERE state = 'active'"
    )
    op.execute("COMMENT ON VIEW credentials IS 'what the system behind reads; nothing else in here is promised'")


def downgrade() -> None:
    op.execute("DROP VIEW credentials")
    op.drop_table("questions")
    op.drop_index(
        "uq_links_session",
        table_name="links",
        postgresql_where=sa.text("redeemed_at IS NOT NULL AND completed_at IS NULL AND superseded_at IS NULL"),
    )
    op.drop_index(
        "uq_links_live", table_name="links", postgresql_where=sa.text("redeemed_at IS NULL AND superseded_at IS NULL")
    )
    op.drop_index("ix_links_account_id", table_name="links")
    op.drop_table("links")
    op.drop_index("ix_state_inbox_outgoing", table_name="state_inbox", postgresql_where=sa.text("outgoing IS NOT NULL"))
    op.drop_index("ix_state_inbox_at", table_name="state_inbox")
    op.drop_table("state_inbox")
    op.drop_index("ix_mails_link_id", table_name="mails")
    op.drop_index("ix_mails_account_id", table_name="mails")
    op.drop_table("mails")
    op.drop_index(
        "ix_mailer_inbox_outgoing", table_name="mailer_inbox", postgresql_where=sa.text("outgoing IS NOT NULL")
    )
    op.drop_index("ix_mailer_inbox_at", table_name="mailer_inbox")
    op.drop_table("mailer_inbox")
    op.drop_index("uq_letters_key", table_name="letters")
    op.drop_index("ix_letters_ic_number", table_name="letters", postgresql_where=sa.text("ic_number IS NOT NULL"))
    op.drop_index("ix_letters_fingerprint", table_name="letters")
    op.drop_index("ix_letters_filed_at", table_name="letters")
    op.drop_table("letters")
    op.drop_index("ix_history_account_id", table_name="history")
    op.drop_table("history")
    op.drop_index("ix_attempts_mail_id", table_name="attempts")
    op.drop_table("attempts")
    op.drop_index("ix_accounts_email", table_name="accounts")
    op.drop_table("accounts")
