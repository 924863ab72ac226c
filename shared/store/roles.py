"""One database role a service, generated from the owners of the tables: any may read, only the owner writes.

Nobody logs in as a role: a login is a member of it and belongs to one database, since logins are the whole server's.
"""

from collections.abc import Iterator
from typing import Any, Final

from psycopg import sql
from sqlalchemy import Connection, Table, text

from shared.store.tables import metadata

_LONGEST_NAME: Final = 63


def owners() -> list[str]:
    """The services that own a table."""
    return sorted({table.info["owner"] for table in metadata.tables.values()})


def role_of(service: str) -> str:
    """`aktif_state`, `aktif_mailer`, …"""
    return f"aktif_{service}"


def login_of(service: str, database: str) -> str:
    """`aktif_state_at_aktif`, …"""
    return f"{role_of(service)}_at_{database}"[:_LONGEST_NAME]


def allow(connection: Connection, service: str, login: str, password: str) -> None:
    """Make a login with the rights of a service's role, or give an existing one this password. Repeatable.

    The server is given a digest of the password, so that it stands in no log of statements.
    """
    own: Any = connection.connection.driver_connection
    digest = own.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256").decode()
    names = {"login": sql.Identifier(login), "role": sql.Identifier(role_of(service)), "digest": sql.Literal(digest)}
    if connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :login"), {"login": login}).first() is None:
        own.execute(sql.SQL("CREATE ROLE {login}").format(**names))
    own.execute(sql.SQL("ALTER ROLE {login} LOGIN INHERIT PASSWORD {digest}").format(**names))
    own.execute(sql.SQL("GRANT {role} TO {login}").format(**names))


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
        role = role_of(table.info["owner"])
        if table.info.get("insert_only"):
            yield f"REVOKE INSERT ON {table.name} FROM {role}"
            yield f"GRANT INSERT ({_given(table)}) ON {table.name} TO {role}"
        else:
            yield f"GRANT INSERT, UPDATE, DELETE ON {table.name} TO {role}"


def _given(table: Table) -> str:
    """The columns that whoever inserts a row gives; when that was, and its number, is the database's word."""
    return ", ".join(name for name, column in table.columns.items() if not (column.identity or column.name == "at"))
