"""The operators' questions with 100,000 letters in the table, and how fast the archivist files 50,000."""

import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, text

from services.cli.servers.ladder import Servers
from shared.broker.publisher import Message
from shared.broker.topology import LETTERS
from shared.operations import groups, letters, mails
from shared.operations.filters import Filter, Status
from shared.operations.mails import Cause
from shared.operations.replay import Order, plan
from tests.bench.report import Figure
from tests.bench.stage import Stage, stage
from tests.support.registrations import hr_event, ic_number, message, registration

FILED: Final = 50_000
CAUSES: Final = 25
_ROUNDS: Final = 20
_WANTED_SECONDS: Final = 0.2

_WORLD: Final = (
    "INSERT INTO accounts (account_id, ic_number, name, email, registered_at, state, hr_source, hr_time, "
    "password_digest, activated_at) SELECT md5('a' || i)::uuid, '85' || lpad((i / 1000000 % 12 + 1)::text, 2, '0') || "
    "'01' || lpad((i % 1000000)::text, 6, '0'), 'PEGAWAI CONTOH', i || '@example.gov.my', now(), "
    "CASE WHEN i % 10 = 0 THEN 'active' ELSE 'registered' END, '/hr/contoh', now() - interval '1 day', "
    "CASE WHEN i % 10 = 0 THEN 'x' END, CASE WHEN i % 10 = 0 THEN now() END FROM generate_series(0, 79999) i",
    "INSERT INTO links (link_id, account_id, purpose, issued_at, mail_id) SELECT md5('l' || i)::uuid, "
    "md5('a' || i)::uuid, 'activation', now(), md5('m' || i)::uuid FROM generate_series(50000, 79999) i",
    "INSERT INTO mails (mail_id, account_id, link_id, kind, lane, requested_at, result, settled_at) "
    "SELECT md5('m' || i)::uuid, md5('a' || i)::uuid, md5('l' || i)::uuid, 'activation', 'bulk', now(), 'gave_up', "
    "now() FROM generate_series(50000, 79999) i",
    "INSERT INTO mails (mail_id, account_id, kind, lane, requested_at, email, result, settled_at, accepted_at, reply) "
    "SELECT md5('n' || i)::uuid, md5('a' || i % 80000)::uuid, 'activation', 'bulk', now() - i * interval '1 second', "
    "i || '@jabatan' || i % 40 || '.example.gov.my', 'accepted', now(), now(), '250 2.0.0 OK' "
    "FROM generate_series(1, 70000) i",
    "INSERT INTO letters (service, source, id, queue, origin, type, reason, detail, fingerprint, body, headers) "
    "SELECT 'mailer', '/aktif/state', md5('e' || i), 'mailer.bulk', 'aktif.events', 'aktif.MailRequested.v1', "
    '\'gave_up\', \'451 4.3.0\', md5(\'f\' || i % 5), convert_to(format(\'{"specversion":"1.0","id":"%s","data":'
    '{"mail_id":"%s","account_id":"%s","link_id":"%s","kind":"activation"}}\', md5(\'e\' || i), '
    "md5('m' || i)::uuid, md5('a' || i)::uuid, md5('l' || i)::uuid), 'UTF8'), '{\"x-attempt\": 30}' "
    "FROM generate_series(50000, 79999) i",
    "INSERT INTO letters (service, source, id, queue, origin, type, reason, detail, fingerprint, body, headers) "
    "SELECT 'state', '/portal', md5('p' || i), 'state.live', 'aktif.portal', 'aktif.PasswordSet.v1', 'database_error', "
    '\'DiskFull 53100\', md5(\'d\' || i % 3), convert_to(format(\'{"data":{"link_id":"%s","x":"%s"}}\', '
    "md5('l' || i - 30000)::uuid, repeat('x', 550)), 'UTF8'), '{\"x-attempt\": 5}' "
    "FROM generate_series(80000, 99999) i",
    "INSERT INTO state_inbox (source, id, type, digest, outcome, lane, event_time) "
    "SELECT '/hr/contoh', 'reg-' || i, 'aktif.ActivationRequested.v1', '', 'applied', 'bulk', now() "
    "FROM generate_series(0, 99999) i",
    "INSERT INTO state_inbox (source, id, type, digest, outcome, lane, event_time) "
    "SELECT '/hr/contoh', 'bad-' || i, 'aktif.ActivationRequested.v1', '', 'applied', 'bulk', now() "
    "FROM generate_series(0, 4999) i",
    "INSERT INTO operations (who, reason, filter, state) VALUES ('bench', 'bench', '{}', 'done')",
    "INSERT INTO replays (letter_id, replay, operation_id, published_at) SELECT letter_id, 1, 1, now() FROM letters "
    "WHERE letter_id % 5 = 0",
    "INSERT INTO closings (letter_id, kind, who, reason) SELECT letter_id, 'discarded', 'bench', 'bench' FROM letters "
    "WHERE letter_id % 10 = 1",
)


