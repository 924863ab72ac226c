"""Dead letters as operators find them: page by page, and one with everything about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, text

from schemas.events import Exchange
from shared.operations import audit, masking
from shared.operations.advice import Action, advice
from shared.operations.filters import Filter, Status, where
from shared.operations.standing import (
    ABOUT,
    DID,
    DIED_AGAIN,
    DONE_ABOUT,
    OBSOLETE,
    RECEIPTS,
    RESULT,
    STATUS,
    Obsolete,
    Result,
)
from shared.operations.told import Told, told
from shared.store.planning import plan_anew

NAMES_A_PERSON: Final = frozenset({"aktif.ActivationRequested.v1", None})


@dataclass(frozen=True, slots=True)
class Line:
    """One letter in a list, as everybody may see it: `type`, `field`, `detail`, `source` and `id` are masked."""

    letter_id: int
    filed_at: datetime
    queue: str
    origin: str
    type: str | None
    reason: str
    field: str | None
    detail: str | None
    attempt: int
    replay: int
    times: int
    by_broker: bool
    source: str
    id: str
    fingerprint: str
    status: Status
    obsolete: Obsolete | None


class Place(NamedTuple):
    """Where a page ends, and the next one begins."""

    filed_at: datetime
    letter_id: int


@dataclass(frozen=True, slots=True)
class Page:
    """Some letters, newest first; `following` is None on the last page."""

    lines: tuple[Line, ...]
    following: Place | None


@dataclass(frozen=True, slots=True)
class ReplayOf:
    """One replay of a letter, and what became of it.

    `did` is its event's effect in its worker's word; `failed_as` is the letter that it ended in.
    """

    replay: int
    operation_id: int
    who: str
    reason: str
    queued_at: datetime
    published_at: datetime | None
    result: Result
    did: str | None
    failed_as: int | None


@dataclass(frozen=True, slots=True)
class Closing:
    """What ended a letter. For a corrected registration `outcome` and `outcome_reason` say what it did, once it did."""

    kind: Status
    at: datetime
    who: str
    reason: str
    event_source: str | None
    event_id: str | None
    outcome: str | None
    outcome_reason: str | None


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter with everything.

    `source`, `id`, `body` and `headers` are as they came: `line` and `masking` have what of them may be shown.
    """

    line: Line
    source: str
    id: str
    service: str
    ic_number: str | None
    readable: bool
    first_filed_at: datetime
    body: bytes
    headers: Mapping[str, Any]
    account_ic: str | None
    account_state: str | None
    replays: tuple[ReplayOf, ...]
    closing: Closing | None
    of_same_event: tuple[int, ...]
    told: Told | None

    @property
    def suggested(self) -> Action:
        """What to do: what its reason asks for, unless it is obsolete or of a kind that nobody registers again."""
        action = advice(self.line.reason).action
        if self.line.obsolete:
            return Action.DISCARD
        return Action.WAIT if action is Action.REGISTER and not self.can_register else action

    @property
    def can_register(self) -> bool:
        """Whether a corrected registration may take its place: it is HR's, and a registration or unreadable."""
        return self.line.origin == Exchange.HR and self.line.type in NAMES_A_PERSON

    @property
    def shown_body(self) -> Any:
        """The body as anybody may see it."""
        return masking.body(self.body, self.line.origin)

    @property
    def shown_headers(self) -> Any:
        """The headers as anybody may see them."""
        return masking.headers(self.headers, by_broker=self.line.by_broker)


_LINE: Final = (
    "l.letter_id, l.filed_at, l.queue, l.origin, l.type, l.reason, l.field, l.detail, l.attempt, l.replay, l.times, "
    f"l.by_broker, l.source, l.id, l.fingerprint, {STATUS} AS status, {OBSOLETE} AS obsolete"
)
_PAGE: Final = (
    f"SELECT {_LINE} FROM letters l {DONE_ABOUT}{ABOUT}WHERE {{where}} "  # noqa: S608
    "ORDER BY l.filed_at DESC, l.letter_id DESC LIMIT :limit"
)
_AFTER: Final = "(l.filed_at, l.letter_id) < (CAST(:after_filed_at AS timestamptz), CAST(:after_letter AS bigint))"
_COUNT: Final = f"SELECT count(*) FROM letters l {DONE_ABOUT}WHERE {{where}}"  # noqa: S608
_ONE: Final = (
    f"SELECT {_LINE}, l.service, l.ic_number, l.readable, l.first_filed_at, l.body, l.headers, l.mail_id, "  # noqa: S608
    f"c.kind, c.at, c.who, c.reason AS closed_why, c.event_source, c.event_id, ri.outcome, ri.reason AS outcome_reason "
    f"FROM letters l {DONE_ABOUT}{ABOUT}LEFT JOIN state_inbox ri ON ri.source = c.event_source AND ri.id = c.event_id "
    "WHERE l.letter_id = :letter"
)
_ACCOUNT: Final = (
    "SELECT ic_number, state FROM accounts WHERE ic_number = CAST(:ic AS bpchar) "
    "OR account_id = CAST(:account AS uuid) "
    "OR account_id = (SELECT account_id FROM links WHERE link_id = CAST(:link AS uuid)) LIMIT 1"
)
_REPLAYS: Final = (
    "SELECT r.replay, r.operation_id, o.who, o.reason, r.queued_at, r.published_at, "  # noqa: S608
    f"{RESULT} AS result, {DID} AS did, f.letter_id AS failed_as "
    "FROM letters l JOIN replays r ON r.letter_id = l.letter_id "
    f"JOIN operations o ON o.operation_id = r.operation_id {RECEIPTS}{DIED_AGAIN}"
    "WHERE l.letter_id = :letter ORDER BY r.replay"
)
_OF_SAME_EVENT: Final = (
    "SELECT o.letter_id FROM letters l JOIN letters o ON o.service = l.service AND o.source = l.source AND o.id = l.id "
    "AND o.origin = l.origin AND o.letter_id <> l.letter_id WHERE l.letter_id = :letter ORDER BY o.letter_id"
)


