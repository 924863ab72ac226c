"""The private servers: what is confirmed survives SIGKILL, nothing is left behind, nobody else can reach them."""

import gc
import json
import os
import pty
import shutil
import signal
import smtplib
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pika
import psutil  # type: ignore[import-untyped]
import psycopg
import pytest

from services.cli.servers import apt, container, rabbitmq
from services.cli.servers.catcher import MailCatcher
from services.cli.servers.ladder import Given, Servers, ServersBusy, ServersMissing, servers
from services.cli.servers.management import Management
from services.cli.servers.postgres import PrivatePostgres
from services.cli.servers.process import ServerFailed, ServerProcess, kept_ports
from services.cli.servers.rabbitmq import PrivateRabbitMQ
from shared.broker.management import api_url_of
from tests.support.servers import create_database, database_url, drop_database, fresh_vhost

HOLD = """
import json, sys, time
from pathlib import Path
from services.cli.servers.ladder import Given, servers
with servers(Path(sys.argv[1]), given=Given()) as found:
    pids = [server.pid for server in (found.rabbitmq, found.postgres, found.catcher)]
    print(json.dumps({"urls": found.environment(), "pids": pids}), flush=True)
    time.sleep(600)
"""

ON_A_TERMINAL = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL);"  # a job in the background ignores it
    "os.login_tty(0); os.execv(sys.argv[1], sys.argv[1:])"
)
SERVE_AFTER_CTRL_C = """
import sys, time
from pathlib import Path
import psycopg
from services.cli.servers.ladder import Given, servers
with servers(Path(sys.argv[1]), want=frozenset({"database", "smtp"}), given=Given()) as found:
    pids = [found.postgres.pid, found.catcher.pid]
    try:
        print("ready", *pids, flush=True)
        time.sleep(600)
    except KeyboardInterrupt:
        for _ in range(20):
            psycopg.connect(found.database_url.replace("+psycopg", "")).close()
        print("served", flush=True)
"""


