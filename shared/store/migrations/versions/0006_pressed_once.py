"""Replays: begun once by a form, what was planned, and a cancel that waits for nobody

Revision: 0006, after 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "operations",
        sa.Column("form_key", sa.Uuid(), nullable=True, comment="of the form that began it; sent twice, it is one"),
    )
    op.add_column(
        "operations",
        sa.Column("planned", sa.Integer(), nullable=True, comment="letters it has sent or was still to send"),
    )
    op.add_column(
        "operations",
        sa.Column("cancelled_by", sa.Text(), nullable=True, comment="who wants it to end; its next turn ends it"),
    )
    op.create_unique_constraint(op.f("uq_operations_form_key"), "operations", ["form_key"])


def downgrade() -> None:
    op.drop_constraint(op.f("uq_operations_form_key"), "operations", type_="unique")
    for column in ("cancelled_by", "planned", "form_key"):
        op.drop_column("operations", column)
