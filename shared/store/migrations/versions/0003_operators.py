"""The operators: replays, closings, notes, people, and an audit that nobody changes

Revision: 0003, after 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_MAIL_ID = (
    "CASE WHEN type = 'aktif.MailRequested.v1' THEN CAST(substring(encode(body, 'escape'), "
    '\'"mail_id"\\s*:\\s*"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"\') AS uuid) END'
)


def upgrade() -> None:
    _find_letters()
    op.create_table(
        "operators",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password_digest", sa.Text(), nullable=False),
        sa.Column("added_at", _INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.CheckConstraint("role IN ('viewer', 'operator')", name=op.f("ck_operators_role")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_operators")),
        comment="people who may use the console",
    )
    _make_replays()
    op.create_table(
        "closings",
        sa.Column("letter_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", _INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("event_source", sa.Text(), nullable=True, comment="of the corrected registration"),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('discarded', 'registered')", name=op.f("ck_closings_kind")),
        sa.CheckConstraint(
            "(kind = 'registered') = (event_id IS NOT NULL AND event_source IS NOT NULL)",
            name=op.f("ck_closings_event"),
        ),
        sa.PrimaryKeyConstraint("letter_id", name=op.f("pk_closings")),
        comment="letters that are done with; a letter that is filed again after that is open again",
    )
    op.create_table(
        "notes",
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", _INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_notes")),
        comment="what operators wrote down about letters of one cause",
    )
    _make_audit()


def _find_letters() -> None:
    op.add_column(
        "letters",
        sa.Column(
            "mail_id",
            sa.Uuid(),
            sa.Computed(_MAIL_ID, persisted=True),
            nullable=True,
            comment="the mail that it asks for, found in any bytes",
        ),
    )
    op.drop_index("ix_letters_filed_at", table_name="letters")
    op.drop_index("ix_letters_fingerprint", table_name="letters")
    op.create_index("ix_letters_filed_at", "letters", ["filed_at", "letter_id"])
    op.create_index(
        "ix_letters_fingerprint",
        "letters",
        ["fingerprint", "filed_at", "letter_id"],
        postgresql_include=["first_filed_at"],
    )
    op.create_index("ix_letters_reason", "letters", ["reason", "filed_at", "letter_id"])
    op.create_index("ix_letters_id", "letters", ["id"], postgresql_ops={"id": "text_pattern_ops"})
    op.create_index("ix_letters_mail_id", "letters", ["mail_id"], postgresql_where=sa.text("mail_id IS NOT NULL"))


def _make_replays() -> None:
    op.create_table(
        "operations",
        sa.Column("operation_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", _INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "filter",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="which letters, and whether obsolete and unsafe ones too",
        ),
        sa.Column(
            "rate",
            sa.Float(),
            nullable=True,
            comment="at most so many letters a second; null: as fast as the broker takes them",
        ),
        sa.Column("most", sa.Integer(), nullable=True, comment="at most so many letters; null: all"),
        sa.Column("stop_after", sa.Integer(), nullable=True, comment="stop when so many failed again; null: never"),
        sa.Column("state", sa.Text(), server_default=sa.text("'running'"), nullable=False),
        sa.Column("begun_at", _INSTANT, server_default=sa.text("now()"), nullable=False, comment="or resumed last"),
        sa.Column(
            "next_at",
            _INSTANT,
            server_default=sa.text("now()"),
            nullable=False,
            comment="the rate allows more from here",
        ),
        sa.Column("ended_at", _INSTANT, nullable=True),
        sa.CheckConstraint("state IN ('running', 'cancelled', 'stopped', 'done')", name=op.f("ck_operations_state")),
        sa.PrimaryKeyConstraint("operation_id", name=op.f("pk_operations")),
        comment="replays of many letters; any process can carry on a running one",
    )
    op.create_index(
        "ix_operations_running", "operations", ["operation_id"], postgresql_where=sa.text("state = 'running'")
    )
    op.create_table(
        "replays",
        sa.Column("letter_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "replay",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="the replay number that the message carries",
        ),
        sa.Column("operation_id", sa.BigInteger(), nullable=False),
        sa.Column("queued_at", _INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.Column("published_at", _INSTANT, nullable=True, comment="when the broker had confirmed it"),
        sa.ForeignKeyConstraint(["operation_id"], ["operations.operation_id"], name=op.f("fk_replays_operation_id")),
        sa.PrimaryKeyConstraint("letter_id", "replay", name=op.f("pk_replays")),
        comment="each replay of a letter, committed before it is published; its result is read, not written",
    )
    op.create_index("ix_replays_operation_id", "replays", ["operation_id", "letter_id"])
    op.create_index(
        "ix_replays_queued",
        "replays",
        ["operation_id", "letter_id"],
        postgresql_where=sa.text("published_at IS NULL"),
    )


def _make_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("audit_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", _INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("audit_id", name=op.f("pk_audit")),
        comment="who did or looked at what, when and why; a trigger refuses changes",
    )
    op.create_index("ix_audit_at", "audit", ["at", "audit_id"])
    op.create_index("ix_audit_who", "audit", ["who", "audit_id"])
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit is only ever added to' USING ERRCODE = 'insufficient_privilege'; END $$"
    )
    op.execute(
        "CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    for table in ("audit", "notes", "closings", "replays", "operations", "operators"):
        op.drop_table(table)
    op.execute("DROP FUNCTION refuse_change")
    for index in ("ix_letters_mail_id", "ix_letters_id", "ix_letters_reason", "ix_letters_fingerprint"):
        op.drop_index(index, table_name="letters")
    op.drop_index("ix_letters_filed_at", table_name="letters")
    op.drop_column("letters", "mail_id")
    op.create_index("ix_letters_filed_at", "letters", ["filed_at"])
    op.create_index("ix_letters_fingerprint", "letters", ["fingerprint", "filed_at"])
