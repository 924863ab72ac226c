"""A relay that refuses us: what it says is written where operators read it, again when its words change."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import structlog
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from services.mailer import metrics
from services.mailer.relay import RelayDown
from services.mailer.replies import Attempt
from services.mailer.round import Finished
from shared.store.engine import in_transaction, name_of

_MOST_WORDS: Final = 50
"""A relay that says something else at every probe, every 5 s for a day, shall not fill a table."""
_WRITE: Final = text(
    "WITH given AS (SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (mail_id uuid, account_id uuid, "
    "link_id uuid, kind text, lane text, requested_at timestamptz, email text, result text, smtp_code smallint, "
    "enhanced_code text, reply text, milliseconds integer)), "
    "noted AS (INSERT INTO mails AS m (mail_id, account_id, link_id, kind, lane, requested_at, email, reply) "
    "SELECT mail_id, account_id, link_id, kind, lane, requested_at, email, reply FROM given ORDER BY mail_id "
    "ON CONFLICT (mail_id) DO UPDATE SET email = excluded.email, "
    "reply = CASE WHEN m.result IS NULL THEN excluded.reply ELSE m.reply END "
    "WHERE m.result IS NULL OR m.result = 'gave_up' RETURNING m.mail_id) "
    "INSERT INTO attempts (mail_id, email, result, smtp_code, enhanced_code, reply, milliseconds) "
    "SELECT mail_id, email, result, smtp_code, enhanced_code, reply, milliseconds FROM given JOIN noted USING (mail_id)"
)
"""A mail that was settled meanwhile, by another mailer, stays as it is; one that was given up and is replayed keeps the
reply that its MailSettled told."""

log: Final = structlog.get_logger()


class Refusal:
    """One pause for the relay. The last of the mails that met it is the one at which new words are written."""

    def __init__(self, engine: Engine, refused: Sequence[Finished], probe: Callable[[], None]) -> None:
        """Write at each mail what it was told; where that cannot be written now, the next probe does."""
        self._engine, self._probe = engine, probe
        self._job, attempt = refused[-1]
        self._written = attempt.gist if self._write(refused) else None
        self._left = _MOST_WORDS

    def probe(self) -> None:
        """Raise RelayDown while the relay cannot be used, and write what it says where that is new."""
        begun = time.monotonic()
        try:
            self._probe()
        except RelayDown as down:
            self._tell(replace(down.attempt, milliseconds=round((time.monotonic() - begun) * 1000)))
            raise

    def _tell(self, attempt: Attempt) -> None:
        if self._left and attempt.gist != self._written and self._write([(self._job, attempt)]):
            self._written = attempt.gist
            self._left -= 1

    def _write(self, refused: Sequence[Finished]) -> bool:
        """Whether it is written. Nothing was sent, so nothing is owed, and a pause for the relay needs no database."""
        try:
            in_transaction(self._engine, lambda connection: _note(connection, refused))
        except SQLAlchemyError as error:
            log.warning("refusal_not_written", error=name_of(error))
            return False
        metrics.tried([attempt for _, attempt in refused])
        return True


def _note(connection: Connection, refused: Sequence[Finished]) -> None:
    """Add an attempt to each mail, and change nothing of what becomes of it: no try is counted."""
    rows = [
        {
            "mail_id": str(job.request.mail_id),
            "account_id": str(job.request.account_id),
            "link_id": str(job.request.link_id) if job.request.link_id else None,
            "kind": job.request.kind,
            "lane": job.delivery.lane,
            "requested_at": job.event.time.isoformat(),
            "email": job.email,
            "result": attempt.result,
            "smtp_code": attempt.code,
            "enhanced_code": attempt.enhanced,
            "reply": attempt.reply,
            "milliseconds": attempt.milliseconds,
        }
        for job, attempt in refused
    ]
    connection.execute(_WRITE, {"rows": json.dumps(rows, ensure_ascii=False)})
