"""What to do with a requested mail, and with the result of trying it. Pure."""

from datetime import datetime
from typing import Final

from schemas.events import MailKind, MailResult
from services.mailer.mails import Job, Settlement
from services.mailer.replies import Attempt, Result
from shared.broker.verdicts import Dead, Wait

MAX_UNKNOWNS: Final = 3
MAX_DOMAINS: Final = 3
_FIRST_DELAYS: Final = (Wait.S30, Wait.M2, Wait.M10)
_LINK_KINDS: Final = frozenset({MailKind.ACTIVATION, MailKind.RECOVERY})


def delay_after(attempt: int, retry_hours: int) -> Wait | None:
    """How long to wait after the transient failure of an attempt, counted from 1; None where it is time to give up.

    30 s, 2 m, 10 m, then every hour, while the waits together stay within `retry_hours`.
    """
    waited = sum(wait.seconds for wait in _FIRST_DELAYS[:attempt]) + max(0, attempt - 3) * Wait.H1.seconds
    if waited > retry_hours * 3600:
        return None
    return _FIRST_DELAYS[attempt - 1] if attempt <= len(_FIRST_DELAYS) else Wait.H1


def judge(job: Job) -> str | Dead | None:
    """Before sending: the reason word of a skip, a dead letter, or None where the mail is to be sent."""
    request, known = job.request, job.known
    if known.result in {MailResult.ACCEPTED, MailResult.FAILED, MailResult.SKIPPED}:
        return Dead("mail_id_reused", "another event has settled this mail", "data.mail_id")
    if request.kind not in _LINK_KINDS:
        if known.state is None:
            return Dead("unknown_account", "the account is not known", "data.account_id")
        return "withdrawn" if known.state == "withdrawn" else None
    if known.link_account is None or known.link_account != request.account_id or known.purpose != request.kind:
        return Dead("unknown_link", "the account has no such link", "data.link_id")
    obsolete = {
        "newer_mail": known.latest_mail != request.mail_id,
        "superseded": known.superseded_at is not None,
        "redeemed": known.redeemed_at is not None,
        "withdrawn": known.state == "withdrawn",
        "already_active": known.state == "active" and request.kind is MailKind.ACTIVATION,
    }
    return next((reason for reason, holds in obsolete.items() if holds), None)


def moment_of(job: Job) -> datetime:
    """The time that the mail names."""
    known = job.known
    moments = {
        MailKind.ACTIVATION: known.registered_at,
        MailKind.ACTIVATED: known.activated_at,
        MailKind.PASSWORD_CHANGED: known.password_set_at,
    }
    return moments.get(job.request.kind) or job.event.time


def skipped(job: Job, reason: str) -> Settlement:
    """The mail is obsolete, and nothing is sent."""
    return Settlement(job, MailResult.SKIPPED, reason, job.known.attempts or 0, job.known.unknowns or 0)


def settle(job: Job, attempt: Attempt, retry_hours: int) -> Settlement:
    """What becomes of a mail by the result of one try. Raises ValueError where the relay refused us: that is no try."""
    was_given_up = job.known.result == MailResult.GAVE_UP
    unknowns = 0 if was_given_up else job.known.unknowns or 0
    result: MailResult | None = None
    retry: Wait | None = None
    match attempt.result:
        case Result.ACCEPTED:
            result = MailResult.ACCEPTED
        case Result.PERMANENT:
            result = MailResult.FAILED
        case Result.TRANSIENT:
            retry = delay_after(job.delivery.attempt, retry_hours)
            result = None if retry else MailResult.GAVE_UP
        case Result.UNKNOWN:
            unknowns += 1
            retry = Wait.S30 if unknowns < MAX_UNKNOWNS else None
            result = None if retry else MailResult.GAVE_UP
        case Result.MISCONFIGURED:
            raise ValueError("a relay that refuses us settles no mail")
    tries = (job.known.attempts or 0) + 1
    taken = attempt.result in {Result.ACCEPTED, Result.UNKNOWN}
    return Settlement(job, result, attempt.reply, tries, unknowns, attempt, taken, retry)


def was_given_up_before(job: Job) -> bool:
    """A redelivery of what was given up, whose letter may not have been confirmed; a replay begins at attempt 1."""
    return job.known.result == MailResult.GAVE_UP and job.delivery.attempt > 1


class Refusals:
    """5.7.x at RCPT in a row: one is that address's own, three domains with no acceptance between are the relay's.

    Kept from batch to batch, so that live mails, each a batch of its own, count together. Once full it stays so until a
    mail is accepted: after a pause the next refusal pauses again and loses no mail.
    """

    def __init__(self) -> None:
        self._domains: set[str] = set()

    def add(self, address: str) -> None:
        """A recipient was refused with 5.7.x."""
        self._domains.add(address.rpartition("@")[2].lower())

    def clear(self) -> None:
        """The relay took a mail."""
        self._domains.clear()

    @property
    def are_of_the_relay(self) -> bool:
        """Whether it is the relay that refuses."""
        return len(self._domains) >= MAX_DOMAINS
