"""The people of the console: who may look, who may act; and whether it is them."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, text

from shared.credentials import broken_rules, password_digest
from shared.operations import audit

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")


class Role(StrEnum):
    """What somebody may do: look (with what is personal masked), or act too."""

    VIEWER = "viewer"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may use the console."""

    name: str
    role: Role
    added_at: datetime
    added_by: str


class Refused(ValueError):
    """A name or a password that cannot be taken; its text says why."""


_ADD: Final = text(
    "INSERT INTO operators (name, role, password_digest, added_by) VALUES (:name, :role, :digest, :who) "
    "ON CONFLICT DO NOTHING"
)
_REMOVE: Final = text("DELETE FROM operators WHERE name = :name")
_ALL: Final = text("SELECT name, role, added_at, added_by FROM operators ORDER BY name")
_ONE: Final = text("SELECT name, role, added_at, added_by, password_digest FROM operators WHERE name = :name")


def add(connection: Connection, name: str, role: Role, password: str, who: str) -> None:
    """Add somebody. Raises Refused."""
    if not _NAME.fullmatch(name):
        raise Refused("a name has 1 to 40 small letters, digits, dots, dashes and underscores, such as siti.aminah")
    if broken := broken_rules(password):
        raise Refused(" ".join(rule.english for rule in broken))
    asked = {"name": name, "role": role.value, "digest": password_digest(password), "who": who}
    if not connection.execute(_ADD, asked).rowcount:
        raise Refused(f"there is a {name} already; remove that one first")
    audit.write(connection, who, "operator_add", person_named(name), role=role.value)


def remove(connection: Connection, name: str, who: str) -> bool:
    """Remove somebody, whose audit lines stay. False where nobody has this name."""
    if not connection.execute(_REMOVE, {"name": name}).rowcount:
        return False
    audit.write(connection, who, "operator_remove", person_named(name))
    return True


def everybody(connection: Connection) -> list[Person]:
    """All, by name."""
    return [Person(row.name, Role(row.role), row.added_at, row.added_by) for row in connection.execute(_ALL)]


def find(connection: Connection, name: str) -> Person | None:
    """Who has this name now; a session asks at each request, so that a removal takes effect at once."""
    row = connection.execute(_ONE, {"name": name}).first()
    return Person(row.name, Role(row.role), row.added_at, row.added_by) if row else None


def digest_of(connection: Connection, name: str) -> str | None:
    """The digest of somebody's password; None for an unknown name. `password_matches` takes as long for both."""
    row = connection.execute(_ONE, {"name": name}).first()
    return row.password_digest if row else None


def person_named(name: str) -> str:
    """How the audit names somebody."""
    return f"operator {name}"
