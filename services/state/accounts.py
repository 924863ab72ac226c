"""Accounts in the database: locked, loaded and saved by the set, one statement for any number of them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, TextClause, text

from schemas.envelope import Event
from schemas.events import MailSettled, Recovery, Resend, TokenRedeemed
from services.state.decisions import Account, Link, State
from services.state.lifecycle import NAMES_LINK
from shared.links import Acceptance, Purpose
from shared.store import bulk, tables

_NEEDS_ACCEPTANCE = (Resend, Recovery, TokenRedeemed)

_ACCOUNT_OF_LINKS = text("SELECT link_id, account_id FROM links WHERE link_id = ANY(CAST(:links AS uuid[]))")

_LINKS = text(
    "SELECT account_id, link_id, purpose, issued_at, mail_id, mail_requested_at, redeemed_at, session_digest, "
    "questions_at, completed_at, superseded_at FROM links WHERE account_id = ANY(CAST(:accounts AS uuid[])) "
    "AND (superseded_at IS NULL OR link_id = ANY(CAST(:named AS uuid[]))) ORDER BY issued_at"
)

_ACCEPTANCES = text(
    "SELECT link_id, min(first_accepted_at), max(accepted_at) FROM mails "
    "WHERE link_id = ANY(CAST(:links AS uuid[])) AND first_accepted_at IS NOT NULL GROUP BY link_id"
)

_FORGET = text("DELETE FROM questions WHERE account_id = ANY(CAST(:accounts AS uuid[]))")


class Overtaken(Exception):
    """Another worker has inserted the same account or the same event meanwhile: decide the batch again."""


class Accounts:
    """The accounts that a batch of events concerns, locked until the end of the transaction."""

    def __init__(self, connection: Connection, events: Sequence[Event]) -> None:
        """Lock and load, in IC-number order."""
        self._connection = connection
        self._account_of_link = self._resolve_links(events)
        loaded = self._lock(events)
        if loaded:
            loaded = self._with_links(loaded, events)
        self._before = {account.account_id: account for account in loaded}
        self._by_id = dict(self._before)
        self._by_ic = {account.ic_number: account.account_id for account in loaded}

    def of(self, event: Event) -> Account | None:
        """The account that an event names by IC number, link or id, as it stands after the events before."""
        account_id = self._account_id(event)
        return None if account_id is None else self._by_id.get(account_id)

    def put(self, account: Account) -> None:
        """Remember how an account stands after an event."""
        self._by_id[account.account_id] = account
        self._by_ic[account.ic_number] = account.account_id

    def save(self) -> None:
        """Write what changed. Raises Overtaken where another worker was first to insert one of the accounts."""
        pairs = [
            (before, after) for id_, after in self._by_id.items() if (before := self._before.get(id_)) is not after
        ]
        new = sorted((after for before, after in pairs if before is None), key=lambda account: account.ic_number)
        if bulk.insert_rows(self._connection, tables.accounts, _new_rows(new), unless_there=True) < len(new):
            raise Overtaken
        changed = [after for before, after in pairs if before is not None and not _same_row(before, after)]
        bulk.update_rows(self._connection, tables.accounts, [_full_row(account) for account in changed])
        self._save_links(pairs)
        self._save_questions([after for _, after in pairs if after.questions is not None])

    def _account_id(self, event: Event) -> UUID | None:
        data: Any = event.data
        if isinstance(data, NAMES_LINK):
            return self._account_of_link.get(data.link_id)
        if isinstance(data, MailSettled):
            return data.account_id
        return self._by_ic.get(getattr(data, "ic_number", ""))

    def _resolve_links(self, events: Sequence[Event]) -> dict[UUID, UUID]:
        """Read without a lock: a link never changes its account."""
        named = _named_links(events)
        if not named:
            return {}
        return {row[0]: row[1] for row in self._connection.execute(_ACCOUNT_OF_LINKS, {"links": named})}

    def _lock(self, events: Sequence[Event]) -> list[Account]:
        ics = {ic for event in events if (ic := getattr(event.data, "ic_number", None))}
        ids = {event.data.account_id for event in events if isinstance(event.data, MailSettled)}
        ids.update(self._account_of_link.values())
        if not ics and not ids:
            return []
        wanted = {"ics": list(ics)} if ics else {}
        rows = self._connection.execute(
            _lock_statement(bool(ics), bool(ids)), wanted | ({"ids": list(ids)} if ids else {})
        )
        return [
            Account(
                account_id=row[0],
                ic_number=row[1],
                name=row[2],
                email=row[3],
                registered_at=row[4],
                state=State(row[5]),
                hr_source=row[6],
                hr_time=row[7],
                resent_at=tuple(row[8]),
                password_digest=row[9],
                password_set_at=row[10],
                activated_at=row[11],
            )
            for row in rows
        ]

    def _with_links(self, loaded: Sequence[Account], events: Sequence[Event]) -> list[Account]:
        parameters = {"accounts": [account.account_id for account in loaded], "named": _named_links(events)}
        links: dict[UUID, list[Link]] = {}
        for row in self._connection.execute(_LINKS, parameters):
            links.setdefault(row[0], []).append(Link(row[1], Purpose(row[2]), *row[3:]))
        if any(isinstance(event.data, _NEEDS_ACCEPTANCE) for event in events):
            self._add_acceptances(links)
        return [
            replace(account, links=tuple(links[account.account_id])) if account.account_id in links else account
            for account in loaded
        ]

    def _add_acceptances(self, links: dict[UUID, list[Link]]) -> None:
        live = [link.link_id for of_account in links.values() for link in of_account if link.is_live]
        if not live:
            return
        accepted = {
            link_id: Acceptance(first, newest)
            for link_id, first, newest in self._connection.execute(_ACCEPTANCES, {"links": live})
        }
        for account_id, of_account in links.items():
            links[account_id] = [
                replace(link, acceptance=accepted[link.link_id]) if link.link_id in accepted else link
                for link in of_account
            ]

    def _save_links(self, pairs: Iterable[tuple[Account | None, Account]]) -> None:
        """Links that end before links that begin: the unique indexes are checked row by row."""
        ending: list[bulk.Row] = []
        going_on: list[bulk.Row] = []
        new: list[bulk.Row] = []
        for before, after in pairs:
            if before is not None and before.links is after.links:
                continue
            known = {link.link_id: link for link in before.links} if before else {}
            for link in after.links:
                was = known.get(link.link_id)
                if was is None:
                    new.append(_link_row(after, link))
                elif was is not link:
                    ended = link.superseded_at is not None or link.completed_at is not None
                    (ending if ended else going_on).append(_link_row(after, link))
        bulk.update_rows(self._connection, tables.links, ending)
        bulk.update_rows(self._connection, tables.links, going_on)
        bulk.insert_rows(self._connection, tables.links, new)

    def _save_questions(self, changed: Sequence[Account]) -> None:
        if not changed:
            return
        self._connection.execute(_FORGET, {"accounts": [account.account_id for account in changed]})
        rows = [
            {
                "account_id": account.account_id,
                "position": position,
                "question": answer.question,
                "digest": answer.digest,
            }
            for account in changed
            for position, answer in enumerate(account.questions or (), start=1)
        ]
        bulk.insert_rows(self._connection, tables.questions, rows)


def _named_links(events: Sequence[Event]) -> list[UUID]:
    return list({event.data.link_id for event in events if isinstance(event.data, NAMES_LINK)})


@cache
def _lock_statement(by_ic: bool, by_id: bool) -> TextClause:
    conditions = ["ic_number = ANY(CAST(:ics AS bpchar[]))"] * by_ic + [
        "account_id = ANY(CAST(:ids AS uuid[]))"
    ] * by_id
    return text(
        "SELECT account_id, ic_number, name, email, registered_at, state, hr_source, hr_time, resent_at, "  # noqa: S608
        "password_digest, password_set_at, activated_at FROM accounts "
        f"WHERE {' OR '.join(conditions)} ORDER BY ic_number FOR UPDATE"
    )


def _new_rows(accounts: Sequence[Account]) -> list[dict[str, Any]]:
    """A new account has no password, and seldom a resend: links are committed before anyone can name them."""
    if any(account.resent_at for account in accounts):
        return [_full_row(account) for account in accounts]
    return [_row(account) for account in accounts]


def _full_row(account: Account) -> dict[str, Any]:
    return _row(account) | {
        "resent_at": json.dumps([at.isoformat() for at in account.resent_at]),
        "password_digest": account.password_digest,
        "password_set_at": account.password_set_at,
        "activated_at": account.activated_at,
    }


def _row(account: Account) -> dict[str, Any]:
    return {
        "account_id": account.account_id,
        "ic_number": account.ic_number,
        "name": account.name,
        "email": account.email,
        "registered_at": account.registered_at,
        "state": account.state,
        "hr_source": account.hr_source,
        "hr_time": account.hr_time,
    }


def _same_row(before: Account, after: Account) -> bool:
    return replace(after, links=before.links, questions=before.questions) == before


def _link_row(account: Account, link: Link) -> dict[str, Any]:
    return {
        "link_id": link.link_id,
        "account_id": account.account_id,
        "purpose": link.purpose,
        "issued_at": link.issued_at,
        "mail_id": link.mail_id,
        "mail_requested_at": link.mail_requested_at,
        "redeemed_at": link.redeemed_at,
        "session_digest": link.session_digest,
        "questions_at": link.questions_at,
        "completed_at": link.completed_at,
        "superseded_at": link.superseded_at,
    }
