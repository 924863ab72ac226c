"""Set-based SQL: one statement, one round trip, any number of rows."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, Table, TextClause, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

Row = Mapping[str, Any]


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row], *, unless_there: bool = False) -> int:
    """Insert rows, in their order, that all have the same columns as the first; returns how many were inserted.

    A JSONB column takes JSON text. With `unless_there` a row that conflicts with a unique index is left out.
    """
    if not rows:
        return 0
    columns = tuple(rows[0])
    return connection.execute(
        _insert(table, columns, " ON CONFLICT DO NOTHING" if unless_there else ""), _arrays(columns, rows)
    ).rowcount


def upsert_rows(connection: Connection, table: Table, rows: Sequence[Row], on_conflict: str) -> None:
    """Insert rows with an `ON CONFLICT (…) DO UPDATE SET …` clause; no two of them may be in conflict."""
    if rows:
        columns = tuple(rows[0])
        connection.execute(_insert(table, columns, f" ON CONFLICT {on_conflict}"), _arrays(columns, rows))


def update_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Set the other columns of the rows named by their primary key."""
    if rows:
        columns = tuple(rows[0])
        connection.execute(_update(table, columns), _arrays(columns, rows))


def array_literal(values: Iterable[Any]) -> str:
    """PostgreSQL's text form of an array: https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO

    psycopg writes the same and escapes quote by quote in Python, which for the JSON of an inbox row took longer than
    everything else that a registration costs.
    """
    elements = []
    last: Any = values
    text = ""
    for value in values:
        if value is not last:  # most columns of a batch hold one and the same object in row after row
            last, text = value, _element(value)
        elements.append(text)
    return f"{{{','.join(elements)}}}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, datetime):
        return f'"{value.isoformat()}"'
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, bytes):
        return f'"\\\\x{value.hex()}"'
    return str(value)


def _arrays(columns: Sequence[str], rows: Sequence[Row]) -> dict[str, str]:
    return {column: array_literal([row[column] for row in rows]) for column in columns}


@cache
def _insert(table: Table, columns: tuple[str, ...], conflict: str) -> TextClause:
    return text(
        f"INSERT INTO {table.name} ({', '.join(columns)}) "  # noqa: S608  (names come from our own metadata)
        f"SELECT {_values(table, columns)} FROM {_unnest(table, columns)}{conflict}"
    )


@cache
def _update(table: Table, columns: tuple[str, ...]) -> TextClause:
    keys = [column.name for column in table.primary_key]
    sets = ", ".join(f"{c} = {_value(table.c[c])}" for c in columns if c not in keys)
    where = " AND ".join(f"t.{key} = given.{key}" for key in keys)
    return text(f"UPDATE {table.name} t SET {sets} FROM {_unnest(table, columns)} WHERE {where}")  # noqa: S608


def _values(table: Table, columns: Sequence[str]) -> str:
    return ", ".join(_value(table.c[c]) for c in columns)


def _value(column: Column[Any]) -> str:
    """An array column travels as JSON text, since PostgreSQL's unnest would flatten it."""
    if isinstance(column.type, ARRAY):
        item = column.type.item_type.compile(postgresql.dialect())  # type: ignore[no-untyped-call]
        return f"ARRAY(SELECT jsonb_array_elements_text(given.{column.name}::jsonb)::{item})"
    return f"given.{column.name}::jsonb" if isinstance(column.type, JSONB) else f"given.{column.name}"


def _unnest(table: Table, columns: Sequence[str]) -> str:
    arrays = ", ".join(f"CAST(:{c} AS {_wire_type(table.c[c])}[])" for c in columns)
    return f"unnest({arrays}) AS given ({', '.join(columns)})"


def _wire_type(column: Column[Any]) -> str:
    if isinstance(column.type, JSONB | ARRAY):
        return "text"
    return str(column.type.compile(postgresql.dialect()))  # type: ignore[no-untyped-call]