def page(connection: Connection, wanted: Filter, *, limit: int = 50, after: Place | None = None) -> Page:
    """The letters that match, newest first, behind the page that ended `after`."""
    more: dict[str, Any] = {"limit": limit + 1}
    if after is not None:
        more |= {"after_filed_at": after.filed_at, "after_letter": after.letter_id}
    rows = ask(connection, _PAGE, wanted, extra=_AFTER if after else None, **more)
    lines = tuple(_line(row) for row in rows[:limit])
    is_last = len(rows) <= limit or not lines
    return Page(lines, None if is_last else Place(lines[-1].filed_at, lines[-1].letter_id))


def count(connection: Connection, wanted: Filter) -> int:
    """How many letters match."""
    return int(ask(connection, _COUNT, wanted)[0][0])


def one(connection: Connection, letter_id: int) -> Letter | None:
    """A letter with all that is known about it; None where there is none of this number."""
    found = connection.execute(text(_ONE), {"letter": letter_id}).first()
    if found is None:
        return None
    line = _line(found)
    account = connection.execute(text(_ACCOUNT), {"ic": found.ic_number, **masking.ids_of(found.body)}).first()
    replays = connection.execute(text(_REPLAYS), {"letter": letter_id})
    others = connection.execute(text(_OF_SAME_EVENT), {"letter": letter_id})
    return Letter(
        line=line,
        source=found.source,
        id=found.id,
        service=found.service,
        ic_number=found.ic_number,
        readable=found.readable,
        first_filed_at=found.first_filed_at,
        body=found.body,
        headers=found.headers,
        account_ic=account.ic_number if account else None,
        account_state=account.state if account else None,
        replays=tuple(ReplayOf(**{**row._mapping, "result": Result(row.result)}) for row in replays),
        closing=_closing(found) if found.kind else None,
        of_same_event=tuple(other.letter_id for other in others),
        told=told(connection, found),
    )


def ask(
    connection: Connection, statement: str, wanted: Filter, *, extra: str | None = None, **more: Any
) -> list[Row[Any]]:
    """The rows of a statement about the letters that match; it says `{where}` where they are meant."""
    condition, parameters = where(wanted)
    if extra:
        condition = f"{condition} AND {extra}"
    plan_anew(connection)
    return list(connection.execute(text(statement.format(where=condition)), {**parameters, **more}))


def _line(row: Row[Any]) -> Line:
    of_line = {name: row._mapping[name] for name in Line.__slots__}
    ids = {"source": masking.identifier(row.source), "id": masking.identifier(row.id)}
    stands = {"status": Status(row.status), "obsolete": Obsolete(row.obsolete) if row.obsolete else None}
    return Line(**{**of_line, **masked(row), **ids, **stands})


def masked(row: Row[Any]) -> dict[str, str | None]:
    """What of a cause a publisher has a say in, as everybody may see it."""
    return {
        "type": masking.type_name(row.type),
        "field": masking.field_name(row.field),
        "detail": masking.detail(row.detail),
    }


def _closing(row: Row[Any]) -> Closing:
    source = row.event_source and masking.identifier(row.event_source)
    return Closing(
        Status(row.kind), row.at, row.who, row.closed_why, source, row.event_id, row.outcome,
        row.outcome_reason,
    )  # fmt: skip


def reveal(connection: Connection, letter: Letter, who: str, reason: str) -> Any:
    """The body with IC number, name and address in clear, and an audit line that says who looked and why.

    What people do in the portal is shown to nobody.
    """
    audit.write(connection, who, "unmask", letter_named(letter.line.letter_id), reason)
    return masking.unmasked_body(letter.body, letter.line.origin)


def letter_named(letter_id: int) -> str:
    """How the audit names a letter."""
    return f"letter {letter_id}"
