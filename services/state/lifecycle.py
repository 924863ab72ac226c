"""The lifecycle of an account: one table of transitions, and one function that reads it. Pure.

`decide(account, event, moment)` is the whole of state's judgement; everything around it only carries.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from schemas.envelope import Event
from schemas.events import (
    AccountWithdrawn,
    EventData,
    MailSettled,
    PasswordSet,
    QuestionsAnswered,
    QuestionsSet,
    Recovery,
    Registration,
    Resend,
    TokenRedeemed,
)
from services.state.decisions import Account, Case, Moment, Refused, Ruling, State
from services.state.mailing import mail_activation_again, mail_recovery, settle
from services.state.registrations import amend, register, reinstate, withdraw, withdraw_again, withdraw_early
from services.state.sessions import (
    activate,
    activate_late,
    answer,
    change,
    pick,
    pick_late,
    redeem,
    too_early,
)
from shared.links import Purpose

Rule = Callable[[Case[Any]], Ruling]

MAX_AHEAD: Final = timedelta(minutes=5)
"""How far a publisher's clock may run ahead of the database's."""


def _ignored(reason: str) -> Rule:
    return lambda case: case.ignored(reason)


def _rejected(reason: str) -> Rule:
    return lambda case: case.rejected(reason)


def _no_link(_: Case[Any]) -> Ruling:
    return Refused("unknown_link", "no link has this id", "data.link_id")


_unknown = _ignored("unknown_account")
_active = _rejected("already_active")
_withdrawn = _rejected("withdrawn")
_inactive = _rejected("not_active")
_purpose = _rejected("wrong_purpose")
_again = mail_activation_again
ACTIVATION, RECOVERY = Purpose.ACTIVATION, Purpose.RECOVERY

COLUMNS: Final = (None, State.REGISTERED, State.REDEEMED, State.QUESTIONS_SET, State.ACTIVE, State.WITHDRAWN)
# fmt: off
TRANSITIONS: Final[Mapping[tuple[type[EventData], Purpose | None], tuple[Rule, ...]]] = {
    #                                 no account      registered redeemed   quest._set active         withdrawn
    (Registration, None):            (register,       amend,     amend,     amend,     _active,       reinstate),
    (AccountWithdrawn, None):        (withdraw_early, withdraw,  withdraw,  withdraw,  _active,       withdraw_again),
    (Resend, None):                  (_unknown,       _again,    _again,    _again,    _active,       _withdrawn),
    (Recovery, None):                (_unknown,       _again,    _again,    _again,    mail_recovery, _withdrawn),
    (MailSettled, None):             (_unknown,       settle,    settle,    settle,    settle,        settle),

    (TokenRedeemed, ACTIVATION):     (_no_link,       redeem,    redeem,    redeem,    _active,       _withdrawn),
    (QuestionsSet, ACTIVATION):      (_no_link,       pick,      pick,      pick,      pick_late,     _withdrawn),
    (PasswordSet, ACTIVATION):       (_no_link,       too_early, too_early, activate,  activate_late, _withdrawn),
    (QuestionsAnswered, ACTIVATION): (_no_link,       _purpose,  _purpose,  _purpose,  _purpose,      _withdrawn),

    (TokenRedeemed, RECOVERY):       (_no_link,       _inactive, _inactive, _inactive, redeem,        _withdrawn),
    (QuestionsAnswered, RECOVERY):   (_no_link,       _inactive, _inactive, _inactive, answer,        _withdrawn),
    (PasswordSet, RECOVERY):         (_no_link,       _inactive, _inactive, _inactive, change,        _withdrawn),
    (QuestionsSet, RECOVERY):        (_no_link,       _purpose,  _purpose,  _purpose,  _purpose,      _withdrawn),
}
# fmt: on
"""Event (and the purpose of the link it names) × state of its account → rule."""

_RULES: Final = {row: dict(zip(COLUMNS, rules, strict=True)) for row, rules in TRANSITIONS.items()}
CONSUMED: Final = frozenset(model for model, _ in TRANSITIONS)
"""The events that state works."""
NAMES_LINK: Final = (TokenRedeemed, QuestionsSet, QuestionsAnswered, PasswordSet)
"""Events that find their account by a link."""
_BY_HR: Final = frozenset({Registration, AccountWithdrawn})


def decide(account: Account | None, event: Event, moment: Moment) -> Ruling:
    """Rule on one event before its account (None: there is none)."""
    data = event.data
    model = type(data)
    if model not in CONSUMED:
        return Refused("unexpected_type", "state does not work events of this type", "type")
    if refusal := _ahead_of_time(event, moment):
        return refusal
    link = None
    if isinstance(data, NAMES_LINK):
        link = account.link(data.link_id) if account else None
        if link is None:
            return _no_link(Case(event, data, moment))
    case = Case(event, data, moment, account, link)
    if account is None:
        return _RULES[model, None][None](case)
    if model in _BY_HR and event.time < account.hr_time:
        return case.ignored("stale")
    return _RULES[model, link.purpose if link else None][account.state](case)


def _ahead_of_time(event: Event, moment: Moment) -> Refused | None:
    limit = moment.now + MAX_AHEAD
    if type(event.data) in _BY_HR and event.time > limit:
        return Refused("time_in_future", "time: must not lie more than 5 minutes ahead of our clock", "time")
    if isinstance(event.data, TokenRedeemed) and event.data.redeemed_at > limit:
        field = "data.redeemed_at"
        return Refused("time_in_future", f"{field}: must not lie more than 5 minutes ahead of our clock", field)
    return None
