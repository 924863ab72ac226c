"""What the workers tell Prometheus and whoever asks for their health, on real servers."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.cli.servers.ladder import Servers
from tests.support.registrations import hr_event, ic_number, message, publish, registration, registrations
from tests.support.scrape import status_of
from tests.support.smtp import SmtpServer
from tests.support.waiting import eventually
from tests.support.world import KEYS, World, world

ALL = ("state", "mailer", "archivist")
ADDRESS_451, ADDRESS_550 = "pegawai.1@", "pegawai.2@"


@pytest.fixture
def relay() -> Iterator[SmtpServer]:
    """A relay that takes everything until it is told otherwise."""
    with SmtpServer() as server:
        yield server


@pytest.fixture
def aktif(session_servers: Servers, tmp_path: Path, relay: SmtpServer) -> Iterator[World]:
    """All workers, with that relay."""
    with world(session_servers, tmp_path) as found:
        found.start(*ALL, AKTIF_SMTP_URL=relay.url)
        yield found


@pytest.fixture
def killable(own_servers: Servers, tmp_path: Path) -> Iterator[World]:
    """State alone, on servers that may be killed."""
    with world(own_servers, tmp_path) as found:
        found.start("state")
        yield found


def test_events_verdicts_letters_and_the_funnel_are_counted(aktif: World) -> None:
    unknown = {"reason": "resend", "ic_number": ic_number(999)}
    good = list(registrations(20))
    bad = message(hr_event("bad", registration(21, email="no address")))
    for each in (good, [*good[:5], bad, message(hr_event("stranger", unknown))]):
        publish(aktif.amqp_url, each)
        aktif.settle(lambda: aktif.count("SELECT count(*) FROM mails WHERE result = 'accepted'") == 20)

    state, archivist = status_of(aktif, "state"), status_of(aktif, "archivist")
    eventually("all is worked", lambda: state.value("aktif_verdicts_total") == 27 + 25)
    registered = {"type": "ActivationRequested", "outcome": "applied"}
    assert state.value("aktif_events_total", **registered) == 20
    assert state.value("aktif_events_total", type="ActivationRequested", outcome="repeated") == 5
    assert state.value("aktif_events_total", outcome="ignored", reason="unknown_account") == 1
    assert state.value("aktif_events_total", type="MailSettled", outcome="repeated") == 5
    assert state.value("aktif_events_total", type="MailSettled") == 25
    assert state.value("aktif_dead_letters_total", reason="bad_field") == 1
    assert state.value("aktif_verdicts_total", queue="state.bulk", verdict="dead") == 1
    assert state.value("aktif_verdicts_total", queue="state.bulk", verdict="done") == 26
    assert state.value("aktif_verdicts_total", queue="state.live", verdict="done") == 25
    assert state.value("aktif_batch_deliveries_sum") == 52
    assert 0 < state.value("aktif_batch_duration_seconds_sum") < 60
    assert 0 <= state.value("aktif_lag_seconds", queue="state.bulk") < 60
    assert state.values("aktif_broker_connected", "role") == {"consume": 1, "publish": 1}
    eventually("the letter is filed", lambda: archivist.value("aktif_letters_filed_total", by="worker") == 1)
    eventually("the funnel is counted anew", lambda: state.value("aktif_accounts", state="registered") == 20)
    assert state.value("aktif_links_live", purpose="activation") == 20
    assert state.value("aktif_accounts", state="active") == 0
    for service in ALL:
        version = status_of(aktif, service).get("/metrics")[1]
        assert 'aktif_build_info{python="' in version


def test_mails_are_counted_by_result_and_smtp_code_and_timed_from_request_to_acceptance(
    aktif: World, relay: SmtpServer
) -> None:
    relay.answer("rcpt", "451 4.7.1 Greylisted, come back later", to=ADDRESS_451)
    relay.answer("rcpt", "550 5.1.1 No such user here", to=ADDRESS_550)

    publish(aktif.amqp_url, registrations(10, first=1))
    eventually("eight are accepted", lambda: len(relay.mails) == 8)

    mailer = status_of(aktif, "mailer")
    eventually("all were tried", lambda: mailer.value("aktif_mail_attempts_total") == 10)
    assert mailer.value("aktif_mail_attempts_total", result="transient", smtp_code="451") == 1
    assert mailer.value("aktif_mail_attempts_total", result="permanent", smtp_code="550") == 1
    assert mailer.value("aktif_mails_total", result="failed", smtp_code="550") == 1
    assert mailer.value("aktif_mails_total", result="accepted", smtp_code="250") == 8
    assert mailer.value("aktif_mails_total") == 9
    assert mailer.value("aktif_retries_total", reason="transient", wait="wait.30s") == 1
    assert mailer.value("aktif_events_total", type="MailRequested", outcome="applied") == 8
    assert mailer.value("aktif_events_total", outcome="rejected", reason="permanent") == 1
    assert mailer.value("aktif_mail_acceptance_seconds_count", lane="bulk") == 8
    assert mailer.value("aktif_mail_acceptance_seconds_bucket", lane="bulk", le="60.0") == 8
    assert mailer.value("aktif_mail_acceptance_seconds_sum", lane="bulk") > 0
    assert mailer.value("aktif_mail_attempt_duration_seconds_count") == 10
    assert mailer.get("/readyz") == (200, "ready\n")


def test_a_relay_that_refuses_us_makes_the_mailer_unready_but_not_unhealthy_until_it_takes_mail_again(
    aktif: World, relay: SmtpServer
) -> None:
    mailer = status_of(aktif, "mailer")
    eventually("it is ready", lambda: mailer.get("/readyz")[0] == 200)
    assert mailer.value("aktif_paused", dependency="mail relay") == 0
    relay.answer("mail", "451 4.3.0 Queue file write error")

    publish(aktif.amqp_url, registrations(3))
    eventually("it is paused", lambda: mailer.get("/readyz")[0] == 503)

    assert "waiting for the mail relay" in mailer.get("/readyz")[1]
    assert mailer.get("/healthz") == (200, "alive\n")
    assert mailer.value("aktif_paused", dependency="mail relay") == 1
    assert mailer.value("aktif_mail_attempts_total", result="misconfigured", smtp_code="451") > 0
    eventually("the time grows while it waits", lambda: mailer.value("aktif_paused_seconds_total") > 0)
    assert status_of(aktif, "state").get("/readyz")[0] == 200

    relay.forget_rules()
    eventually("it is ready again", lambda: mailer.get("/readyz")[0] == 200)
    eventually("all are mailed", lambda: mailer.value("aktif_mails_total", result="accepted") == 3)
    assert mailer.value("aktif_paused", dependency="mail relay") == 0
    assert mailer.value("aktif_pauses_total", dependency="mail relay") >= 1


def test_a_database_that_goes_away_makes_state_unready_until_it_is_back(killable: World) -> None:
    database = killable.servers.postgres
    assert database is not None
    state = status_of(killable, "state")
    publish(killable.amqp_url, registrations(2))
    eventually("two are registered", lambda: state.value("aktif_events_total", outcome="applied") == 2)

    database.kill()
    publish(killable.amqp_url, registrations(2, first=2))
    eventually("it is paused", lambda: state.get("/readyz")[0] == 503)
    assert "waiting for the database" in state.get("/readyz")[1]
    assert state.get("/healthz")[0] == 200
    assert state.value("aktif_paused", dependency="database") == 1

    database.start()
    eventually("it goes on", lambda: state.value("aktif_events_total", outcome="applied") == 4)
    eventually("it is ready again", lambda: state.get("/readyz") == (200, "ready\n"))
    assert state.value("aktif_paused", dependency="database") == 0
    assert state.value("aktif_pauses_total", dependency="database") == 1
    assert state.value("aktif_paused_seconds_total", dependency="database") > 0


def test_a_broker_that_goes_away_makes_a_worker_unready_and_is_counted(killable: World) -> None:
    broker = killable.servers.rabbitmq
    assert broker is not None
    state = status_of(killable, "state")
    eventually("it is ready", lambda: state.get("/readyz")[0] == 200)

    broker.kill()
    eventually("it is not ready", lambda: state.get("/readyz")[0] == 503)
    assert "waiting for the broker" in state.get("/readyz")[1]
    assert state.get("/healthz")[0] == 200
    eventually("both are lost", lambda: state.value("aktif_broker_connected") == 0)

    broker.start()
    eventually("it is ready again", lambda: state.get("/readyz")[0] == 200, within=20)
    for role in ("consume", "publish"):
        assert state.value("aktif_broker_connections_total", role=role, what="opened") == 2
        assert state.value("aktif_broker_connections_total", role=role, what="lost") == 1


def test_a_port_that_is_taken_ends_the_process_at_once_with_one_line(aktif: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        environment = {
            **os.environ,
            **KEYS,
            "AKTIF_AMQP_URL": aktif.amqp_url,
            "AKTIF_DATABASE_URL": aktif.database_url,
            "AKTIF_METRICS_PORT": port,
        }
        done = subprocess.run(
            [sys.executable, "-m", "services.state"], env=environment, capture_output=True, text=True, timeout=20
        )

    assert done.returncode == 2
    assert done.stderr.startswith(f"aktif state: AKTIF_METRICS_PORT: cannot listen on 127.0.0.1 port {port}: ")
    assert done.stderr.count("\n") == 1
