"""The console: logins tried, and who is logged in

Revision: 0004, after 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "tries",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=False, comment="keyed digest of whom or what is counted"),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("ends_at", _INSTANT, nullable=False, comment="the count starts anew after it"),
        sa.PrimaryKeyConstraint("kind", "subject", name=op.f("pk_tries")),
        comment="how often a login to the console was tried, shared by all consoles",
    )
    op.create_index("ix_tries_ends_at", "tries", ["ends_at"])
    op.create_table(
        "sessions",
        sa.Column(
            "digest", sa.LargeBinary(), nullable=False, comment="keyed digest of the secret that the browser holds"
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("begun_at", _INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.Column("seen_at", _INSTANT, server_default=sa.text("now()"), nullable=False, comment="to the minute"),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sessions")),
        comment="who is logged in to the console, and where; a logout deletes the row",
    )
    op.create_index("ix_sessions_begun_at", "sessions", ["begun_at"])


def downgrade() -> None:
    op.drop_table("sessions")
    op.drop_table("tries")
