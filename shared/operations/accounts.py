"""One person's account, link, mails and whole timeline, as the database has them."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, text

from shared.links import Acceptance, LinkLife, LinkStatus, expires_at
from shared.operations import audit

Facts = dict[str, Any]
_ACCOUNT: Final = (
    "SELECT account_id, ic_number, name, email, state, registered_at, activated_at, now() AS now "
    "FROM accounts WHERE ic_number = :ic"
)
_LINK: Final = (
    "SELECT l.purpose, l.issued_at, l.redeemed_at, l.completed_at, l.superseded_at, m.first, m.newest FROM links l "
    "LEFT JOIN LATERAL (SELECT min(first_accepted_at) AS first, max(accepted_at) AS newest FROM mails "
    "WHERE link_id = l.link_id AND first_accepted_at IS NOT NULL) m ON true "
    "WHERE l.account_id = :account ORDER BY l.issued_at DESC, l.superseded_at DESC NULLS FIRST LIMIT 1"
)
_MAILS: Final = (
    "SELECT mail_id, kind, requested_at, email, result, accepted_at, settled_at, reply FROM mails "
    "WHERE account_id = :account ORDER BY requested_at, mail_id"
)
_ATTEMPTS: Final = (
    "SELECT a.mail_id, m.kind, a.at, a.email, a.result, a.smtp_code, a.enhanced_code, a.reply, a.milliseconds "
    "FROM attempts a JOIN mails m USING (mail_id) WHERE m.account_id = :account ORDER BY a.at, a.attempt_id"
)
_HISTORY: Final = (
    "SELECT at, event, outcome, reason, source, from_state, to_state, detail FROM history "
    "WHERE account_id = :account ORDER BY at, history_id"
)


def account_named(account_id: UUID) -> str:
    """How the audit names an account: by nothing personal."""
    return f"account {account_id}"


def reveal(connection: Connection, account_id: UUID, who: str, reason: str) -> None:
    """Write down that somebody looks at an account with nothing masked, and why."""
    audit.write(connection, who, "unmask", account_named(account_id), reason)


def number_of(connection: Connection, account_id: UUID) -> str | None:
    """The IC number of an account; None where there is none."""
    rows = _ask(connection, "SELECT ic_number FROM accounts WHERE account_id = :account", account=account_id)
    return str(rows[0].ic_number) if rows else None


def id_of(connection: Connection, ic_number: str) -> UUID | None:
    """The account of an IC number; None where there is none."""
    rows = _ask(connection, "SELECT account_id FROM accounts WHERE ic_number = CAST(:ic AS bpchar)", ic=ic_number)
    return rows[0].account_id if rows else None


def facts(connection: Connection, ic_number: str, life: LinkLife) -> Facts | None:
    """Everything about an account; None where there is none."""
    rows = _ask(connection, _ACCOUNT, ic=ic_number)
    if not rows:
        return None
    account = rows[0]
    attempts = _ask(connection, _ATTEMPTS, account=account.account_id)
    history = _ask(connection, _HISTORY, account=account.account_id)
    links = _ask(connection, _LINK, account=account.account_id)
    return {
        "ic_number": account.ic_number,
        "name": account.name,
        "email": account.email,
        "state": account.state,
        "registered_at": account.registered_at,
        "activated_at": account.activated_at,
        "link": _link(links[0], account.now, life) if links else None,
        "mails": [_mail(mail, attempts) for mail in _ask(connection, _MAILS, account=account.account_id)],
        "timeline": sorted([*map(_event, history), *map(_try, attempts)], key=lambda entry: entry["at"]),
    }


def as_promised(found: Facts) -> Facts:
    """The facts without what `contract.md` does not promise and only the screen shows."""
    link = found["link"] and {name: value for name, value in found["link"].items() if name != "purpose"}
    timeline = [{name: value for name, value in entry.items() if name != "state"} for entry in found["timeline"]]
    return {**found, "link": link, "timeline": timeline}


def _link(link: Row[Any], now: datetime, life: LinkLife) -> Facts:
    acceptance = Acceptance(link.first, link.newest) if link.newest else None
    ends = expires_at(acceptance, life)
    return {
        "purpose": link.purpose,
        "issued_at": link.issued_at,
        "accepted_at": link.newest,
        "expires_at": ends,
        "status": _status(link, ends, now),
    }


def _status(link: Row[Any], ends: datetime | None, now: datetime) -> str:
    if link.completed_at is not None:
        return LinkStatus.USED
    if link.superseded_at is not None:
        return LinkStatus.SUPERSEDED
    if link.redeemed_at is not None:
        return LinkStatus.REDEEMED
    if ends is None:
        return LinkStatus.UNSENT
    return LinkStatus.EXPIRED if now >= ends else LinkStatus.LIVE


def _mail(mail: Row[Any], attempts: list[Row[Any]]) -> Facts:
    return {
        **mail._asdict(),
        "attempts": [
            {name: value for name, value in one._asdict().items() if name not in {"mail_id", "kind"}}
            for one in attempts
            if one.mail_id == mail.mail_id
        ],
    }


def _event(row: Row[Any]) -> Facts:
    return {"at": row.at, "event": row.event, "outcome": row.outcome, "reason": row.reason, "state": row.to_state}


def _try(attempt: Row[Any]) -> Facts:
    return {
        "at": attempt.at,
        "event": f"Mail.{attempt.kind}",
        "outcome": attempt.result,
        "reason": attempt.reply,
        "state": None,
    }


def _ask(connection: Connection, statement: str, **parameters: object) -> list[Row[Any]]:
    return list(connection.execute(text(statement), parameters))
