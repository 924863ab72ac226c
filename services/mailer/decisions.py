"""From deliveries to jobs, and from what became of them to verdicts. Pure."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from pydantic import TypeAdapter, ValidationError

from schemas.envelope import Event, Malformed, Outgoing, decode
from schemas.events import MailRequested, MailResult
from schemas.fields import StaffEmail
from services.mailer import mails
from services.mailer.mails import Job, Settlement
from services.mailer.rules import judge, was_given_up_before
from shared.broker.verdicts import Dead, Delivery, Done, Retry, Verdict
from shared.store.inbox import Key

_ADDRESS: Final = TypeAdapter(StaffEmail)
_REUSED: Final = Dead("id_reused", "another event has the same source and id", "id")


class Wanted(NamedTuple):
    """One event of a batch, and the delivery that brought it first."""

    delivery: Delivery
    event: Event
    request: MailRequested


def admit(delivery: Delivery, wanted: dict[Key, Wanted]) -> Verdict | Key:
    """The key under which its event is wanted, for a repeat that of the first; or why it never will be."""
    try:
        event = decode(delivery.body, delivery.exchange, delivery.content_type)
    except Malformed as error:
        return Dead(error.reason, error.detail, error.field)
    if not isinstance(event.data, MailRequested):
        return Dead("unexpected_type", "the mailer takes MailRequested only", "type")
    known = wanted.setdefault(event.key, Wanted(delivery, event, event.data))
    return event.key if known.event.digest == event.digest else _REUSED


def decide(job: Job) -> Verdict | str | None:
    """What needs no sending: a verdict, or the reason word of a skip; None for a mail to be sent."""
    receipt = job.known.receipt
    if receipt is not None:
        return Done(receipt.outgoing) if receipt.digest == job.event.digest else _REUSED
    if was_given_up_before(job):
        reply, at = job.known.reply or "", job.known.settled_at or job.event.time
        return _gave_up(reply, (mails.settled_event(job, MailResult.GAVE_UP, reply, at),))
    decision = judge(job)
    if decision is None:
        try:
            _ADDRESS.validate_python(job.email)
        except ValidationError:
            return Dead("bad_address", "the account has no usable mail address")
    return decision


def verdict_of(settlement: Settlement, caused: Sequence[Outgoing]) -> tuple[Key, Verdict]:
    """What is said of a delivery whose mail was tried or skipped."""
    key = settlement.job.event.key
    if settlement.result is MailResult.GAVE_UP:
        return key, _gave_up(settlement.reply, caused)
    if settlement.retry is not None and settlement.attempt is not None:
        return key, Retry(settlement.retry, settlement.attempt.result.value)
    return key, Done(caused)


def _gave_up(reply: str, caused: Sequence[Outgoing]) -> Dead:
    return Dead("gave_up", reply, outgoing=caused)
