"""`aktif account`: one person's account, link, mails and whole timeline, as the database has them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from services.cli.asking import checked_ic
from services.cli.help import SEE, examples, prose

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from shared.links import LinkLife

Facts = dict[str, Any]
_HELP = prose(
    """Show a person's account: details, link, mails with every reply of a mail server, and the whole timeline.

    Times are Malaysia's. The status of the link is the one that the person would meet now."""
)
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
_LETTERS: Final = "SELECT count(*) FROM letters WHERE ic_number = :ic"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples("aktif account 850101-03-0007", "aktif account 850101030007 --json")
    app.command("account", help=_HELP, epilog=epilog, rich_help_panel=SEE)(_account)


def _account(
    ic: Annotated[str, typer.Argument(metavar="IC", help="IC number; dashes and spaces are allowed.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the account as JSON.")] = False,
) -> None:
    from services.cli import account_view
    from services.cli.environment import database, settings
    from services.cli.failures import Failed
    from services.cli.output import print_json

    ic_number, of = checked_ic(ic), settings()
    with database(of) as engine, engine.connect() as connection:
        found = facts(connection, ic_number, of.link_life)
        letters = _ask(connection, _LETTERS, ic=ic_number)[0][0]
    if found is None:
        also = f"; {letters} dead letters name it: `aktif dead list`" if letters else ""
        raise Failed(f"no account has the IC number {ic_number}; `aktif register` makes one{also}")
    if as_json:
        print_json(as_promised(found))
    else:
        account_view.show(found, letters)


def facts(connection: "Connection", ic_number: str, life: "LinkLife") -> Facts | None:
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


def _link(link: "Row[Any]", now: datetime, life: "LinkLife") -> Facts:
    from shared.links import Acceptance, expires_at

    acceptance = Acceptance(link.first, link.newest) if link.newest else None
    ends = expires_at(acceptance, life)
    return {
        "purpose": link.purpose,
        "issued_at": link.issued_at,
        "accepted_at": link.newest,
        "expires_at": ends,
        "status": _status(link, ends, now),
    }


def _status(link: "Row[Any]", ends: datetime | None, now: datetime) -> str:
    from shared.links import LinkStatus

    if link.completed_at is not None:
        return LinkStatus.USED
    if link.superseded_at is not None:
        return LinkStatus.SUPERSEDED
    if link.redeemed_at is not None:
        return LinkStatus.REDEEMED
    if ends is None:
        return LinkStatus.UNSENT
    return LinkStatus.EXPIRED if now >= ends else LinkStatus.LIVE


def _mail(mail: "Row[Any]", attempts: "list[Row[Any]]") -> Facts:
    return {
        **mail._asdict(),
        "attempts": [
            {name: value for name, value in one._asdict().items() if name not in {"mail_id", "kind"}}
            for one in attempts
            if one.mail_id == mail.mail_id
        ],
    }


def _event(row: "Row[Any]") -> Facts:
    return {"at": row.at, "event": row.event, "outcome": row.outcome, "reason": row.reason, "state": row.to_state}


def _try(attempt: "Row[Any]") -> Facts:
    return {
        "at": attempt.at,
        "event": f"Mail.{attempt.kind}",
        "outcome": attempt.result,
        "reason": attempt.reply,
        "state": None,
    }


def _ask(connection: "Connection", statement: str, **parameters: object) -> "list[Row[Any]]":
    from sqlalchemy import text

    return list(connection.execute(text(statement), parameters))
