"""The mailer: pace → read → render → send → one transaction every few mails."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from schemas.events import MailResult
from services.mailer import mails
from services.mailer.connection import RelayDown
from services.mailer.decisions import Wanted, admit, decide, verdict_of
from services.mailer.mails import Job, Settlement
from services.mailer.pace import Pace
from services.mailer.render import Mail, Renderer
from services.mailer.replies import Attempt, Result, Step
from services.mailer.round import Finished, Round
from services.mailer.rules import MAX_DOMAINS, Refusals, moment_of, settle, skipped
from services.mailer.transport import Transport
from shared.broker.verdicts import UNTOUCHED, Delivery, DependencyDown, Verdict
from shared.settings import Settings
from shared.store.engine import in_transaction, is_down, open_engine, probe, sqlstate
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
        self._owed: list[Settlement] = []
        self._retention = Retention(engine, mailer_inbox)
        self._threads = ThreadPoolExecutor(transport.size, thread_name_prefix="smtp")

    def __call__(self, deliveries: Sequence[Delivery]) -> list[Verdict]:
        """One verdict for each delivery, UNTOUCHED for what was not begun within a second. May raise DependencyDown."""
        self._commit_owed()
        end = time.monotonic() + _LONGEST_SECONDS
        verdicts: list[Verdict] = []
        while len(verdicts) < len(deliveries) and (not verdicts or (time.monotonic() < end and self._connected())):
            verdicts += self._work(deliveries[len(verdicts) : len(verdicts) + _SLICE], end)
        self._retention.after_batch()
        return verdicts + [UNTOUCHED] * (len(deliveries) - len(verdicts))

    def _work(self, deliveries: Sequence[Delivery], end: float) -> list[Verdict]:
        """A slice of a batch: what is known of a mail is read shortly before it is sent."""
        wanted: dict[Key, Wanted] = {}
        admitted = [admit(delivery, wanted) for delivery in deliveries]
        jobs = self._read(list(wanted.values()))
        verdicts: dict[Key, Verdict] = {}
        skips: list[Settlement] = []
        sends: list[Job] = []
        for job in jobs:
            decision = decide(job)
            if decision is None:
                sends.append(job)
            elif isinstance(decision, str):
                skips.append(skipped(job, decision))
            else:
                verdicts[job.event.key] = decision
        verdicts |= self._commit(skips)
        verdicts |= self._send_all(sends, end)
        return [verdicts.get(one, UNTOUCHED) if isinstance(one, tuple) else one for one in admitted]

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
        with self._database():
            requests = [(one.event, one.request) for one in chosen]
            known = in_transaction(self._engine, lambda connection: mails.read(connection, requests))
        return [Job(*one, known=row) for one, row in zip(chosen, known, strict=True)]

    def _send_all(self, jobs: Sequence[Job], end: float) -> dict[Key, Verdict]:
        """Send until `end`, committing meanwhile. Raises DependencyDown only when nothing is on its way."""
        verdicts: dict[Key, Verdict] = {}
        held: list[Finished] = []
        if not jobs:
            return verdicts
        batch = Round(jobs, self._send, end=end, pace=self._pace, connected=self._connected)
        batch.start(self._threads, self._transport.size)
        try:
            while chunk := batch.finished():
                settlements = self._settle(chunk, held)
                if self._is_of_the_relay(held):
                    batch.stop()
                verdicts |= self._commit(settlements)
                batch.release(len(chunk))
        except BaseException:
            batch.stop()
            while chunk := batch.finished():
                self._owed += self._settle(chunk, held)
            raise
        verdicts |= self._end(batch, held)
        return verdicts

    def _settle(self, chunk: Sequence[Finished], held: list[Finished]) -> list[Settlement]:
        """The settlements of finished mails, without those held: what is the relay's fault, and each 5.7.x at RCPT.

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

    def _end(self, batch: Round, held: Sequence[Finished]) -> dict[Key, Verdict]:
        """Settle what is held, or raise DependencyDown: what is not settled is tried again uncounted."""
        if isinstance(batch.error, RelayDown):
            raise DependencyDown(_RELAY, str(batch.error), self._transport.probe) from batch.error
        if batch.error is not None:
            raise batch.error
        if not self._is_of_the_relay(held):
            return self._commit([settle(job, attempt, self._retry_hours) for job, attempt in held])
        refused = [(job, replace(attempt, result=Result.MISCONFIGURED)) for job, attempt in held]
        self._commit([settle(job, attempt, self._retry_hours) for job, attempt in refused])
        attempt = refused[-1][1]
        probe_relay: Callable[[], None] = self._transport.probe
        if attempt.step is not Step.MAIL:
            probe_relay = self._transport.recipient_probe([job.email for job, _ in refused[-MAX_DOMAINS:]])
        raise DependencyDown(_RELAY, attempt.reply, probe_relay)

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

    def _commit(self, settlements: Sequence[Settlement]) -> dict[Key, Verdict]:
        """Write what became of some mails. Where the database is down it is owed, and written before anything else."""
        if not settlements:
            return {}
        try:
            with self._database():
                caused = in_transaction(self._engine, lambda connection: mails.commit(connection, settlements))
        except DependencyDown:
            self._owed += settlements
            raise
        for settlement in settlements:
            if settlement.result in {MailResult.FAILED, MailResult.GAVE_UP}:
                mail_id = str(settlement.job.request.mail_id)
                log.warning("mail_failed", mail_id=mail_id, result=settlement.result, reply=settlement.reply)
        return dict(filter(None, map(verdict_of, settlements, caused)))

    def _commit_owed(self) -> None:
        owed, self._owed = self._owed, []
        self._commit(owed)

    @contextmanager
    def _database(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            if not is_down(error):
                raise
            why = f"{type(error.orig).__name__} {sqlstate(error) or ''}".strip()
            raise DependencyDown("database", why, partial(probe, self._engine)) from error


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
