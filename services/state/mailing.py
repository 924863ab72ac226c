"""Rules of links and mails: issue a link, mail it again, take note of how a mail ended. Pure."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from schemas.events import MailKind, MailRequested, MailResult, MailSettled, MailUndeliverable, Recovery, Resend
from services.state.decisions import Account, Case, Decision, Link, Ruling
from shared.links import Purpose, can_be_mailed_again
from shared.store.inbox import Outcome

_DAY: Final = timedelta(hours=24)
_OPERATOR: Final = "/aktif/operator/"
"""Refused on every exchange that an HR system or the portal can write to."""
_REPLY = re.compile(r"(?P<code>[2-5][0-9]{2})(?:[ -]+(?P<enhanced>[245]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9.]))?", re.ASCII)
_KIND: Final = {Purpose.ACTIVATION: MailKind.ACTIVATION, Purpose.RECOVERY: MailKind.RECOVERY}


def new_link(case: Case[Any], purpose: Purpose) -> Link:
    """A link whose mail is asked for now."""
    now = case.now
    return Link(case.moment.new_id(), purpose, issued_at=now, mail_id=case.mail_id(), mail_requested_at=now)


def request_mail(account: Account, link: Link) -> MailRequested:
    """Ask for the mail of a link."""
    return MailRequested(
        mail_id=link.mail_id, account_id=account.account_id, link_id=link.link_id, kind=_KIND[link.purpose]
    )


def issue(case: Case[Any], account: Account, purpose: Purpose) -> tuple[Account, MailRequested]:
    """A new link and its mail. The live link before it is superseded; a running session is not."""
    link = new_link(case, purpose)
    account = account.superseding(case.now, lambda old: old.purpose is purpose and old.is_live)
    return replace(account, links=(*account.links, link)), request_mail(account, link)


def notice(case: Case[Any], kind: MailKind) -> MailRequested:
    """A mail without a link."""
    return MailRequested(mail_id=case.mail_id(), account_id=case.account.account_id, link_id=None, kind=kind)


def mail_activation_again(case: Case[Resend | Recovery]) -> Ruling:
    """Somebody asks for the activation mail."""
    return _mail_again(case, Purpose.ACTIVATION)


def mail_recovery(case: Case[Recovery]) -> Ruling:
    """A person forgot the password."""
    return _mail_again(case, Purpose.RECOVERY)


def settle(case: Case[MailSettled]) -> Ruling:
    """Tell HR of a mail that cannot be delivered, where it is the latest of a link that still waits for its person."""
    data = case.data
    account = case.account
    detail = {"mail_id": str(data.mail_id), "result": data.result.value, "reply": data.reply}
    if data.result is MailResult.ACCEPTED:
        return Decision(Outcome.APPLIED, data.result.value, account, (), detail)
    if data.result is MailResult.SKIPPED:
        return Decision(Outcome.IGNORED, data.result.value, account, (), detail)
    link = account.link(data.link_id) if data.link_id else None
    if link is None or not link.is_live or link.mail_id != data.mail_id or account.email is None:
        return Decision(Outcome.IGNORED, "not_current", account, (), detail)
    smtp_code, enhanced_code = smtp_codes(data.reply)
    undeliverable = MailUndeliverable(
        ic_number=account.ic_number,
        email=account.email,
        result=data.result,
        smtp_code=smtp_code,
        enhanced_code=enhanced_code,
        reply=data.reply,
        failed_at=data.settled_at,
    )
    return Decision(Outcome.APPLIED, data.result.value, account, (undeliverable,), detail)


def smtp_codes(reply: str | None) -> tuple[int | None, str | None]:
    """The reply code and the enhanced status code (RFC 3463) at the head of a reply: `550 5.1.1 no such user`."""
    match = _REPLY.match(reply or "")
    if match is None:
        return None, None
    return int(match["code"]), match["enhanced"]


def _mail_again(case: Case[Any], purpose: Purpose) -> Ruling:
    account, now = case.account, case.now
    if not case.event.source.startswith(_OPERATOR):
        recent = tuple(at for at in account.resent_at if at > now - _DAY)
        if _is_throttled(recent, case):
            return case.ignored("throttled")
        account = replace(account, resent_at=(*recent, now))
    link = account.live(purpose)
    if link is None or not can_be_mailed_again(link.acceptance, now, case.moment.rules.life):
        return case.applied("new_link", *issue(case, account, purpose))
    link = replace(link, mail_id=case.mail_id(), mail_requested_at=now)
    return case.applied("same_link", account.with_link(link), request_mail(account, link))


def _is_throttled(recent: tuple[datetime, ...], case: Case[Any]) -> bool:
    rules = case.moment.rules
    return len(recent) >= rules.resends_a_day or any(case.now - at < rules.cool_down for at in recent)
