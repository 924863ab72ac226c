"""Rules of a person's session: redeem the link, set or answer the questions, set the password. Pure.

Steps are judged by their event's time, never by when they are worked off, so that any order of one session's events
ends in the same place.
"""

from dataclasses import replace
from typing import Any, Final

from schemas.events import AccountActivated, MailKind, PasswordSet, QuestionsAnswered, QuestionsSet, TokenRedeemed
from services.state.decisions import Account, Case, Refused, Ruling, State, TooEarly
from services.state.mailing import notice
from shared.links import Purpose, is_expired
from shared.questions import QUESTIONS

_EARLY_ATTEMPTS: Final = 3


def redeem(case: Case[TokenRedeemed]) -> Ruling:
    """The first POST through a link binds it to that browser's session."""
    data, link, account = case.data, case.link, case.account
    if link.completed_at is not None:
        return case.rejected("already_active")
    if link.superseded_at is not None:
        return case.rejected("superseded")
    if link.redeemed_at is not None and link.session_digest == data.session_digest:
        return case.ignored("repeated", _redeemed_earlier(case))
    if link.redeemed_at is not None:
        return case.rejected("redeemed_elsewhere")
    if is_expired(link.acceptance, data.redeemed_at, case.moment.rules.life):
        return case.rejected("expired")
    account = account.superseding(case.now, lambda other: other.purpose is link.purpose and other.is_running)
    account = account.with_link(replace(link, redeemed_at=data.redeemed_at, session_digest=data.session_digest))
    if link.purpose is Purpose.ACTIVATION:
        questions = () if account.state is State.QUESTIONS_SET else account.questions
        account = replace(account, state=State.REDEEMED, questions=questions)
    return case.applied("redeemed", account)


def pick(case: Case[QuestionsSet]) -> Ruling:
    """The questions of the running session, replaced until a password is set."""
    if any(given.question not in QUESTIONS for given in case.data.answers):
        return Refused("bad_field", "data.answers: each question must be a code of the catalogue", "data.answers")
    if fault := _fault(case):
        return fault
    if case.link.questions_at is not None and case.event.time < case.link.questions_at:
        return case.ignored("stale")
    account = case.account.with_link(replace(case.link, questions_at=case.event.time))
    state = State.ACTIVE if account.state is State.ACTIVE else State.QUESTIONS_SET
    return case.applied("questions_set", replace(account, state=state, questions=case.data.answers))


def pick_late(case: Case[QuestionsSet]) -> Ruling:
    """Of an active account, only the questions that its session set before its password, arriving after it."""
    completed_at = case.link.completed_at
    if completed_at is None or case.event.time >= completed_at:
        return _superseded(case) or case.rejected("already_active")
    return pick(case)


def answer(case: Case[QuestionsAnswered]) -> Ruling:
    """All three questions were answered right."""
    if fault := _fault(case):
        return fault
    link, time = case.link, case.event.time
    if link.questions_at is None:
        return case.applied("questions_answered", case.account.with_link(replace(link, questions_at=time)))
    return case.ignored("repeated", case.account.with_link(replace(link, questions_at=min(time, link.questions_at))))


def too_early(case: Case[Any]) -> Ruling:
    """A password before its session's questions."""
    return _fault(case) or _early(case)


def activate(case: Case[PasswordSet]) -> Ruling:
    """The password that makes an account active."""
    if fault := _fault(case):
        return fault
    if case.link.questions_at is None:
        return _early(case)
    account = replace(_with_password(case), state=State.ACTIVE, activated_at=case.now)
    account = account.superseding(case.now, lambda other: other.purpose is Purpose.ACTIVATION and other.is_live)
    activated = AccountActivated(ic_number=account.ic_number, activated_at=case.now)
    return case.applied("activated", account, activated, notice(case, MailKind.ACTIVATED))


def activate_late(case: Case[PasswordSet]) -> Ruling:
    """Of an active account, only an earlier password of the session that activated it: the earliest wins.

    Not so one that an operator replays: it was dead when the person set the password that works since.
    """
    link, time = case.link, case.event.time
    if link.completed_at is None or link.session_digest != case.data.session_digest or time > link.completed_at:
        return _superseded(case) or case.rejected("already_active")
    if time == link.completed_at:
        return case.ignored("repeated")
    if case.moment.replay:
        return case.ignored("stale")
    if case.account.password_set_at != link.completed_at:
        # A recovery has set a newer password since; the earlier one of this session must not undo it.
        return case.ignored("stale", case.account.with_link(replace(link, completed_at=time)))
    return case.applied("earlier_password", _with_password(case))


def change(case: Case[PasswordSet]) -> Ruling:
    """The new password of a recovery."""
    if case.link.completed_at is not None:
        return activate_late(case)
    if fault := _fault(case):
        return fault
    if case.link.questions_at is None:
        return _early(case)
    return case.applied("password_changed", _with_password(case), notice(case, MailKind.PASSWORD_CHANGED))


def _fault(case: Case[Any]) -> Ruling | None:
    """Why this event is no step of the link's session."""
    link = case.link
    if link.superseded_at is not None:
        return case.rejected("superseded")
    if link.redeemed_at is None:
        return _early(case)
    if link.session_digest != case.data.session_digest:
        return case.rejected("redeemed_elsewhere")
    if case.event.time > link.redeemed_at + case.moment.rules.life.session:
        return case.rejected("session_expired")
    return None


def _superseded(case: Case[Any]) -> Ruling | None:
    return case.rejected("superseded") if case.link.superseded_at is not None else None


def _early(case: Case[Any]) -> Ruling:
    return TooEarly() if case.moment.attempt <= _EARLY_ATTEMPTS else case.rejected("out_of_order")


def _redeemed_earlier(case: Case[TokenRedeemed]) -> Account:
    link, at = case.link, case.data.redeemed_at
    if link.redeemed_at is None or link.redeemed_at <= at:
        return case.account
    return case.account.with_link(replace(link, redeemed_at=at))


def _with_password(case: Case[PasswordSet]) -> Account:
    time = case.event.time
    account = case.account.with_link(replace(case.link, completed_at=time))
    return replace(account, password_digest=case.data.password_digest, password_set_at=time)
