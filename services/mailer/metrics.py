"""What the mailer alone tells Prometheus: its mails, its SMTP tries, and how long people wait."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from prometheus_client import Counter, Histogram

from schemas.events import EVENT_NAME, Lane, MailRequested, MailResult
from services.mailer.mails import Job, Settlement, effect_of
from services.mailer.replies import Attempt
from shared import metrics
from shared.broker.topology import work_queue

_MAIL_REQUESTED: Final = EVENT_NAME[MailRequested]

MAILS: Final = Counter(
    "aktif_mails",
    "Mails settled, by result (accepted, failed, gave_up, skipped) and by the SMTP code that decided.",
    ["result", "smtp_code"],
    registry=metrics.REGISTRY,
)
ATTEMPTS: Final = Counter(
    "aktif_mail_attempts",
    "SMTP tries, by result (accepted, transient, permanent, misconfigured, unknown) and SMTP code.",
    ["result", "smtp_code"],
    registry=metrics.REGISTRY,
)
ATTEMPT_SECONDS: Final = Histogram(
    "aktif_mail_attempt_duration_seconds",
    "How long one SMTP try took.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
    registry=metrics.REGISTRY,
)
ACCEPTANCE_SECONDS: Final = Histogram(
    "aktif_mail_acceptance_seconds",
    "From the request of a mail to its acceptance by a mail server, by lane: what a person waits.",
    ["lane"],
    buckets=(0.25, 0.5, 1, 2, 3, 5, 10, 20, 30, 60, 90, 120, 150, 180, 240, 300, 600, 1800, 3600, 14400, 86400),
    registry=metrics.REGISTRY,
)
metrics.depends_on("database", "mail relay")
for _lane in Lane:
    ACCEPTANCE_SECONDS.labels(_lane)
# At 0 from the start: increase() does not see the first of a series that appears.
for _result in (MailResult.FAILED, MailResult.GAVE_UP):
    for _each in ("550", "551", "552", "553", "554", "none"):
        MAILS.labels(_result, _each)


def read(jobs: Sequence[Job]) -> None:
    """A slice of a batch was read: how old are its events, and which are repeats?"""
    metrics.count(metrics.EVENTS, (metrics.repeated(_MAIL_REQUESTED) for job in jobs if job.known.digest is not None))
    fresh = (job for job in jobs if job.delivery.attempt == 1 and not job.delivery.alone)
    for lane, last in {job.delivery.lane: job.event.time for job in fresh}.items():
        metrics.note_lag(work_queue("mailer", lane), last)


def committed(settlements: Sequence[Settlement], now: datetime) -> None:
    """What became of some mails was committed."""
    effects = [(_MAIL_REQUESTED, *effect) for effect in map(effect_of, settlements) if effect]
    metrics.count(metrics.EVENTS, effects)
    metrics.count(MAILS, ((one.result, _code(one.attempt)) for one in settlements if one.result))
    tried([one.attempt for one in settlements if one.attempt])
    for one in settlements:
        if one.result is MailResult.ACCEPTED:
            waited = (now - one.job.event.time).total_seconds()
            ACCEPTANCE_SECONDS.labels(one.job.delivery.lane).observe(max(0.0, waited))


def tried(attempts: Sequence[Attempt]) -> None:
    """Some SMTP tries were committed."""
    metrics.count(ATTEMPTS, ((one.result, _code(one)) for one in attempts))
    for one in attempts:
        ATTEMPT_SECONDS.observe(one.milliseconds / 1000)


def _code(attempt: Attempt | None) -> str:
    """The SMTP code, `none` where the relay did not answer; what is no code is not made a label of its own."""
    if attempt is None or attempt.code is None:
        return "none"
    return str(attempt.code) if 200 <= attempt.code <= 599 else "other"
