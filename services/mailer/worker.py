"""The mailer: pace → read → render → send → one transaction every few mails."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import Engine

from services.mailer import mails, metrics
from services.mailer.books import Books
from services.mailer.decisions import Wanted, admit, decide
from services.mailer.mails import Job, Settlement
from services.mailer.pace import Pace
from services.mailer.refusal import Refusal
from services.mailer.render import Mail, Renderer
from services.mailer.replies import Attempt, Result
from services.mailer.round import Finished, Round
from services.mailer.rules import MAX_DOMAINS, Refusals, moment_of, settle, skipped
from services.mailer.transport import Transport
from shared.broker.verdicts import UNTOUCHED, Delivery, DependencyDown, Verdict
from shared.settings import Settings
from shared.store.engine import in_transaction, open_engine
from shared.store.inbox import Key
from shared.store.retention import Retention
from shared.store.tables import mailer_inbox

_RELAY: Final = "mail relay"
_LONGEST_SECONDS: Final = 1.0
_SLICE: Final = 500

log = structlog.get_logger()


class Mailer:
    """The handler of `mailer.live`, `mailer.bulk` and `mailer.suspect`."""

    def __init__(
        self,
        engine: Engine,
        renderer: Renderer,
        transport: Transport,
        pace: Pace,
        *,
        retry_hours: int,
        connected: Callable[[], bool],
    ) -> None:
        self._engine, self._renderer, self._transport, self._pace = engine, renderer, transport, pace
        self._retry_hours, self._connected = retry_hours, connected
        self._refusals = Refusals()
        self._books = Books(engine)
        self._retention = Retention(engine, mailer_inbox)
        self._threads = ThreadPoolExecutor(transport.size, thread_name_prefix="smtp")

    def __call__(self, deliveries: Sequence[Delivery]) -> list[Verdict]:
        """One verdict for each delivery, UNTOUCHED for what was not begun within a second. May raise DependencyDown."""
        end = time.monotonic() + _LONGEST_SECONDS
        verdicts: list[Verdict] = []
        try:
            self._books.commit()
            while len(verdicts) < len(deliveries) and (not verdicts or (time.monotonic() < end and self._connected())):
                verdicts += self._work(deliveries[len(verdicts) : len(verdicts) + _SLICE], end)
        except DependencyDown as down:
            down.begun = self._books.is_owing
            raise
        self._retention.after_batch()
        self._books.verdicts.clear()
        return verdicts + [UNTOUCHED] * (len(deliveries) - len(verdicts))

    def _work(self, deliveries: Sequence[Delivery], end: float) -> list[Verdict]:
        """A slice of a batch. A bug that it meets comes to light in the next one, where nothing was sent before it."""
        known = self._books.verdicts
        wanted: dict[Key, Wanted] = {}
        admitted = [admit(delivery, wanted) for delivery in deliveries]
        try:
            self._work_wanted([one for key, one in wanted.items() if key not in known], end)
        except DependencyDown:
            raise
        except Exception as error:
            if not known:
                raise
            log.warning("batch_cut_short", error=type(error).__name__)
        return [known.get(one, UNTOUCHED) if isinstance(one, tuple) else one for one in admitted]

    def _work_wanted(self, wanted: Sequence[Wanted], end: float) -> None:
        """What is known of a mail is read shortly before it is sent."""
        skips: list[Settlement] = []
        sends: list[Job] = []
        for job in self._read(wanted):
            decision = decide(job)
            if decision is None:
                sends.append(job)
            elif isinstance(decision, str):
                skips.append(skipped(job, decision))
            else:
                self._books.verdicts[job.event.key] = decision
        self._books.commit(skips)
        self._send_all(sends, end)

    def close(self) -> None:
        """Take leave of the relay and of the database."""
        self._threads.shutdown()
        self._transport.close()
        self._engine.dispose()

    def _read(self, wanted: Sequence[Wanted]) -> list[Job]:
        """The jobs of a batch. Of two events for one mail the later one is left for the next batch."""
        by_mail: dict[UUID, Wanted] = {}
        for one in wanted:
            by_mail.setdefault(one.request.mail_id, one)
        chosen = list(by_mail.values())
        if not chosen:
            return []
        with self._books.database():
            requests = [(one.event, one.request) for one in chosen]
            known = in_transaction(self._engine, lambda connection: mails.read(connection, requests))
        jobs = [Job(*one, known=row) for one, row in zip(chosen, known, strict=True)]
        metrics.read(jobs)
        return jobs

    def _send_all(self, jobs: Sequence[Job], end: float) -> None:
        """Send until `end`, committing meanwhile. Raises DependencyDown only when nothing is on its way."""
        held: list[Finished] = []
        if not jobs:
            return
        batch = Round(jobs, self._send, end=end, pace=self._pace, connected=self._connected)
        batch.start(self._threads, self._transport.size)
        try:
            while chunk := batch.finished():
                settlements = self._settle(chunk, held)
                if self._is_of_the_relay(held):
                    batch.stop()
                self._books.commit(settlements)
                batch.release(len(chunk))
        except BaseException:
            batch.stop()
            while chunk := batch.finished():
                self._books.owe(self._settle(chunk, held))
            raise
        self._end(batch, held)

    def _settle(self, chunk: Sequence[Finished], held: list[Finished]) -> list[Settlement]:
        """The settlements of finished mails, without those held: what the relay's fault stopped, each 5.7.x at RCPT.

        A 5.7.x is settled as its address's own as soon as the relay takes another mail, else at the batch's end.
        """
        settled: list[Finished] = []
        for job, attempt in chunk:
            if attempt.result is Result.MISCONFIGURED:
                held.append((job, attempt))
            elif attempt.is_suspicious:
                self._refusals.add(job.email)
                held.append((job, attempt))
            else:
                if attempt.result is Result.ACCEPTED:
                    self._refusals.clear()
                    settled += [one for one in held if one[1].is_suspicious]
                    held[:] = [one for one in held if not one[1].is_suspicious]
                settled.append((job, attempt))
        return [settle(job, attempt, self._retry_hours) for job, attempt in settled]

    def _is_of_the_relay(self, held: Sequence[Finished]) -> bool:
        if self._refusals.are_of_the_relay and held:
            return True
        return any(attempt.result is Result.MISCONFIGURED for _, attempt in held)

    def _end(self, batch: Round, held: Sequence[Finished]) -> None:
        """Settle what is held, or raise DependencyDown: what is not settled is tried again uncounted."""
        if batch.error is not None:
            raise batch.error
        if not self._is_of_the_relay(held):
            self._books.commit([settle(job, attempt, self._retry_hours) for job, attempt in held])
            return
        *earlier, last = held
        told = [*(one for one in earlier if not one[1].step.is_about_us), last]
        refused = [(job, replace(attempt, result=Result.MISCONFIGURED)) for job, attempt in told]
        attempt = refused[-1][1]
        probe: Callable[[], None] = self._transport.probe
        if not attempt.step.is_about_us:
            probe = self._transport.recipient_probe([job.email for job, _ in refused[-MAX_DOMAINS:]])
        raise DependencyDown(_RELAY, attempt.reply, Refusal(self._engine, refused, probe).probe)

    def _send(self, job: Job) -> Attempt:
        request = job.request
        mail = Mail(
            mail_id=request.mail_id,
            kind=request.kind,
            address=job.email,
            name=job.known.name or "",
            moment=moment_of(job),
            link_id=request.link_id,
            requested_at=job.event.time,
        )
        return self._transport.deliver(mail.address, self._renderer.render(mail))


def build(settings: Settings, *, connected: Callable[[], bool], smtp_timeout: float = 60.0) -> Mailer:
    """The mailer of some settings; connects to nothing yet. `connected` turns false when the broker is lost."""
    renderer = Renderer(settings)
    return Mailer(
        open_engine(settings.require("database_url"), application="aktif-mailer"),
        renderer,
        Transport(settings.require("smtp_url"), renderer.sender, timeout=smtp_timeout),
        Pace(settings.mail_rate, time.monotonic()),
        retry_hours=settings.mail_retry_hours,
        connected=connected,
    )
