"""The migrations make what the tables say."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from shared.store.engine import open_engine
from shared.store.tables import metadata


def test_a_migrated_database_differs_in_nothing_from_the_tables(database: str) -> None:
    engine = open_engine(database, application="test")

    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)

    engine.dispose()
    assert differences == []
