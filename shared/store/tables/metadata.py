"""What all tables share: how constraints are named, and what every inbox is."""

from sqlalchemy import CheckConstraint, Column, DateTime, Index, LargeBinary, MetaData, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
INSTANT = DateTime(timezone=True)


def inbox(service: str) -> Table:
    """The inbox of a service."""
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
        Column("event_time", INSTANT, nullable=False),
        Column("outgoing", JSONB, comment="what this event caused, as published; null when there is nothing"),
        Column("at", INSTANT, nullable=False, server_default=text("now()")),
        CheckConstraint("outcome IN ('applied', 'ignored', 'rejected')", name="outcome"),
        Index(f"ix_{service}_inbox_at", "at"),
        Index(f"ix_{service}_inbox_outgoing", "at", postgresql_where=text("outgoing IS NOT NULL")),
        info={"owner": service},
        comment="one row for each event that was worked, written in the transaction of its effect",
    )