@pytest.fixture(autouse=True)
def _private(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test starts here by itself is a private server, also where the session's are containers."""
    monkeypatch.delenv("AKTIF_TEST_CONTAINERS", raising=False)


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that others may enter: pytest's own are closed again whenever another pytest starts, and PostgreSQL runs as
    another user where we are root."""
    made = Path(tempfile.mkdtemp(prefix="aktif tests-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def test_a_confirmed_message_survives_a_killed_broker(own_servers: Servers) -> None:
    broker = own_servers.rabbitmq
    assert broker is not None
    with fresh_vhost(own_servers.amqp_url, own_servers.broker_api_url) as url:
        connection = pika.BlockingConnection(pika.URLParameters(url))
        channel = connection.channel()
        channel.queue_declare("kept", durable=True, arguments={"x-queue-type": "quorum"})
        channel.confirm_delivery()
        channel.basic_publish("", "kept", b"x", pika.BasicProperties(delivery_mode=2), mandatory=True)
        # RabbitMQ writes down half a second late which quorum queues there are; messages are safe at once.
        time.sleep(1)
        broker.kill()
        with pytest.raises(pika.exceptions.AMQPError):
            channel.queue_declare("kept", passive=True)
        broker.start()
        connection = pika.BlockingConnection(pika.URLParameters(url))
        deadline, body = time.monotonic() + 20, None
        while body is None and time.monotonic() < deadline:
            _, _, body = connection.channel().basic_get("kept", auto_ack=True)
        connection.close()
    assert body == b"x"


def test_a_committed_row_survives_a_killed_database(own_servers: Servers) -> None:
    server = own_servers.postgres
    assert server is not None
    url = create_database(own_servers.database_url).replace("+psycopg", "")
    connection = psycopg.connect(url, autocommit=True)
    connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    backend = connection.info.backend_pid
    server.kill()
    if isinstance(server, PrivatePostgres):  # a container counts its processes by itself
        assert not _runs(backend)
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    server.start()
    with psycopg.connect(url) as again:
        assert again.execute("SELECT number FROM kept").fetchall() == [(7,)]
        settings = ("fsync", "synchronous_commit", "full_page_writes")
        assert [again.execute(f"SHOW {name}").fetchall() for name in settings] == [[("on",)]] * 3
    drop_database(url)


def test_what_a_killed_parent_leaves_is_taken_over_beside_another_copy(own_servers: Servers, folder: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": os.getcwd()}) as parent:
        assert parent.stdout is not None
        said = json.loads(parent.stdout.readline())
        with pytest.raises(ServersBusy, match="another process uses the servers"), servers(folder, given=Given()):
            pass
        parent.kill()
    with servers(folder, given=Given(), for_tests=True) as found:
        assert not any(map(_runs, said["pids"]))
        assert found.environment() == said["urls"]
        assert not set(said["urls"].values()) & set(own_servers.environment().values())


def test_an_ended_parent_takes_its_servers_along(tmp_path: Path) -> None:
    script = (
        "import sys, os, signal; from pathlib import Path; from services.cli.servers.catcher import MailCatcher\n"
        "catcher = MailCatcher(Path(sys.argv[1])); catcher.start(); print(catcher.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE, check=False)
    pid, deadline = int(done.stdout), time.monotonic() + 10
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert done.returncode == -signal.SIGKILL
    assert not _runs(pid)


def test_servers_listen_on_this_machine_only(own_servers: Servers) -> None:
    assert own_servers.postgres is not None
    ours = psutil.Process().children(recursive=True)
    listening = [c.laddr.ip for p in ours for c in _connections(p) if c.status == psutil.CONN_LISTEN]
    wanted = 4 * isinstance(own_servers.rabbitmq, PrivateRabbitMQ)  # AMQP, management, distribution and epmd
    wanted += isinstance(own_servers.postgres, PrivatePostgres)
    assert len(listening) >= wanted
    assert set(listening) <= {"127.0.0.1", "::1"}


def test_a_node_has_a_name_a_cookie_and_an_epmd_of_its_own(own_servers: Servers) -> None:
    node = own_servers.rabbitmq
    if not isinstance(node, PrivateRabbitMQ):
        pytest.skip("the node runs in a container")
    environment = psutil.Process(node.pid).environ()
    asked = ["epmd", "-port", environment["ERL_EPMD_PORT"], "-names"]
    names = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    assert Management(node.api_url).request("GET", "overview")["node"] == "aktif@localhost"
    assert "name aktif at port" in names
    assert environment["ERL_EPMD_PORT"] != "4369"
    assert Path(environment["HOME"], ".erlang.cookie").exists()
    assert Path(environment["HOME"]) != Path.home()


@pytest.mark.skipif(os.geteuid() != 0, reason="only as root there is another user to run as")
def test_a_database_that_refuses_root_runs_as_another_user(own_servers: Servers) -> None:
    assert own_servers.postgres is not None
    family = [psutil.Process(own_servers.postgres.pid), *psutil.Process(own_servers.postgres.pid).children()]
    assert {process.uids().real == 0 for process in family} == {False}
    assert {process.gids().real == 0 for process in family} == {False}


def test_ctrl_c_reaches_us_first_and_the_servers_end_with_us(folder: Path) -> None:
    terminal, inside = pty.openpty()
    command = [
        sys.executable,
        "-c",
        ON_A_TERMINAL,
        sys.executable,
        "-c",
        SERVE_AFTER_CTRL_C,
        str(folder),
    ]
    with subprocess.Popen(command, stdin=inside, env=os.environ | {"PYTHONPATH": os.getcwd()}) as parent:
        os.close(inside)
        _, *pids = _line_with(terminal, "ready").split()
        os.write(terminal, b"\x03")
        _line_with(terminal, "served")
        assert parent.wait(30) == 0
    os.close(terminal)
    assert not any(_runs(int(pid)) for pid in pids)


def test_secrets_of_the_servers_are_their_owners(tmp_path: Path) -> None:
    node = PrivateRabbitMQ(tmp_path, Path("/nonexistent/rabbitmq-server"))
    with pytest.raises(FileNotFoundError):
        node.launch()
    node.kill()
    for name in ("password", ".erlang.cookie", "rabbitmq.conf"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_a_caught_mail_is_a_file_of_the_maildir(tmp_path: Path) -> None:
    catcher = MailCatcher(tmp_path)
    catcher.start()
    try:
        place = urlsplit(catcher.url)
        with smtplib.SMTP(place.hostname or "", place.port or 0) as client:
            client.ehlo()
            assert {"8bitmime", "smtputf8"} <= set(client.esmtp_features)
            client.sendmail("from@example.test", ["to@example.test"], "Subject: Ujian\r\n\r\nSelamat\r\n")
            with pytest.raises(smtplib.SMTPResponseException) as refused:
                client.sendmail("from@example.test", ["to@example.test"], b"x" * 1_100_000)
        assert refused.value.smtp_code == 552
        catcher.kill()
        catcher.start()
        assert place.netloc == urlsplit(catcher.url).netloc
    finally:
        catcher.stop()
    (mail,) = (catcher.maildir / "new").iterdir()
    expected = (
        b"Return-Path: <from@example.test>\r\nX-Envelope-To: <to@example.test>\r\nSubject: Ujian\r\n\r\nSelamat\r\n"
    )
    assert mail.read_bytes() == expected


def test_a_catcher_that_is_busy_for_a_domain_refuses_each_of_its_recipients_once_and_says_so(tmp_path: Path) -> None:
    catcher = MailCatcher(tmp_path, busy="sibuk.example.test")
    catcher.start()
    place = urlsplit(catcher.url)
    recipients = ["one@sibuk.example.test", "other@Sibuk.example.test", "to@example.test"]
    try:
        with smtplib.SMTP(place.hostname or "", place.port or 0) as client:
            first = client.sendmail("from@example.test", recipients, "Subject: Ujian\r\n\r\nSelamat\r\n")
            again = client.sendmail("from@example.test", recipients, "Subject: Ujian\r\n\r\nSelamat\r\n")
    finally:
        catcher.stop()

    refused = (451, b"4.3.2 Busy, try again later")
    assert (first, again) == ({recipients[0]: refused, recipients[1]: refused}, {})
    caught = sorted(mail.read_bytes().count(b"X-Envelope-To") for mail in (catcher.maildir / "new").iterdir())
    assert caught == [1, 3]
    said = [json.loads(line) for line in (tmp_path / "catcher.out").read_text().splitlines()]
    assert [(line["event"], line.get("refused")) for line in said] == [
        ("ready", None), ("refused once", 1), ("refused once", 2)
    ]  # fmt: skip


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    process = ServerProcess("broken", tmp_path)
    process.start(["/bin/sh", "-c", "echo no such luck; exit 3"], env={}, cwd=tmp_path)
    with pytest.raises(ServerFailed, match="broken ended while it started:\nno such luck"):
        process.wait_until(lambda: False, timeout=10)
    process.stop()


def test_a_pid_that_is_somebody_elses_by_now_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as stranger:
        (tmp_path / "x.pid.json").write_text(json.dumps({"pid": stranger.pid, "started": time.time() - 3600}))
        ServerProcess("x", tmp_path).end_left_behind()
        assert stranger.poll() is None
        stranger.kill()


def test_urls_that_are_set_are_used(tmp_path: Path) -> None:
    given = Given.of({"AKTIF_AMQP_URL": "amqp://a:b%2F@host:1/v", "AKTIF_DATABASE_URL": "d", "AKTIF_SMTP_URL": "s"})
    with servers(tmp_path, given=given) as found:
        assert (found.rabbitmq, found.postgres, found.catcher) == (None, None, None)
        assert (found.database_url, found.smtp_url) == ("d", "s")
        assert found.broker_api_url == api_url_of(found.amqp_url) == "http://a:b%2F@host:15672"


def test_without_any_rabbitmq_one_line_says_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rabbitmq, "find_server", lambda: None)
    monkeypatch.setattr(container, "engine_answers", lambda: False)
    monkeypatch.setattr(apt, "can_install", lambda: False)
    missing_server = pytest.raises(ServersMissing, match=r"^RabbitMQ is missing: .*type `.*install")
    with missing_server as missing, servers(tmp_path, given=Given(), for_tests=True):
        pass
    assert "\n" not in str(missing.value)


def test_an_engine_that_is_not_there_is_asked_without_a_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    assert not container.engine_answers()
    gc.collect()  # a socket left open would be a warning, and so a failure


def test_ports_are_kept_over_restarts(tmp_path: Path) -> None:
    first = kept_ports(tmp_path / "ports.json", ["a", "b"])
    assert kept_ports(tmp_path / "ports.json", ["a", "b"]) == first
    assert len(set(first.values())) == 2


def test_a_vhost_and_a_database_are_the_tests_own(vhost: str, postgres: str) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(vhost))
    connection.channel().queue_declare("own", durable=True, arguments={"x-queue-type": "quorum"})
    connection.close()
    url = create_database(postgres)
    assert database_url(postgres, "x").endswith("/x")
    drop_database(url)


def _line_with(terminal: int, word: str) -> str:
    said = b""
    while not (said.endswith(b"\n") and said.splitlines()[-1].decode().lstrip("^C").startswith(word)):
        try:
            said += os.read(terminal, 1)
        except OSError:  # whoever wrote there has ended
            pytest.fail(
                f"ended without a line that begins with {word!r}, after saying {said.decode(errors='replace')!r}"
            )
    return said.splitlines()[-1].decode()


def _connections(process: psutil.Process) -> list[Any]:
    try:
        return list(process.net_connections("inet"))
    except psutil.NoSuchProcess:
        return []


def _runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
