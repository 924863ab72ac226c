"""Alembic's entry point: runs the migrations over the URL it is given."""

from alembic import context
from sqlalchemy import NullPool, create_engine, text

from shared.store.engine import take_only_utf8
from shared.store.tables import metadata

url = context.config.attributes.get("url")
if url is None:
    from shared.settings import load_settings

    url = load_settings().require("database_url")

engine = create_engine(url, poolclass=NullPool)
take_only_utf8(engine)
with engine.connect() as connection:
    # Two processes that start together must not migrate side by side; the lock ends with the connection.
    connection.execute(text("SELECT pg_advisory_lock(7452001)"))
    connection.commit()
    context.configure(connection=connection, target_metadata=metadata, compare_server_default=True)
    with context.begin_transaction():
        context.run_migrations()
