"""The funnel, counted when Prometheus asks."""

import socket
import time

from services.state.metrics import Funnel
from shared.store.engine import open_engine
from tests.integration.state.desk import Desk
from tests.support.builders import delivery, registration, withdrawal

OTHER_IC, THIRD_IC = "850101030015", "850101030023"


def read(funnel: Funnel) -> dict[str, dict[tuple[str, ...], float]]:
    """The samples of a scrape, by metric and label values."""
    return {
        family.name: {tuple(one.labels.values()): one.value for one in family.samples} for family in funnel.collect()
    }


def test_accounts_are_counted_by_state_and_links_while_they_are_live(desk: Desk) -> None:
    assert (
        desk.works(delivery(registration()), delivery(registration(OTHER_IC)), delivery(registration(THIRD_IC)))
        == ["done"] * 3
    )
    assert desk.works(delivery(withdrawal(OTHER_IC))) == ["done"]

    found = read(Funnel(desk.engine))

    assert found["aktif_funnel_up"] == {(): 1}
    assert found["aktif_accounts"] == {
        ("registered",): 2,
        ("redeemed",): 0,
        ("questions_set",): 0,
        ("active",): 0,
        ("withdrawn",): 1,
    }
    assert found["aktif_links_live"] == {("activation",): 2, ("recovery",): 0}


def test_the_database_is_asked_again_only_after_some_seconds(desk: Desk) -> None:
    at = 100.0
    funnel = Funnel(desk.engine, keep=10, clock=lambda: at)
    assert read(funnel)["aktif_accounts"][("registered",)] == 0

    desk.works(delivery(registration()))
    at = 109.9
    assert read(funnel)["aktif_accounts"][("registered",)] == 0
    at = 110.0
    assert read(funnel)["aktif_accounts"][("registered",)] == 1


def test_a_database_that_refuses_leaves_the_counts_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]

    found = read(Funnel(open_engine(f"postgresql+psycopg://u@127.0.0.1:{port}/x", application="test")))

    assert found == {"aktif_funnel_up": {(): 0}, "aktif_accounts": {}, "aktif_links_live": {}}


def test_a_database_that_never_answers_holds_no_scrape_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        funnel = Funnel(open_engine(f"postgresql+psycopg://u@127.0.0.1:{port}/x", application="test"), patience=0.1)
        begun = time.monotonic()

        first, second = read(funnel), read(funnel)

        assert time.monotonic() - begun < 2
        assert first["aktif_funnel_up"] == second["aktif_funnel_up"] == {(): 0}
        reading = funnel._reading
    assert reading is not None
    reading.join(10)
    assert not reading.is_alive()
