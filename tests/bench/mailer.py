"""The mailer, one process, 10,000 mails to postfix's smtp-sink: against one connection a mail, and smtp-source."""

import smtplib
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from schemas.envelope import outgoing
from schemas.events import Exchange, Lane, MailKind, MailRequested, routing_key
from services.cli.servers.ladder import Servers
from shared.broker.publisher import Message
from shared.store.bulk import insert_rows
from shared.store.tables import accounts, links
from tests.bench.report import Figure
from tests.bench.stage import Stage, smtp_sink, smtp_source, stage
from tests.support.registrations import ic_number

COUNT: Final = 10_000
_PLAIN_COUNT: Final = 500


def measure(servers: Servers) -> list[Figure]:
    """Mails a second."""
    with smtp_sink() as url:
        plain = _one_connection_a_mail(url, _PLAIN_COUNT)
        source = smtp_source(url, COUNT, sessions=10)
    ours = max(_mailer(servers) for _ in range(2))
    return [
        Figure("mailer: one connection a mail, EmailMessage", plain, "mails/s"),
        Figure("mailer: smtp-source, which renders and stores nothing", source, "mails/s"),
        Figure("mailer", ours, "mails/s", wanted=1000, aim=2000),
        Figure("mailer : one connection a mail", ours / plain, "times"),
    ]


def _mailer(servers: Servers) -> float:
    with stage(servers) as on:
        on.fill(requests(on, COUNT))
        with on.process("services.mailer"):
            return on.rate(partial(on.depth, "state.live"), COUNT)


def requests(on: Stage, count: int) -> Iterator[Message]:
    """Accounts with a link each, and the MailRequested of each."""
    now = datetime.now(UTC)
    for start in range(0, count, 5000):
        people = [(index, uuid.uuid4(), uuid.uuid4(), uuid.uuid4()) for index in range(start, min(start + 5000, count))]
        with on.engine.begin() as connection:
            insert_rows(connection, accounts, [_account(index, account, now) for index, account, _, _ in people])
            insert_rows(connection, links, [_link(link, account, mail, now) for _, account, link, mail in people])
        for _, account, link, mail in people:
            data = MailRequested(mail_id=mail, account_id=account, link_id=link, kind=MailKind.ACTIVATION)
            event = outgoing(
                data,
                id=str(uuid.uuid4()),
                source="/aktif/state",
                time=now,
                exchange=Exchange.EVENTS,
                routing_key=routing_key(Lane.BULK, data),
            )
            yield Message.of(event)


def _account(index: int, account_id: uuid.UUID, now: datetime) -> dict[str, object]:
    return {
        "account_id": account_id,
        "ic_number": ic_number(index),
        "name": f"PEGAWAI CONTOH {index}",
        "email": f"pegawai.{index}@example.gov.my",
        "registered_at": now,
        "state": "registered",
        "hr_source": "/hr/bench",
        "hr_time": now,
    }


def _link(link_id: uuid.UUID, account_id: uuid.UUID, mail_id: uuid.UUID, now: datetime) -> dict[str, object]:
    return {
        "link_id": link_id,
        "account_id": account_id,
        "purpose": "activation",
        "issued_at": now,
        "mail_id": mail_id,
        "mail_requested_at": now,
    }


def _one_connection_a_mail(url: str, count: int) -> float:
    """What is written first: build a message, connect, send, disconnect."""
    port = urlsplit(url).port or 25
    begun = time.monotonic()
    for index in range(count):
        mail = EmailMessage()
        mail["Subject"], mail["From"] = "Pendaftaran Akaun iSPEKS", "iSPEKS <no-reply@ispeks.localhost>"
        mail["To"] = f"pegawai.{index}@example.gov.my"
        mail.set_content("Pendaftaran akaun anda telah berjaya.\n" * 20)
        mail.add_alternative("<p>Pendaftaran akaun anda telah berjaya.</p>\n" * 40, subtype="html")
        with smtplib.SMTP("127.0.0.1", port) as smtp:
            smtp.send_message(mail)
    return count / (time.monotonic() - begun)
