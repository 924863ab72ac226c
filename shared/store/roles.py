"""One database role a service, generated from the owners of the tables: any may read, only the owner writes."""

from collections.abc import Iterator

from sqlalchemy import Connection, text

from shared.store.tables import metadata


def owners() -> list[str]:
    """The services that own a table."""
    return sorted({table.info["owner"] for table in metadata.tables.values()})


def role_of(service: str) -> str:
    """`aktif_state`, `aktif_mailer`, …"""
    return f"aktif_{service}"


def grant(connection: Connection) -> None:
    """Make the roles, which cannot log in until they are given a way to, and give each what it needs. Repeatable.

    Locking a row with FOR UPDATE needs the right to update it, so nobody can hold up another's rows either.
    """
    for statement in _statements():
        connection.execute(text(statement))


def _statements() -> Iterator[str]:
    for service in owners():
        role = role_of(service)
        yield (
            f"DO $$ BEGIN CREATE ROLE {role} NOINHERIT; "
            "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )
        yield f"GRANT USAGE ON SCHEMA public TO {role}"
        yield f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"
    for table in metadata.sorted_tables:
        yield f"GRANT INSERT, UPDATE, DELETE ON {table.name} TO {role_of(table.info['owner'])}"
