"""Letters: the link and the time that they name, and mails grouped by the codes of the reply alone

Revision: 0008, after 0007
"""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_LINK_ID = (
    "CASE WHEN type IN ('aktif.TokenRedeemed.v1', 'aktif.QuestionsSet.v1', 'aktif.QuestionsAnswered.v1', "
    "'aktif.PasswordSet.v1') THEN CAST(substring(encode(body, 'escape'), "
    '\'"link_id"\\s*:\\s*"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"\') AS uuid) END'
)
_ASKS_FOR = (
    "CASE WHEN type = 'aktif.ActivationRequested.v1' THEN substring(encode(body, 'escape'), "
    '\'"reason"\\s*:\\s*"(registration|resend|recovery)"\') END'
)
_READ_TIME = """
CREATE FUNCTION pg_temp.time_in(body bytea) RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN
    RETURN CAST(substring(encode(body, 'escape'),
        '"time"\\s*:\\s*"(\\d{4}-\\d\\d-\\d\\dT[0-9:.]+(?:Z|[+-]\\d\\d:\\d\\d))"') AS timestamptz);
EXCEPTION WHEN OTHERS THEN RETURN NULL;
END $$
"""
_CODES = "substring(detail, '^[2-5]\\d\\d(?: [245]\\.\\d{1,3}\\.\\d{1,3})?(?=\\s|$)')"
_OF_CAUSE = (
    "reason = 'gave_up' AND service = :service AND type IS NOT DISTINCT FROM CAST(:type AS text) "
    f"AND field IS NOT DISTINCT FROM CAST(:field AS text) AND {_CODES} = :codes"
)


def upgrade() -> None:
    op.add_column(
        "letters",
        sa.Column(
            "link_id",
            sa.Uuid(),
            sa.Computed(_LINK_ID, persisted=True),
            nullable=True,
            comment="the link that a person's step came through",
        ),
    )
    op.add_column(
        "letters",
        sa.Column(
            "asks_for",
            sa.Text(),
            sa.Computed(_ASKS_FOR, persisted=True),
            nullable=True,
            comment="the reason of an ActivationRequested",
        ),
    )
    op.add_column(
        "letters",
        sa.Column(
            "event_time",
            _INSTANT,
            nullable=True,
            comment="the event's time, by its publisher's clock, where it can be read",
        ),
    )
    op.add_column(
        "letters",
        sa.Column(
            "died_at",
            _INSTANT,
            nullable=True,
            comment="tells this death from another of its event; null: the broker found no queue",
        ),
    )
    op.execute(sa.text(_READ_TIME.replace(":", "\\:")))
    op.execute("UPDATE letters SET event_time = pg_temp.time_in(body) WHERE origin = 'aktif.hr' AND readable")
    op.alter_column("replays", "queued_at", server_default=sa.text("clock_timestamp()"))
    op.alter_column("closings", "at", server_default=sa.text("clock_timestamp()"))
    _regroup()


def _regroup() -> None:
    """As the archivist groups from now on. The newest note of the groups that become one is theirs."""
    connection = op.get_bind()
    causes = connection.execute(
        sa.text(
            f"SELECT DISTINCT service, type, field, {_CODES} AS codes FROM letters "  # noqa: S608
            f"WHERE reason = 'gave_up' AND {_CODES} IS NOT NULL"
        )
    )
    for service, type_, field, codes in causes.all():
        cause = (service, type_, "gave_up", field, codes)
        fingerprint = hashlib.sha256(repr(cause).encode()).hexdigest()[:16]
        named = {"service": service, "type": type_, "field": field, "codes": codes, "fingerprint": fingerprint}
        connection.execute(
            sa.text(
                "INSERT INTO notes (fingerprint, note, at, who) SELECT :fingerprint, note, at, who FROM notes "  # noqa: S608
                f"WHERE fingerprint IN (SELECT fingerprint FROM letters WHERE {_OF_CAUSE}) "
                "ORDER BY at DESC LIMIT 1 ON CONFLICT DO NOTHING"
            ),
            named,
        )
        connection.execute(sa.text(f"UPDATE letters SET fingerprint = :fingerprint WHERE {_OF_CAUSE}"), named)  # noqa: S608


def downgrade() -> None:
    op.alter_column("closings", "at", server_default=sa.text("now()"))
    op.alter_column("replays", "queued_at", server_default=sa.text("now()"))
    for column in ("died_at", "event_time", "asks_for", "link_id"):
        op.drop_column("letters", column)
