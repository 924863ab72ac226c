"""Rules of HR's events: register, correct, withdraw; ordered by HR's clock, not by arrival. Pure."""

from dataclasses import replace
from typing import Any

from schemas.events import AccountWithdrawn, Registration
from services.state.decisions import Account, Case, Ruling, State
from services.state.mailing import issue, new_link, request_mail
from shared.links import Purpose


def register(case: Case[Registration]) -> Ruling:
    """A person whom nobody knows yet."""
    data, event = case.data, case.event
    links = (new_link(case, Purpose.ACTIVATION),) if data.notify else ()
    account = Account(
        account_id=case.moment.new_id(),
        ic_number=data.ic_number,
        name=data.name,
        email=data.email,
        registered_at=data.registered_at,
        state=State.REGISTERED,
        hr_source=event.source,
        hr_time=event.time,
        links=links,
    )
    return case.applied("registered", account, *(request_mail(account, link) for link in links))


def amend(case: Case[Registration]) -> Ruling:
    """The same person again, before activation."""
    before, data = case.account, case.data
    after = _with_details(case)
    if before.email != data.email:
        return _applied(case, "address_changed", _started_over(case, after, State.REGISTERED), mail=data.notify)
    wants_mail = data.notify and not _has_been_mailed(before)
    if (before.name, before.registered_at) != (data.name, data.registered_at):
        return _applied(case, "corrected", after, mail=wants_mail)
    if wants_mail:
        return _applied(case, "notified", after, mail=True)
    return case.ignored("unchanged", after)


def reinstate(case: Case[Registration]) -> Ruling:
    """A withdrawn person, registered again."""
    account = replace(_with_details(case), state=State.REGISTERED)
    return _applied(case, "reinstated", account, mail=case.data.notify)


def withdraw(case: Case[AccountWithdrawn]) -> Ruling:
    """HR takes a registration back before activation."""
    return case.applied("withdrawn", _started_over(case, _with_hr_time(case), State.WITHDRAWN))


def withdraw_again(case: Case[AccountWithdrawn]) -> Ruling:
    """The order of HR's events goes on even where nothing changes."""
    return case.ignored("repeated", _with_hr_time(case))


def withdraw_early(case: Case[AccountWithdrawn]) -> Ruling:
    """Leave a row without details, so that an older registration on a slower lane is stale when it arrives."""
    account = Account(
        account_id=case.moment.new_id(),
        ic_number=case.data.ic_number,
        name=None,
        email=None,
        registered_at=None,
        state=State.WITHDRAWN,
        hr_source=case.event.source,
        hr_time=case.event.time,
    )
    return case.applied("withdrawn_before_registration", account)


def _applied(case: Case[Registration], reason: str, account: Account, *, mail: bool) -> Ruling:
    if mail:
        return case.applied(reason, *issue(case, account, Purpose.ACTIVATION))
    return case.applied(reason, account)


def _with_details(case: Case[Registration]) -> Account:
    data, event = case.data, case.event
    return replace(
        case.account,
        name=data.name,
        email=data.email,
        registered_at=data.registered_at,
        hr_source=event.source,
        hr_time=event.time,
    )


def _with_hr_time(case: Case[Any]) -> Account:
    return replace(case.account, hr_source=case.event.source, hr_time=case.event.time)


def _started_over(case: Case[Any], account: Account, state: State) -> Account:
    """Without link, session and questions."""
    account = account.superseding(case.now, lambda link: link.purpose is Purpose.ACTIVATION)
    return replace(account, state=state, questions=())


def _has_been_mailed(account: Account) -> bool:
    """Whether a mail to the present address was asked for: a changed address supersedes every link before it."""
    return any(link.purpose is Purpose.ACTIVATION and link.superseded_at is None for link in account.links)
