"""The ledger: what operators sent too; corrected registrations are kept as they were published

Revision: 0009, after 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "closings",
        sa.Column("event_body", sa.LargeBinary(), nullable=True, comment="as published, so that it can be once more"),
    )
    op.add_column(
        "ledgers",
        sa.Column(
            "sent",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="replays and corrected registrations of operators",
        ),
    )


def downgrade() -> None:
    op.drop_column("ledgers", "sent")
    op.drop_column("closings", "event_body")
