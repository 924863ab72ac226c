"""Health as a worker says it, the port that tells it, and what counting means."""

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus

import pytest
from prometheus_client import CollectorRegistry, Counter

from services.mailer.metrics import _code
from services.mailer.replies import Attempt, Result, Step
from shared import clock, metrics
from shared.health import STUCK_SECONDS, Answer, Health
from shared.settings import BadSettings
from shared.status_server import StatusServer, answer_page, metrics_page


@dataclass
class Patient:
    """A worker's health, with a clock and a broker that the test turns."""

    now: float = 1000.0
    connected: dict[str, bool] = field(default_factory=lambda: {"consume": True, "publish": True})

    def __post_init__(self) -> None:
        self.health = Health(self._connected, clock=lambda: self.now)

    def _connected(self) -> Mapping[str, bool]:
        return self.connected


@pytest.fixture
def patient() -> Patient:
    return Patient()


def test_a_worker_whose_loop_turns_is_alive_and_ready(patient: Patient) -> None:
    patient.now += STUCK_SECONDS
    assert patient.health.is_alive().ok
    assert patient.health.is_ready() == Answer(True, "ready")


def test_a_loop_that_hangs_is_not_alive_and_one_that_turns_again_is(patient: Patient) -> None:
    patient.now += STUCK_SECONDS + 1
    assert patient.health.is_alive() == Answer(False, "the loop has not turned for 901 s")

    patient.health.turned()
    assert patient.health.is_alive().ok


def test_a_worker_that_is_paused_lives_for_ever_but_is_not_ready_and_says_on_what_it_waits(patient: Patient) -> None:
    assert patient.health.paused("database", "OperationalError 57P01")
    patient.now += 10 * STUCK_SECONDS
    assert not patient.health.paused("database", "again"), "it is paused already"

    assert patient.health.is_alive().ok
    expected = "paused for 9000 s, waiting for the database: OperationalError 57P01"
    assert patient.health.is_ready() == Answer(False, expected)

    patient.health.resumed()
    assert patient.health.is_alive().ok
    assert patient.health.is_ready().ok


def test_a_worker_without_a_connection_is_not_ready(patient: Patient) -> None:
    patient.connected["publish"] = False

    assert patient.health.is_ready() == Answer(False, "waiting for the broker: its publish connection is not open")
    assert patient.health.is_alive().ok


def test_a_worker_that_waits_long_for_confirms_lives_but_is_not_ready(patient: Patient) -> None:
    with patient.health.awaiting_confirms():
        patient.now += 5
        assert patient.health.is_ready().ok
        patient.now += 10 * STUCK_SECONDS
        assert patient.health.confirm_wait() == 5 + 10 * STUCK_SECONDS
        assert patient.health.is_alive().ok
        assert "to confirm what was published, for 9005 s" in patient.health.is_ready().text

    assert patient.health.confirm_wait() == 0
    assert patient.health.is_ready().ok
    assert patient.health.is_alive().ok


def test_a_worker_that_is_stopping_is_not_ready(patient: Patient) -> None:
    patient.health.stopping()

    assert patient.health.is_ready() == Answer(False, "stopping")


@pytest.fixture(scope="module")
def server() -> Iterator[StatusServer]:
    """A port that says of three things how they are."""
    registry = CollectorRegistry()
    Counter("eggs", "Eggs laid.", registry=registry).inc(3)
    pages = {
        "/metrics": metrics_page(registry),
        "/yes": answer_page(lambda: Answer(True, "baik")),
        "/no": answer_page(lambda: Answer(False, "menunggu – pangkalan data")),
    }
    started = StatusServer("127.0.0.1", 0, pages)
    started.start()
    yield started
    started.stop()


def get(server: StatusServer, path: str) -> tuple[int, str | None, str]:
    """Status, content type and body."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=5) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read().decode()


def test_metrics_are_served_as_prometheus_reads_them(server: StatusServer) -> None:
    status, content_type, body = get(server, "/metrics?name=eggs")

    assert (status, content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert "# HELP eggs_total Eggs laid.\n# TYPE eggs_total counter\neggs_total 3.0\n" in body


def test_an_answer_is_200_or_503_with_its_reason(server: StatusServer) -> None:
    assert get(server, "/yes") == (HTTPStatus.OK, "text/plain; charset=utf-8", "baik\n")
    assert get(server, "/no")[::2] == (HTTPStatus.SERVICE_UNAVAILABLE, "menunggu – pangkalan data\n")


def test_another_path_is_not_found(server: StatusServer) -> None:
    assert get(server, "/etc/passwd")[0] == HTTPStatus.NOT_FOUND


def test_a_client_that_says_nothing_holds_nobody_up(server: StatusServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port)):
        assert get(server, "/yes")[0] == HTTPStatus.OK


def test_a_port_that_is_taken_and_an_address_that_is_not_ours_name_their_variables(server: StatusServer) -> None:
    with pytest.raises(BadSettings, match=f"^AKTIF_METRICS_PORT: cannot listen on 127.0.0.1 port {server.port}: "):
        StatusServer("127.0.0.1", server.port, {})
    with pytest.raises(BadSettings, match=r"^AKTIF_METRICS_BIND: 192\.0\.2\.1 is no address of this machine$"):
        StatusServer("192.0.2.1", 0, {})


def test_equal_labels_are_counted_in_one_go() -> None:
    counter = Counter("eggs", "Eggs laid.", ["colour"], registry=(registry := CollectorRegistry()))

    metrics.count(counter, [("brown",), ("white",), ("brown",)])

    assert registry.get_sample_value("eggs_total", {"colour": "brown"}) == 2
    assert registry.get_sample_value("eggs_total", {"colour": "white"}) == 1


@pytest.mark.parametrize(("seconds", "lag"), [(90, 90), (-90, 0)])
def test_lag_is_the_age_of_an_event_and_never_negative(seconds: float, lag: float) -> None:
    metrics.note_lag("test.lag", clock.now() - timedelta(seconds=seconds))

    assert metrics.REGISTRY.get_sample_value("aktif_lag_seconds", {"queue": "test.lag"}) == pytest.approx(lag, abs=5)


@pytest.mark.parametrize(
    ("code", "label"), [(250, "250"), (451, "451"), (599, "599"), (None, "none"), (0, "other"), (999, "other")]
)
def test_what_is_no_smtp_code_makes_no_label_of_its_own(code: int | None, label: str) -> None:
    assert _code(Attempt(Result.UNKNOWN, Step.CONTENT, "", code)) == label
