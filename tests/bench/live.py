"""A person's resend while 50,000 bulk registrations are worked off: from request to the mail server's acceptance."""

import statistics
import time
import uuid
from typing import Final

from sqlalchemy import text

from schemas.events import Exchange, Lane
from services.cli.servers.ladder import Servers
from tests.bench.report import Figure
from tests.bench.stage import Stage, stage
from tests.support.registrations import hr_event, ic_number, message, registrations

BULK: Final = 50_000
RESENDS: Final = 200
_EVERY: Final = 0.1
_LATENCIES: Final = (
    "SELECT extract(epoch FROM m.accepted_at - i.event_time) FROM mails m JOIN links l USING (mail_id) "
    "JOIN accounts a ON a.account_id = l.account_id "
    "JOIN state_inbox i ON i.id = 'resend-' || a.ic_number WHERE m.accepted_at IS NOT NULL"
)


def measure(servers: Servers) -> list[Figure]:
    """The 99th percentile in seconds, and how much bulk was still waiting when the last resend was asked for."""
    with stage(servers) as on, on.process("services.state"), on.process("services.mailer"):
        on.fill(registrations(RESENDS, lane=Lane.LIVE))
        _wait(on, "SELECT count(*) FROM mails WHERE result = 'accepted'", RESENDS)
        on.fill(registrations(BULK, first=RESENDS))
        for index in range(RESENDS):
            asked = hr_event(f"resend-{ic_number(index)}", {"reason": "resend", "ic_number": ic_number(index)})
            asked = {**asked, "source": f"/aktif/operator/{uuid.uuid4()}"}
            on.fill([message(asked, lane=Lane.LIVE, exchange=Exchange.EVENTS)])
            time.sleep(_EVERY)
        left = BULK - _count(on, "SELECT count(*) FROM mails WHERE result = 'accepted' AND lane = 'bulk'")
        _wait(on, f"SELECT count(*) FROM ({_LATENCIES}) AS accepted", RESENDS)
        with on.engine.connect() as connection:
            seconds = sorted(float(row[0]) for row in connection.execute(text(_LATENCIES)))
    assert len(seconds) == RESENDS, "each resend has one latency"
    return [
        Figure("bulk mails still waiting at the last resend", left, "mails"),
        Figure("live resend among 50,000 bulk: median", statistics.median(seconds), "s"),
        Figure("live resend among 50,000 bulk: p99", _p99(seconds), "s", wanted=3, less_is_better=True),
    ]


def _p99(ordered: list[float]) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]


def _count(on: Stage, question: str) -> int:
    with on.engine.connect() as connection:
        return int(connection.execute(text(question)).scalar_one())


def _wait(on: Stage, question: str, wanted: int, seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while _count(on, question) < wanted:
        if time.monotonic() > until:
            raise TimeoutError("the mails did not come")
        time.sleep(0.05)
