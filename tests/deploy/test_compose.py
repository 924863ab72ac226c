"""docker-compose.yml, brought up as a person would: real containers, an import through the HR system's user, kills.

AKTIF_TEST_COMPOSE=1 asks for it: it builds an image and takes minutes. It then fails where no Docker engine answers.
"""

import json
import os
from collections.abc import Iterator

import pytest

from tests.support.compose import Stack, docker, stack
from tests.support.registrations import ic_number
from tests.support.waiting import eventually

pytestmark = pytest.mark.skipif(
    os.environ.get("AKTIF_TEST_COMPOSE") != "1", reason="builds images: runs where AKTIF_TEST_COMPOSE=1"
)
PEOPLE = 1000
ACCOUNTS = "SELECT count(*) FROM accounts"
ACCEPTED = "SELECT count(*) FROM mails WHERE result = 'accepted'"
SENT_TWICE_AT_MOST = 50
WAITING_FOR_LOCK = (
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'aktif-state' AND wait_event_type = 'Lock'"
)


@pytest.fixture(scope="module")
def up() -> Iterator[Stack]:
    """`docker compose up`."""
    with stack(f"aktif-test-{os.getpid()}") as found:
        yield found


def staff(count: int, *, first: int) -> str:
    """A staff list."""
    rows = [
        f"{ic_number(n)},PEGAWAI CONTOH {n},pegawai.{n}@example.gov.my,2020-07-13" for n in range(first, first + count)
    ]
    return "\n".join(["ic_number,name,email,registered_at", *rows, ""])


def register(up: Stack, count: int, *options: str, first: int) -> None:
    """An HR import."""
    said = up.hr("register", "--source", "/hr/contoh", *options, "/dev/stdin", given=staff(count, first=first))
    assert f"{count:,} published" in said


def ledger_is_clean(up: Stack) -> bool:
    """Whether every event has its one fate and nothing waits."""
    said = up.aktif("ledger", "--json")
    report = json.loads(said.stdout)
    return said.returncode == 0 and bool(report["clean"]) and not report["waiting"]["messages"]


def test_an_import_through_the_hr_user_becomes_as_many_mails(up: Stack) -> None:
    register(up, PEOPLE, first=0)

    eventually("each has a mail", lambda: up.mails() >= PEOPLE, within=120, every=0.5)
    eventually("the ledger is clean", lambda: ledger_is_clean(up), within=60, every=2)
    assert up.mails() == PEOPLE
    assert up.count("SELECT count(*) FROM letters") == 0


@pytest.mark.parametrize("service", ["state", "mailer", "archivist"])
def test_a_service_has_its_own_secrets_and_no_others_and_is_healthy(up: Stack, service: str) -> None:
    found = set(up.compose("exec", "-T", service, "ls", "-A", "/run/secrets").stdout.split())
    (container,) = up.containers(service)

    keys = {"aktif_link_keys"} if service == "mailer" else set()
    assert found == {"aktif_amqp_url", "aktif_database_url"} | keys
    assert up.compose("exec", "-T", service, "id", "-u").stdout.strip() != "0"
    assert f"aktif-{service}:" in up.compose("exec", "-T", service, "cat", "/run/secrets/aktif_amqp_url").stdout
    health = ("inspect", container, "--format", "{{.State.Health.Status}}")
    eventually("it is healthy", lambda: docker(*health).strip() == "healthy", within=60, every=1)


def test_keys_for_development_are_refused_where_links_are_https(up: Stack) -> None:
    https = ("-e", "AKTIF_PORTAL_URL=https://ispeks.example.gov.my")
    said = up.compose("run", "--rm", "-T", "--no-deps", *https, "mailer", check=False)
    own = up.compose("run", "--rm", "-T", "--no-deps", *https, "-e", f"AKTIF_LINK_KEYS={'k' * 32}", "-e",
                     "AKTIF_DATABASE_URL=none", "mailer", check=False)  # fmt: skip

    assert said.returncode == own.returncode == 2
    assert "AKTIF_LINK_KEYS: a key that begins with development-" in said.stderr
    assert "AKTIF_LINK_KEYS" not in own.stderr


def test_prometheus_finds_every_worker_and_the_broker(up: Stack) -> None:
    up.compose("--profile", "observability", "up", "-d", "prometheus")

    jobs = {"state", "mailer", "archivist", "rabbitmq", "rabbitmq-queues"}
    eventually("all are scraped", lambda: up.scraped() == jobs, within=90, every=1)


def test_one_of_three_killed_with_work_in_hand_costs_nothing(up: Stack) -> None:
    three_of_each = ("up", "-d", "--scale", "state=3", "--scale", "mailer=3")
    up.environment["AKTIF_MAIL_RATE"] = "2"
    up.compose(*three_of_each)
    states, mailers = up.containers("state"), up.containers("mailer")
    assert (len(states), len(mailers)) == (3, 3)
    mails, quiet = up.mails(), 10 * PEOPLE
    accounts, accepted = up.count(ACCOUNTS), up.count(ACCEPTED)

    with up.locked("accounts"):
        register(up, quiet, "--no-mail", first=PEOPLE)
        eventually("state is in a transaction", lambda: up.count(WAITING_FOR_LOCK) > 0, every=0.1)
        assert up.kill_one_at_work(states) > 0
    register(up, PEOPLE, first=PEOPLE + quiet)
    eventually("mails arrive", lambda: up.mails() > mails)
    assert up.kill_one_at_work(mailers) > 0
    up.environment["AKTIF_MAIL_RATE"] = "0"
    up.compose(*three_of_each)

    eventually("each has a mail", lambda: up.mails() >= mails + PEOPLE, within=180, every=1)
    eventually("the ledger is clean", lambda: ledger_is_clean(up), within=60, every=2)
    assert up.count(ACCOUNTS) == accounts + PEOPLE + quiet
    assert up.count(ACCEPTED) == accepted + PEOPLE
    assert up.mails() <= mails + PEOPLE + SENT_TWICE_AT_MOST
    assert up.count("SELECT count(*) FROM letters") == 0


def test_a_stop_ends_each_worker_in_order(up: Stack) -> None:
    running = [container for service in ("state", "mailer", "archivist") for container in up.containers(service)]

    up.compose("stop", "state", "mailer", "archivist")

    assert {docker("inspect", one, "--format", "{{.State.ExitCode}}").strip() for one in running} == {"0"}
