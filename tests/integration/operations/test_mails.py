"""Mails by what became of them, as the newest reply of each tells it."""

from sqlalchemy import Connection

from shared.operations import mails
from shared.operations.mails import TRYING, Cause
from tests.integration.operations.conftest import put

MAILS = (
    "INSERT INTO mails (mail_id, account_id, kind, lane, requested_at, email, result, reply, settled_at) "
    "SELECT gen_random_uuid(), gen_random_uuid(), 'activation', 'bulk', now(), 'contoh@' || :domain, :result, :reply, "
    "CASE WHEN CAST(:result AS text) IS NOT NULL THEN now() END FROM generate_series(1, :number)"
)


def told(connection: Connection, number: int, result: str | None, reply: str | None, domain: str = "A.example") -> None:
    """So many mails of which this is known."""
    put(connection, MAILS, number=number, result=result, reply=reply, domain=domain)


def test_a_cause_is_a_result_a_code_and_a_domain(connection: Connection) -> None:
    told(connection, 4, "accepted", "250 2.0.0 OK")
    told(connection, 3, "failed", "550 5.1.1 No such user")
    told(connection, 2, "failed", "550 5.1.1 No such user", "b.example")
    told(connection, 1, None, "the connection was lost")

    found = mails.groups(connection, Cause())

    assert [(one.result, one.code, one.domain, one.mails) for one in found] == [
        ("accepted", "250", "a.example", 4),
        ("failed", "550", "a.example", 3),
        ("failed", "550", "b.example", 2),
        (TRYING, None, "a.example", 1),
    ]
    assert found[1].reply == "550 5.1.1 No such user"


def test_mails_are_found_by_the_code_of_their_newest_reply_or_by_its_lack(connection: Connection) -> None:
    told(connection, 2, "failed", "550 5.1.1 No such user")
    told(connection, 3, None, "451 4.3.0 try later")
    told(connection, 4, "skipped", "superseded")
    told(connection, 5, None, None)

    def number(code: str) -> int:
        return len(mails.page(connection, Cause(code=code)))

    assert [number(code) for code in ("550", "451", "55", "")] == [2, 3, 0, 9]
    assert mails.plan(connection, Cause(code="550")).mails == 2