def measure(servers: Servers) -> list[Figure]:
    """Seconds until 50,000 letters are filed, and the 95th percentile of each question in milliseconds."""
    with stage(servers) as on:
        seconds = _file(on)
        with on.engine.begin() as connection:
            for statement in _WORLD:
                connection.execute(text(statement))
                on.broker.process_data_events()  # lest the broker take its silence for death
        with on.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))  # as autovacuum does after so many rows
        with on.engine.connect() as connection:
            figures = list[Figure]()
            for what, ask in _questions(connection).items():
                figures.append(_p95(connection, what, ask))
                on.broker.process_data_events()
    return [Figure("archivist: 50,000 letters filed", seconds, "s", wanted=60, less_is_better=True), *figures]


def _file(on: Stage) -> float:
    on.fill(_letters())
    begun = time.monotonic()
    with on.process("services.archivist"), on.engine.connect() as connection:
        while connection.execute(text("SELECT count(*) FROM letters")).scalar_one() < FILED:
            connection.rollback()
            time.sleep(0.2)
    return time.monotonic() - begun


def _letters() -> Iterator[Message]:
    for index in range(FILED):
        event = message(hr_event(f"bad-{index}", registration(index, email="nobody")))
        why = {
            "x-service": "state", "x-queue": "state.bulk", "x-origin": "aktif.hr", "x-lane": "bulk",
            "x-reason": "bad_field", "x-field": "data.email", "x-detail": f"cause {chr(65 + index % CAUSES)}",
        }  # fmt: skip
        yield Message(LETTERS, "state.bulk", event.body, event.message_id, event.type, headers=why)


def _questions(connection: Connection) -> dict[str, Callable[[Connection], Any]]:
    open_ones = Filter(status=Status.OPEN)
    biggest = groups.groups(connection, open_ones).shown[0].fingerprint
    first = letters.page(connection, open_ones)
    hour = datetime.now(UTC) - timedelta(hours=1)
    asked: dict[str, Filter] = {
        "list, open": open_ones,
        "list, all": Filter(),
        "filter: reason": Filter(reason="gave_up", status=Status.OPEN),
        "filter: queue": Filter(queue="mailer.bulk", status=Status.OPEN),
        "filter: type, replayed": Filter(type="PasswordSet", status=Status.REPLAYED),
        "filter: discarded, since": Filter(status=Status.DISCARDED, since=hour),
        "filter: reason that none has": Filter(reason="unroutable", status=Status.OPEN),
        "group": Filter(fingerprint=biggest, status=Status.OPEN),
        "search: an id": Filter(text="bad-4999"),
        "search: an IC number": Filter(ic_number=ic_number(60_001)),
    }
    questions: dict[str, Callable[[Connection], Any]] = {
        f"{what}, a page": partial(_page, wanted) for what, wanted in asked.items()
    }
    return questions | {
        "second page": lambda found: letters.page(found, open_ones, after=first.following),
        "groups, all": lambda found: groups.groups(found, Filter()),
        "groups, open": lambda found: groups.groups(found, open_ones),
        "groups of a reason": lambda found: groups.groups(found, Filter(reason="gave_up")),
        "one letter": lambda found: letters.one(found, 60_000),
        "mails by cause": lambda found: mails.groups(found, Cause()),
        "newest mails": lambda found: mails.page(found, Cause()),
        "plan of all": lambda found: plan(found, Order(Filter(), "bench")),
    }


def _page(wanted: Filter, connection: Connection) -> object:
    return letters.page(connection, wanted)


def _p95(connection: Connection, what: str, ask: Callable[[Connection], object]) -> Figure:
    seconds = list[float]()
    for _ in range(_ROUNDS):
        begun = time.monotonic()
        ask(connection)
        connection.rollback()
        seconds.append(time.monotonic() - begun)
    p95 = statistics.quantiles(seconds, n=20)[-1]
    return Figure(f"operators, {what}: p95", p95 * 1000, "ms", wanted=_WANTED_SECONDS * 1000, less_is_better=True)
