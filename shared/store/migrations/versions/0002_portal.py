"""The portal: limits, and a way to look up credentials

Revision: 0002, after 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "limits",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=False, comment="a keyed digest of whom or what is counted"),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False, comment="from here on it is counted anew"),
        sa.PrimaryKeyConstraint("kind", "subject", name=op.f("pk_limits")),
        comment="how often something was tried, shared by all portals",
        info={"owner": "portal"},
    )
    op.create_index("ix_limits_ends_at", "limits", ["ends_at"])
    # What the view `credentials` shows is a text, which the unique index on CHAR(12) does not serve.
    op.create_index(
        "ix_accounts_credentials",
        "accounts",
        [sa.text("(ic_number::text)")],
        postgresql_where=sa.text("state = 'active'"),
    )


def downgrade() -> None:
    op.drop_index("ix_accounts_credentials", table_name="accounts")
    op.drop_index("ix_limits_ends_at", table_name="limits")
    op.drop_table("limits")
