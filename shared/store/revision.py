"""Which revision of the tables the code wants, and which the database has."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

if TYPE_CHECKING:
    from alembic.config import Config


def alembic_config() -> "Config":
    """Where Alembic finds our migrations."""
    from alembic.config import Config  # a worker starts without it

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def wanted_revision() -> str:
    """The newest revision of the code."""
    from alembic.script import ScriptDirectory

    return str(ScriptDirectory.from_config(alembic_config()).get_current_head())


def found_revision(connection: Connection) -> str | None:
    """The revision of the database; None where `aktif provision` never ran."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
