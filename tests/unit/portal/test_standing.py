"""What a link is worth to the browser that holds it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.portal.standing import Found, Standing, of_rejection, standing
from shared.links import Acceptance, LinkLife, Purpose
from tests.support.builders import BROWSER, IC, OTHER_BROWSER, THEN

LIFE = LinkLife()
MINUTE = timedelta(minutes=1)
REDEEMED: dict[str, Any] = {"redeemed_at": THEN, "session_digest": BROWSER, "state": "redeemed"}
ANSWERED: dict[str, Any] = {**REDEEMED, "questions_at": THEN, "state": "questions_set"}
DONE: dict[str, Any] = {**ANSWERED, "completed_at": THEN, "state": "active"}
RECOVERY: dict[str, Any] = {"purpose": Purpose.RECOVERY, "state": "active"}


def found(**changes: Any) -> Found:
    """A link whose mail was accepted a minute ago."""
    fields: dict[str, Any] = {
        "now": THEN + MINUTE,
        "link_id": UUID(int=1),
        "purpose": Purpose.ACTIVATION,
        "account_id": UUID(int=2),
        "ic_number": IC,
        "name": "PEGAWAI CONTOH",
        "email": "pegawai.contoh@example.gov.my",
        "registered_at": THEN,
        "state": "registered",
        "acceptance": Acceptance(THEN, THEN),
    }
    return Found(**(fields | changes))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Standing.OPEN),
        ({"acceptance": None}, Standing.OPEN),
        ({"now": THEN + 30 * MINUTE - timedelta(microseconds=1)}, Standing.OPEN),
        ({"now": THEN + 30 * MINUTE}, Standing.EXPIRED),
        ({"acceptance": Acceptance(THEN, THEN + 20 * MINUTE), "now": THEN + 40 * MINUTE}, Standing.OPEN),
        ({"acceptance": None, "now": THEN + timedelta(days=9)}, Standing.OPEN),
        (REDEEMED, Standing.BEGUN),
        (ANSWERED, Standing.ANSWERED),
        (DONE, Standing.DONE),
        (REDEEMED | {"now": THEN + 30 * MINUTE}, Standing.BEGUN),
        (REDEEMED | {"now": THEN + 31 * MINUTE}, Standing.SESSION_OVER),
        (ANSWERED | {"now": THEN + 31 * MINUTE}, Standing.SESSION_OVER),
        (DONE | {"now": THEN + 31 * MINUTE}, Standing.ACTIVE),
        (REDEEMED | {"session_digest": OTHER_BROWSER}, Standing.ELSEWHERE),
        (ANSWERED | {"session_digest": OTHER_BROWSER}, Standing.ELSEWHERE),
        (DONE | {"session_digest": OTHER_BROWSER}, Standing.ACTIVE),
        ({"state": "active"}, Standing.ACTIVE),
        ({"superseded_at": THEN}, Standing.SUPERSEDED),
        (REDEEMED | {"superseded_at": THEN}, Standing.SUPERSEDED),
        ({"superseded_at": THEN, "state": "active"}, Standing.ACTIVE),
        ({"superseded_at": THEN, "now": THEN + timedelta(days=1)}, Standing.SUPERSEDED),
        (REDEEMED | {"session_digest": OTHER_BROWSER, "superseded_at": THEN}, Standing.SUPERSEDED),
        ({"state": "withdrawn"}, Standing.WITHDRAWN),
        (REDEEMED | {"state": "withdrawn", "superseded_at": THEN}, Standing.WITHDRAWN),
        (RECOVERY, Standing.OPEN),
        (RECOVERY | {"now": THEN + 30 * MINUTE}, Standing.EXPIRED),
        (REDEEMED | RECOVERY, Standing.BEGUN),
        (ANSWERED | RECOVERY, Standing.ANSWERED),
        (DONE | RECOVERY, Standing.DONE),
        (ANSWERED | RECOVERY | {"session_digest": OTHER_BROWSER}, Standing.ELSEWHERE),
    ],
)
def test_a_link_is_judged_by_its_account_its_session_and_its_time(changes: dict[str, Any], expected: Standing) -> None:
    assert standing(found(**changes), BROWSER, LIFE) is expected


def test_a_link_that_the_database_does_not_know_is_forged() -> None:
    assert standing(None, BROWSER, LIFE) is Standing.FORGED


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("expired", Standing.EXPIRED),
        ("superseded", Standing.SUPERSEDED),
        ("redeemed_elsewhere", Standing.ELSEWHERE),
        ("already_active", Standing.ACTIVE),
        ("withdrawn", Standing.WITHDRAWN),
        ("session_expired", Standing.SESSION_OVER),
        ("unknown_link", Standing.FAILED),
        ("out_of_order", Standing.FAILED),
        ("", Standing.FAILED),
    ],
)
def test_what_state_rejects_has_its_page(reason: str, expected: Standing) -> None:
    assert of_rejection(reason) is expected
