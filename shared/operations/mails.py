"""Mails by what became of them, and asking again for all that failed for one cause.

A resend's id derives from the mail that failed: pressing twice, or a second operator, asks once; and one that was
killed in between is simply pressed again.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from sqlalchemy import Connection, Row, text

from schemas.envelope import Outgoing
from schemas.events import Lane, Resend
from shared.operations import audit
from shared.operations.asking import request
from shared.store.planning import plan_anew

_RESENT: Final = UUID("c3a6de0c-5d1f-5a3e-8f0e-0f8a4f6f3f55")
_SOURCE: Final = "/aktif/operator/mails"
TRYING: Final = "trying"
"""What a mail without a result is called here."""
_RESULT: Final = "COALESCE(m.result, 'trying')"
_CODE: Final = "CASE WHEN ascii(m.reply) BETWEEN ascii('2') AND ascii('5') THEN left(m.reply, 3) END"
"""A mail keeps its newest reply, which begins with the code where a mail server said it, and with no digit where the
words are ours: so no attempt need be read. A pattern would take longer than all else of the question."""
_DOMAIN: Final = "lower(split_part(m.email, '@', 2))"
_CONDITIONS: Final = {
    "result": f"{_RESULT} = :result",
    "code": f"COALESCE({_CODE}, '') = :code",
    "domain": f"{_DOMAIN} = :domain",
    "kind": "m.kind = :kind",
    "since": "m.requested_at >= :since",
}
_GROUPS: Final = (
    f"SELECT {_RESULT} AS result, {_CODE} AS code, {_DOMAIN} AS domain, count(*) AS mails, "  # noqa: S608
    "max(COALESCE(m.settled_at, m.requested_at)) AS newest, max(m.reply) AS reply "
    "FROM mails m WHERE {where} GROUP BY 1, 2, 3 ORDER BY count(*) DESC, newest DESC LIMIT :limit"
)
_PAGE: Final = (
    f"SELECT m.mail_id, m.account_id, m.kind, m.requested_at, m.email, {_RESULT} AS result, m.reply, m.attempts "  # noqa: S608
    "FROM mails m WHERE {where} "
    "ORDER BY m.requested_at DESC, m.mail_id DESC LIMIT :limit"
)
_WANTED: Final = (
    "m.kind = 'activation' AND m.result IN ('failed', 'gave_up') AND k.mail_id = m.mail_id "
    "AND k.superseded_at IS NULL AND k.redeemed_at IS NULL AND a.state NOT IN ('active', 'withdrawn')"
)
"""The link's newest mail, of somebody who still needs one."""
_OF_MAIL: Final = "JOIN links k ON k.link_id = m.link_id JOIN accounts a ON a.account_id = m.account_id "
_COUNT: Final = (
    f"SELECT count(*) AS mails, count(*) FILTER (WHERE {_WANTED}) AS wanted "  # noqa: S608
    f"FROM mails m LEFT {_OF_MAIL.replace(' JOIN accounts', ' LEFT JOIN accounts')}WHERE {{where}}"
)
_TO_RESEND: Final = (
    f"SELECT m.mail_id, a.ic_number FROM mails m {_OF_MAIL}"  # noqa: S608
    f"WHERE {_WANTED} AND {{where}} ORDER BY m.mail_id LIMIT :limit"
)


@dataclass(frozen=True, slots=True)
class Cause:
    """Mails that meet all of these; what is None asks for nothing. `code` is the newest SMTP reply's, empty: none."""

    result: str | None = None
    code: str | None = None
    domain: str | None = None
    kind: str | None = None
    since: datetime | None = None

    def as_json(self) -> dict[str, str]:
        """What is asked for, as it is audited."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: str(value) for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Plan:
    """How many mails match, and how many of them would be asked for again."""

    mails: int
    wanted: int


def groups(connection: Connection, cause: Cause, *, limit: int = 100) -> list[Row[Any]]:
    """Mails by result, code of the newest reply, and domain; those with the most mails first."""
    return _ask(connection, _GROUPS, cause, limit=limit)


def page(connection: Connection, cause: Cause, *, limit: int = 50) -> list[Row[Any]]:
    """The newest mails that match."""
    return _ask(connection, _PAGE, cause, limit=limit)


def plan(connection: Connection, cause: Cause) -> Plan:
    """What asking again would do now."""
    return Plan(*_ask(connection, _COUNT, cause)[0])


def ask_again(
    connection: Connection, cause: Cause, who: str, reason: str, at: datetime, *, limit: int
) -> list[Outgoing]:
    """Write down who asks for these mails again, and why; returns what is then to be published.

    What is not confirmed may be asked for again: the same mail is the same event.
    """
    rows = _ask(connection, _TO_RESEND, cause, limit=limit)
    audit.write(connection, who, "resend_failed", f"{len(rows)} mails", reason, cause=cause.as_json())
    return [
        request(
            Resend(reason="resend", ic_number=row.ic_number),
            _SOURCE,
            at,
            id=str(uuid5(_RESENT, str(row.mail_id))),
            lane=Lane.BULK,
        )
        for row in rows
    ]


def _ask(connection: Connection, statement: str, cause: Cause, **more: Any) -> list[Row[Any]]:
    given = {name: getattr(cause, name) for name in _CONDITIONS if getattr(cause, name) is not None}
    where = " AND ".join(_CONDITIONS[name] for name in given) or "true"
    plan_anew(connection)
    return list(connection.execute(text(statement.format(where=where)), {**given, **more}))
