"""Dead letters by their cause: how many, of them how many open and obsolete, and what an operator noted."""

from dataclasses import dataclass, fields
from datetime import datetime
from textwrap import shorten
from typing import Final, NamedTuple

from sqlalchemy import Connection

from shared.operations.filters import Filter
from shared.operations.letters import ask, masked
from shared.operations.standing import ABOUT, DONE_ABOUT, IS_OPEN, OBSOLETE

LOOKED_AT: Final = 100
"""Of how many open letters of a group it is asked whether they are obsolete; a plan asks it of all."""
_EXAMPLE: Final = 80
"""Characters of a mail server's reply."""


@dataclass(frozen=True, slots=True)
class Group:
    """Letters of one cause, as everybody may see them.

    Of the `open` ones the newest were `looked_at`, and so many of these are `obsolete`.
    """

    fingerprint: str
    service: str
    type: str | None
    reason: str
    field: str | None
    detail: str | None
    letters: int
    open: int
    looked_at: int
    obsolete: int
    first_filed_at: datetime
    filed_at: datetime
    note: str | None
    noted_by: str | None

    @property
    def words(self) -> str | None:
        """What the newest letter says; a mail server's reply is only an example, since it differs from mail to mail."""
        if self.reason != "gave_up" or not self.detail:
            return self.detail
        return f"such as: {shorten(self.detail, _EXAMPLE, placeholder='…')}"


class Groups(NamedTuple):
    """The causes with the most open letters, how many more are left out, and the `letters` of all of them."""

    shown: list[Group]
    left_out: int
    letters: int


_OF_GROUP: Final = [field.name for field in fields(Group)]
_GROUPS: Final = (
    "WITH g AS MATERIALIZED (SELECT l.fingerprint, max(l.letter_id) AS newest, count(*) AS letters, "  # noqa: S608
    f"count(*) FILTER (WHERE {IS_OPEN}) AS open, min(l.first_filed_at) AS first_filed_at, max(l.filed_at) AS filed_at, "
    "count(*) OVER () AS causes, sum(count(*)) OVER () AS matching "
    f"FROM letters l {DONE_ABOUT}WHERE {{where}} GROUP BY l.fingerprint "
    "ORDER BY open DESC, letters DESC, max(l.filed_at) DESC LIMIT :limit) "
    "SELECT g.fingerprint, l.service, l.type, l.reason, l.field, l.detail, g.letters, g.open, o.looked_at, o.obsolete, "
    "g.first_filed_at, g.filed_at, n.note, n.who AS noted_by, g.causes, g.matching "
    "FROM g JOIN letters l ON l.letter_id = g.newest LEFT JOIN notes n ON n.fingerprint = g.fingerprint "
    "CROSS JOIN LATERAL ("
    f"SELECT count(*) AS looked_at, count(*) FILTER (WHERE {OBSOLETE} IS NOT NULL) AS obsolete FROM ("
    f"SELECT l.* FROM letters l {DONE_ABOUT}WHERE l.fingerprint = g.fingerprint AND {IS_OPEN} AND {{where}} "
    f"ORDER BY l.filed_at DESC, l.letter_id DESC LIMIT {LOOKED_AT}) l {ABOUT}) o "
    "ORDER BY g.open DESC, g.letters DESC, g.filed_at DESC"
)


def groups(connection: Connection, wanted: Filter, *, limit: int = 200) -> Groups:
    """The causes of the letters that match, those with the most open letters first."""
    rows = ask(connection, _GROUPS, wanted, limit=limit)
    shown = [Group(**{**{name: row._mapping[name] for name in _OF_GROUP}, **masked(row)}) for row in rows]
    return Groups(shown, rows[0].causes - len(rows), int(rows[0].matching)) if rows else Groups([], 0, 0)
