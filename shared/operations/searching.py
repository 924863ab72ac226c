"""Finding people by what somebody knows of them. Who looked, and for what, masked, is in the audit.

Pages mask whom they show. So that nobody finds what is masked by searching, a viewer's search wants a whole IC number,
a whole address or whole words of a name, and everybody's is counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, text

from schemas.fields import ic_number_from_input
from shared.logs import mask_email, mask_ic
from shared.operations import audit
from shared.operations.filters import NOBODY, Filter
from shared.operations.letters import page

_FEWEST_WORDS: Final = 2
_MOST_LETTERS: Final = 50
_ACCOUNTS: Final = "SELECT account_id FROM accounts WHERE {where} ORDER BY ic_number LIMIT :limit"
_LISTED: Final = text(
    "SELECT account_id, ic_number, name, email, state, registered_at, activated_at FROM accounts "
    "WHERE account_id = ANY(CAST(:accounts AS uuid[])) ORDER BY ic_number"
)
_ACCOUNT_OF: Final = text("SELECT account_id FROM accounts WHERE ic_number = CAST(:ic AS bpchar)")
_LETTER_OF: Final = text("SELECT max(letter_id) FROM letters WHERE ic_number = CAST(:ic AS bpchar)")


class By(StrEnum):
    """What of a person was typed."""

    IC_NUMBER = "ic_number"
    EMAIL = "email"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Sought:
    """Whom somebody looks for."""

    by: By
    typed: str

    @classmethod
    def of(cls, typed: str) -> "Sought":
        """What was typed into a field that takes everything."""
        try:
            return cls(By.IC_NUMBER, ic_number_from_input(typed))
        except ValueError:
            return cls(By.EMAIL if "@" in typed else By.NAME, " ".join(typed.split()))

    @property
    def masked(self) -> str:
        """As the audit keeps it."""
        match self.by:
            case By.IC_NUMBER:
                return mask_ic(self.typed)
            case By.EMAIL:
                return mask_email(self.typed)
            case By.NAME:
                return " ".join(f"{word[:1]}***" for word in self.typed.split())


def accounts(connection: Connection, who: str, sought: Sought, *, in_part: bool, limit: int) -> list[UUID]:
    """The accounts of an IC number, an address or a name; the audit tells of it.

    In part: of an address or its beginning, or of a name that holds each word that was typed, in whatever order. Else
    of a whole address, or of a name that has each as a whole word; these are two at least, or one that is the name.
    """
    where, wanted = _condition(sought, in_part=in_part)
    found = connection.execute(text(_ACCOUNTS.format(where=where)), {**wanted, "limit": limit}).scalars().all()
    audit.write(connection, who, "accounts_search", "accounts", by=sought.by, typed=sought.masked, found=len(found))
    return list(found)


def listed(connection: Connection, account_ids: Sequence[UUID]) -> list[Row[Any]]:
    """What a list shows of accounts, personal and in clear."""
    return list(connection.execute(_LISTED, {"accounts": list(account_ids)}))


def letters(connection: Connection, who: str, typed: str) -> Filter:
    """The letters about a person, or whose id or source begins with what was typed, by nothing personal.

    The audit tells of it. Many letters of one id or source are the newest of them.
    """
    sought = Sought.of(typed)
    found = _of_person(connection, sought.typed) if sought.by is By.IC_NUMBER else None
    if found is None:
        lines = page(connection, Filter(text=typed), limit=_MOST_LETTERS).lines
        found = Filter(letters=tuple(line.letter_id for line in lines)) if lines else Filter(person=NOBODY)
    masked = Filter(text=typed).masked()["text"]
    audit.write(connection, who, "letters_search", "letters", typed=masked, found=found.masked())
    return found


def _of_person(connection: Connection, ic_number: str) -> Filter | None:
    """By the account, or where there is none, by the newest letter."""
    for statement in (_ACCOUNT_OF, _LETTER_OF):
        person = connection.execute(statement, {"ic": ic_number}).scalar()
        if person is not None:
            return Filter(person=person)
    return None


def _condition(sought: Sought, *, in_part: bool) -> tuple[str, dict[str, str]]:
    typed = sought.typed.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    match sought.by:
        case By.IC_NUMBER:
            return "ic_number = CAST(:wanted AS bpchar)", {"wanted": sought.typed}
        case By.EMAIL:
            return "lower(email) LIKE lower(:wanted)", {"wanted": f"{typed}%" if in_part else typed}
        case By.NAME:
            return _of_name(typed, in_part=in_part)


def _of_name(typed: str, *, in_part: bool) -> tuple[str, dict[str, str]]:
    words = typed.split()
    if in_part:
        held, wanted = "name", {f"word_{index}": f"%{word}%" for index, word in enumerate(words)}
    elif len(words) >= _FEWEST_WORDS:
        held, wanted = "' ' || name || ' '", {f"word_{index}": f"% {word} %" for index, word in enumerate(words)}
    else:
        held, wanted = "name", {"word_0": typed}
    return " AND ".join(f"{held} ILIKE :{name}" for name in wanted), wanted
