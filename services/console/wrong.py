"""What is wrong now, each with what to do about it: from what was seen of broker, queues and database. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.console.broker import Broker
from services.console.funnel import Numbers, Refusal
from services.console.roster import Row, worker_of
from shared.broker.topology import DEAD_QUEUE, SERVICES, suspect_queue
from shared.operations.ledger_runs import Run
from shared.operations.queues import Line
from shared.wording import age, count

_DO: Final = (
    "Run `aktif check --for {0}` where the {0} runs, and look at its log: both say what does not answer. It asks every "
    "5 s and goes on by itself; nothing is lost."
)
_OF_LOGIN: Final = frozenset({530, 534, 535, 538})
"""https://www.rfc-editor.org/rfc/rfc4954#section-6"""


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something that is wrong, what to do about it, and a page that tells more."""

    what: str
    do: str
    where: str | None = None


def wrongs(
    broker: Broker, lines: Sequence[Line], numbers: Numbers | None, rows: Sequence[Row], now: datetime
) -> list[Wrong]:
    """All of it, the worst first."""
    refusal = numbers.refusal if numbers else None
    return [
        *_of_broker(broker),
        *([] if numbers else [_NO_NUMBERS]),
        *([_of_relay(refusal, now)] if refusal else ()),
        *([] if broker.alarms else _of_workers(rows, refusal)),
        *([] if broker.fault else _of_queues(lines, rows)),
        *(_of_ledger(numbers.ledger, now) if numbers and numbers.ledger else ()),
        *(_of_letters(numbers) if numbers else ()),
    ]


_NO_NUMBERS: Final = Wrong(
    "The database could not count within 3 s.", "Where it is busy, wait; else look at its log and `aktif check`."
)


def _of_broker(broker: Broker) -> Iterator[Wrong]:
    if broker.fault:
        do = "See that RabbitMQ runs and that AKTIF_BROKER_API_URL names it; `aktif check` says more."
        yield Wrong(f"Queues cannot be seen: {broker.fault}.", do)
    for alarm in broker.alarms:
        yield Wrong(
            f"RabbitMQ has an alarm: {alarm}.",
            "Free memory or disk there: until then it takes nothing from anybody.",
        )


def _of_relay(refusal: Refusal, now: datetime) -> Wrong:
    words, what, do = refusal.reply, "refuses us", "ask its postmaster, or correct AKTIF_MAIL_FROM and AKTIF_SMTP_URL"
    if refusal.code in _OF_LOGIN:
        what, do = "refuses our login", "correct user and password in AKTIF_SMTP_URL and restart the mailer"
    elif refusal.code is None:
        words, _, ours = refusal.reply.partition("; ")
        what, do = "cannot be used", ours or "see that it runs and lets the mailer in, and that AKTIF_SMTP_URL names it"
    return Wrong(
        f"The mail server {what}: “{words}” ({age(now - refusal.at)} ago, and nothing else since).",
        f"{_sentence(do)} `aktif check --for mailer`, run where the mailer runs, tries it. The mailer asks every 5 s "
        "and goes on by itself; the mails wait, and none is lost.",
        "/mails?result=trying",
    )


def _of_workers(rows: Sequence[Row], refusal: Refusal | None) -> Iterator[Wrong]:
    """Who is there and waits, but for a mailer of whose relay all is said."""
    for row in rows:
        if row.is_paused and not (row.service == "mailer" and refusal):
            what = f"The {row.service} is there and gets nothing done: it waits for {row.waits_for}."
            yield Wrong(what, _DO.format(row.service))


def _of_queues(lines: Sequence[Line], rows: Sequence[Row]) -> Iterator[Wrong]:
    paused = {row.service for row in rows if row.is_paused}
    for line in lines:
        is_told = line.is_there and worker_of(line.queue) in paused
        if line.is_wrong and not is_told and not (line.queue == DEAD_QUEUE and line.consumers):
            what, _, do = line.remark.partition(": ")
            yield Wrong(f"{line.queue}: {what}.", _sentence(do))
    for line in lines:
        if line.queue in {suspect_queue(service) for service in SERVICES} and line.messages:
            yield Wrong(
                f"{line.queue}: {count(line.messages, 'message')} that may have killed a worker.",
                "They are tried one by one, and become dead letters where they did; look at that service's log.",
            )


def _of_ledger(run: Run, now: datetime) -> Iterator[Wrong]:
    found = f"The ledger of {age(now - run.at)} ago found"
    if run.left:
        do = "Publish them again from its page, or by `aktif ledger --mend`, which is safe: an event takes effect once."
        yield Wrong(f"{found} {count(run.left, 'event')} lost.", do, "/ledger")
    if run.twice:
        do = "Each needs a person who looks at both: its page names them, and says what settles it."
        yield Wrong(f"{found} {count(run.twice, 'event')} twice.", do, "/ledger")


def _of_letters(numbers: Numbers) -> Iterator[Wrong]:
    if numbers.open_letters:
        yield Wrong(
            f"{count(numbers.open_letters, 'dead letter')} open.",
            "Look at each cause: it says what to do, and how to replay, correct or discard all of it at once.",
            "/letters?status=open",
        )


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].rstrip('.')}." if words else ""
