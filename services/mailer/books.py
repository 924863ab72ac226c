"""What became of the mails that were begun: owed until it is committed, then known until the loop is told."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from schemas.envelope import Outgoing
from schemas.events import MailResult
from services.mailer import mails, metrics
from services.mailer.decisions import verdict_of
from services.mailer.mails import Settlement
from shared import clock
from shared.broker.verdicts import Dead, DependencyDown, Verdict
from shared.store.engine import in_transaction, is_down, is_surely_down, name_of, why_down
from shared.store.inbox import Key
from shared.store.probe import probe
from shared.store.tables import mailer_inbox

log: Final = structlog.get_logger()


class Books:
    """Writes what became of mails. A mail cannot be called back, so what is owed outlives every failed commit."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._owed: list[Settlement] = []
        self.verdicts: dict[Key, Verdict] = {}

    @property
    def is_owing(self) -> bool:
        """Whether mails were begun of which nothing is written yet: nobody else may begin them meanwhile."""
        return bool(self._owed)

    def owe(self, settlements: Sequence[Settlement]) -> None:
        """Keep for the next commit."""
        self._owed += settlements

    def commit(self, settlements: Sequence[Settlement] = ()) -> None:
        """Write these, after all that is owed. Raises DependencyDown where the database is down; it is owed then.

        What fails for a reason of its own is written mail by mail, so that only the guilty one suffers.
        """
        self._owed += settlements
        size = len(self._owed)
        while self._owed:
            part = self._owed[:size]
            try:
                caused = self._write(part)
            except DependencyDown:
                raise
            except Exception as error:
                if size > 1:
                    log.warning("commit_split", size=size, error=name_of(error))
                    size = 1
                    continue
                self._bury(part[0], error)
            else:
                self._note(part, caused)
            del self._owed[:size]

    @contextmanager
    def database(self) -> Iterator[None]:
        """Raises DependencyDown for what means that the database is down; it is up when what is owed is written."""
        try:
            yield
        except DBAPIError as error:
            if not is_down(error):
                raise
            raise DependencyDown("database", why_down(error), self._probe, surely=is_surely_down(error)) from error

    def _probe(self) -> None:
        self.commit()
        probe(self._engine, mailer_inbox)

    def _write(self, settlements: Sequence[Settlement]) -> list[Sequence[Outgoing]]:
        with self.database():
            return in_transaction(self._engine, lambda connection: mails.commit(connection, settlements))

    def _note(self, settlements: Sequence[Settlement], caused: Sequence[Sequence[Outgoing]]) -> None:
        metrics.committed(settlements, clock.now())
        for settlement in settlements:
            if settlement.result in {MailResult.FAILED, MailResult.GAVE_UP}:
                mail_id = str(settlement.job.request.mail_id)
                log.warning("mail_failed", mail_id=mail_id, result=settlement.result, reply=settlement.reply)
        self.verdicts.update(map(verdict_of, settlements, caused))

    def _bury(self, settlement: Settlement, error: Exception) -> None:
        """What cannot be written is dead at once: another try would send the mail again."""
        why = name_of(error)
        log.error("mail_not_written", mail_id=str(settlement.job.request.mail_id), error=why)
        tried = settlement.attempt.result if settlement.attempt else "nothing"
        detail = f"sent: {tried}; what became of it cannot be written: {why}"
        self.verdicts[settlement.job.event.key] = Dead("internal_error", detail)
