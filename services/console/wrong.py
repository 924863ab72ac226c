"""What is wrong now, each with what to do about it: from what was seen of broker, queues and database. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.console.broker import Broker, Worker
from services.console.funnel import Numbers
from shared.broker.topology import DEAD_QUEUE, SERVICES, suspect_queue
from shared.operations.queues import Line
from shared.wording import age, count

_WAITS_FOR: Final = {
    "mailer": "its mail server, which cannot be reached or does not let it in",
    "state": "the database, as far as it can reach it",
}
_DO: Final = {
    "mailer": "run `aktif check` with the mailer's settings: it says what the mail server answers; then correct "
    "AKTIF_SMTP_URL or mend the server. The mailer asks every 5 s and goes on by itself; no mail is lost",
    "state": "run `aktif check` with its settings, and look at its log; it goes on by itself",
}
_STANDING_SAMPLES: Final = 2
"""Of 20 s each: a worker that pauses holds what it has in hand for a minute before it hands it back."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something that is wrong, what to do about it, and a page that tells more."""

    what: str
    do: str
    where: str | None = None


def wrongs(broker: Broker, lines: Sequence[Line], numbers: Numbers | None, now: datetime) -> list[Wrong]:
    """All of it, the worst first."""
    return [
        *_of_broker(broker),
        *([] if numbers else [_NO_NUMBERS]),
        *(_of_mail(numbers, now) if numbers else ()),
        *([] if broker.fault else _of_queues(broker, lines)),
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


def _of_mail(numbers: Numbers, now: datetime) -> Iterator[Wrong]:
    if numbers.refusal:
        since = age(now - numbers.refusal.at)
        yield Wrong(
            f"The mail server refuses us, last {since} ago: “{numbers.refusal.reply}”.",
            "Correct user, password or sender (AKTIF_SMTP_URL, AKTIF_MAIL_FROM) and restart the mailer, or have the "
            "server mended; `aktif check` tries it. The mails wait and go out then; none is lost.",
            "/mails",
        )


def _of_queues(broker: Broker, lines: Sequence[Line]) -> Iterator[Wrong]:
    there = {worker.service for worker in broker.workers}
    told = set[str]()
    for line in lines:
        service = line.queue.partition(".")[0]
        if service in SERVICES and service not in told and _stands_still(broker, line):
            told.add(service)
            yield _paused(service)
        if not line.is_wrong or (line.queue == DEAD_QUEUE and line.consumers):
            continue
        if service in SERVICES and service in there and not line.consumers:
            if service not in told:
                told.add(service)
                yield _paused(service)
            continue
        yield Wrong(f"{line.queue}: {line.remark.partition(': ')[0]}.", _sentence(line.remark.partition(": ")[2]))
    for line in lines:
        if line.queue in {suspect_queue(service) for service in SERVICES} and line.messages:
            yield Wrong(
                f"{line.queue}: {count(line.messages, 'message')} that may have killed a worker.",
                "They are tried one by one, and become dead letters where they did; look at that service's log.",
            )


def _stands_still(broker: Broker, line: Line) -> bool:
    """Whether a worker has messages in hand and nothing comes of them."""
    newest = broker.samples.get(line.queue, ())[-_STANDING_SAMPLES:]
    is_held = len(newest) == _STANDING_SAMPLES and all(newest)
    return bool(is_held and line.unacked and line.consumers and not line.rate_out)


def _paused(service: str) -> Wrong:
    waits, do = _WAITS_FOR.get(service, "something"), _DO.get(service, "look at its log")
    return Wrong(f"A {service} is there and gets nothing done: it waits for {waits}.", _sentence(do))


def _of_letters(numbers: Numbers) -> Iterator[Wrong]:
    if numbers.open_letters:
        yield Wrong(
            f"{count(numbers.open_letters, 'dead letter')} open.",
            "Look at each cause: it says what to do, and how to replay, correct or discard all of it at once.",
            "/letters?status=open",
        )


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].rstrip('.')}." if words else ""


def workers_by_service(workers: Sequence[Worker]) -> list[tuple[str, list[str]]]:
    """Which services have a worker, and on which hosts; the ones that nobody runs come too."""
    services = (*SERVICES, "archivist")
    return [(service, sorted(worker.host for worker in workers if worker.service == service)) for service in services]
