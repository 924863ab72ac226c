"""The ledger: each run and what it found

Revision: 0005, after 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_NUMBERS = ("caused", "done", "dead", "told", "retried_mails", "missing", "lost", "twice")


def upgrade() -> None:
    op.create_table(
        "ledgers",
        sa.Column("ledger_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", _INSTANT, server_default=sa.text("now()"), nullable=False, comment="when it ended"),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False, comment="how long it took"),
        sa.Column("verdict", sa.Text(), nullable=False),
        *(sa.Column(number, sa.Integer(), nullable=False) for number in _NUMBERS),
        sa.Column(
            "queues",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="what they held; null: the broker could not be asked",
        ),
        sa.Column("moved", sa.Boolean(), nullable=False, comment="whether the queues changed meanwhile"),
        sa.Column(
            "found",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="some that are missing or found twice, the oldest first",
        ),
        sa.Column(
            "mended",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="lost ones that were published again",
        ),
        sa.CheckConstraint("verdict IN ('lost', 'twice', 'undecided', 'clean')", name=op.f("ck_ledgers_verdict")),
        sa.PrimaryKeyConstraint("ledger_id", name=op.f("pk_ledgers")),
        comment="each run of the ledger and what it found",
    )


def downgrade() -> None:
    op.drop_table("ledgers")
