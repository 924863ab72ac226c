"""How far replays are: counted while anything can change, and kept once nothing can."""

import pytest
from sqlalchemy import Connection

from shared.operations import carrying, results
from shared.operations.results import Progress
from tests.integration.operations.conftest import put

FIVE_REPLAYED = (
    "INSERT INTO letters (service, source, id, queue, origin, type, reason, fingerprint, body, headers) "
    "SELECT 'state', '/hr/contoh', 'e' || i, 'state.bulk', 'aktif.hr', 'aktif.ActivationRequested.v1', "
    "'database_error', 'f', convert_to('e' || i, 'UTF8'), '{}' FROM generate_series(1, 5) i",
    "INSERT INTO replays (letter_id, replay, operation_id, published_at) "
    "SELECT letter_id, 1, :operation, now() FROM letters",
)
WORKED = (
    "INSERT INTO state_inbox (source, id, type, digest, outcome, lane, event_time) "
    "SELECT '/hr/contoh', 'e' || i, 'aktif.ActivationRequested.v1', '', 'applied', 'bulk', now() "
    "FROM generate_series(1, :number) i"
)
FORGOTTEN = "DELETE FROM state_inbox"
KEPT = "SELECT results IS NOT NULL FROM operations"


def began(connection: Connection, state: str) -> int:
    """A replay of five letters, all of which are sent."""
    put(
        connection,
        "INSERT INTO operations (who, reason, filter, state, ended_at) VALUES ('rahim', 'ruang cukup', "
        """'{"letters": {}, "with_obsolete": false, "with_unsafe": false}', :state, """
        "CASE WHEN :state <> 'running' THEN now() END)",
        state=state,
    )
    operation: int = connection.exec_driver_sql("SELECT max(operation_id) FROM operations").scalar_one()
    put(connection, FIVE_REPLAYED[0])
    put(connection, FIVE_REPLAYED[1], operation=operation)
    return operation


def is_kept(connection: Connection) -> bool:
    return bool(connection.exec_driver_sql(KEPT).scalar_one())


def seen(found: Progress) -> tuple[int, int, int]:
    """What is waiting, worked and failed."""
    return found.waiting, found.worked, found.failed


def test_the_results_of_a_replay_that_is_over_are_counted_once(connection: Connection) -> None:
    operation = began(connection, "done")
    put(connection, WORKED, number=5)

    first = results.progress(connection, operation)
    put(connection, FORGOTTEN)  # a second count would find nothing

    assert seen(first) == (0, 5, 0)
    assert results.progress(connection, operation) == first
    assert results.newest(connection) == [first]


@pytest.mark.parametrize(("state", "worked"), [("running", 5), ("done", 4)], ids=["it runs", "one waits"])
def test_what_may_still_change_is_counted_each_time(connection: Connection, state: str, worked: int) -> None:
    operation = began(connection, state)
    put(connection, WORKED, number=worked)

    first = results.progress(connection, operation)
    put(connection, FORGOTTEN)

    assert seen(first) == (5 - worked, worked, 0)
    assert seen(results.progress(connection, operation)) == (5, 0, 0)
    assert not is_kept(connection)


def test_what_is_resumed_is_counted_anew(connection: Connection) -> None:
    operation = began(connection, "cancelled")
    put(connection, WORKED, number=5)
    results.progress(connection, operation)
    assert is_kept(connection)

    carrying.resume(connection, operation, "rahim")

    assert not is_kept(connection)


def test_operations_are_told_a_page_at_a_time(connection: Connection) -> None:
    for _ in range(5):
        put(connection, "INSERT INTO operations (who, reason, filter, state) VALUES ('rahim', 'x', '{}', 'running')")

    first = results.newest(connection, limit=3)
    second = results.newest(connection, limit=3, before=first[-1].operation_id)

    assert [one.operation_id for one in [*first, *second]] == [5, 4, 3, 2, 1]
