"""The portal's table: how often something was tried."""

from sqlalchemy import Column, Index, Integer, LargeBinary, Table, Text

from shared.store.tables.metadata import INSTANT, metadata

limits = Table(
    "limits",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("subject", LargeBinary, primary_key=True, comment="a keyed digest of whom or what is counted"),
    Column("count", Integer, nullable=False),
    Column("ends_at", INSTANT, nullable=False, comment="from here on it is counted anew"),
    Index("ix_limits_ends_at", "ends_at"),
    info={"owner": "portal"},
    comment="how often something was tried, shared by all portals",
)
