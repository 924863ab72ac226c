"""docker-compose.yml, brought up as a person would: real containers, an import through the HR system's user, kills.

AKTIF_TEST_COMPOSE=1 asks for it: it builds an image and takes minutes. It then fails where no Docker engine answers.
"""

import json
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from tests.deploy import relay
from tests.support.certificates import Authority
from tests.support.compose import ROOT, Stack, docker, stack
from tests.support.registrations import ic_number
from tests.support.waiting import eventually
from tests.support.web import Visitor

pytestmark = pytest.mark.skipif(
    os.environ.get("AKTIF_TEST_COMPOSE") != "1", reason="builds images: runs where AKTIF_TEST_COMPOSE=1"
)
README = (ROOT / "README.md").read_text(encoding="utf-8")
ALERTS = re.findall(r"^ +- alert: (\w+)", (ROOT / "deploy/prometheus/alerts.yml").read_text(), re.MULTILINE)
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


@pytest.mark.parametrize("service", ["state", "mailer", "archivist", "portal"])
def test_a_service_has_its_own_secrets_and_no_others_and_is_healthy(up: Stack, service: str) -> None:
    found = set(up.compose("exec", "-T", service, "ls", "-A", "/run/secrets").stdout.split())
    (container,) = up.containers(service)

    keys = {"aktif_link_keys", "aktif_pepper_keys", "aktif_session_keys"}
    more = {"mailer": {"aktif_link_keys", "aktif_smtp_url"}, "portal": keys}
    assert found == {"aktif_amqp_url", "aktif_database_url"} | more.get(service, set())
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


def readme_runs(up: Stack, line: str) -> str:
    """What a line of the README prints, as it stands there."""
    assert f"    {line} " in README
    compose, subcommand, *arguments = shlex.split(line.removeprefix("docker "))
    assert compose == "compose"
    return up.compose(subcommand, *arguments).stdout


@pytest.mark.parametrize(
    ("line", "looked_at"),
    [
        ("docker compose run --rm -T aktif check --for operator", {"management API", "topology", "rights"}),
        ("docker compose exec mailer aktif check --for mailer", {"AKTIF_LINK_KEYS", "rights", "relay"}),
    ],
    ids=["operator", "mailer"],
)
def test_a_check_from_where_a_login_is_used_finds_nothing_wrong(up: Stack, line: str, looked_at: set[str]) -> None:
    said = readme_runs(up, line)

    assert said.splitlines()[-1].startswith("0 failed, ")
    assert {what for what in looked_at if not re.search(rf"^  ok +{what} ", said, re.MULTILINE)} == set()


def test_another_hr_system_gets_a_user_of_its_own(up: Stack) -> None:
    told = readme_runs(up, "docker compose run --rm provision provision --hr kelantan")
    password = re.search(r"^user: hr-kelantan, password (\S+)", told, re.MULTILINE)
    assert password is not None
    as_kelantan = f"AKTIF_AMQP_URL=amqp://hr-kelantan:{password[1]}@rabbitmq:5672/%2F"
    import_ = ("register", "--source", "/hr/kelantan", "--no-mail", "/dev/stdin")

    said = up.compose("run", "--rm", "-T", "-e", as_kelantan, "hr", *import_, given=staff(1, first=40 * PEOPLE)).stdout

    assert "1 published" in said


@pytest.fixture
def own_relay(up: Stack, tmp_path: Path) -> Iterator[Stack]:
    """The same stack with a relay of its own: its URL is in a file, its certificate from a private authority."""
    authority = Authority(tmp_path / "authority")
    authority.certificate("relay", names="DNS:relay")
    url = tmp_path / "smtp_url"
    url.write_text(f"smtp+starttls://{relay.LOGIN}@relay:{relay.PORT}\n")
    url.chmod(0o644)
    more = ("deploy/compose/relay.yml", "deploy/compose/authority.yml", "tests/deploy/relay.yml")
    environment = {
        "COMPOSE_FILE": ":".join(["docker-compose.yml", *more]),
        "AKTIF_SMTP_URL_FILE": str(url),
        "AKTIF_AUTHORITY_FILE": str(authority.file),
        "AKTIF_TEST_CERTIFICATES": str(authority.file.parent),
    }
    found = replace(up, environment=up.environment | environment)
    try:
        found.compose("up", "-d", "relay", "mailer")
        yield found
    finally:
        found.compose("rm", "-sf", "relay")
        up.compose("up", "-d", "mailer")


def of_relay(found: Stack, *arguments: str) -> dict[str, Any]:
    """What a mailer of its own finds of the relay."""
    said = found.compose(*arguments, "mailer", "check", "--for", "mailer", "--json", check=False)
    findings = json.loads(said.stdout)["findings"]
    return next(one for one in findings if (one["part"], one["what"]) == ("mail", "relay"))


def test_a_relay_whose_url_is_in_a_file_gets_the_mails(own_relay: Stack, tmp_path: Path) -> None:
    """A private authority is trusted only where it is named, and the environment comes before the file."""
    caught, run = own_relay.mails(), ("run", "--rm", "-T", "--no-deps")
    without_authority = replace(own_relay, environment=dict(own_relay.environment))
    without_authority.environment["COMPOSE_FILE"] = "docker-compose.yml:deploy/compose/relay.yml"
    other_password = tmp_path / "relay.env"
    other_password.write_text(f"AKTIF_SMTP_URL='smtp+starttls://aktif:ge$heim@relay:{relay.PORT}'\n")

    register(own_relay, 1, first=41 * PEOPLE)

    sent = f"mail to pegawai.{41 * PEOPLE}@example.gov.my"
    eventually("the relay has it", lambda: sent in own_relay.compose("logs", "relay").stdout, every=1)
    assert own_relay.mails() == caught
    assert of_relay(own_relay, *run)["level"] == "ok"
    assert "no authority that this machine trusts" in of_relay(without_authority, *run)["found"]
    assert "535" in of_relay(own_relay, "--env-file", str(other_password), *run)["found"]


def test_a_person_asks_the_portal_for_the_mail_again_and_its_link_opens_there(up: Stack) -> None:
    person = 42 * PEOPLE
    register(up, 1, "--no-mail", first=person)
    before = up.mails()

    with closing(Visitor(up.portal_url, language="ms")) as visitor:
        sent = visitor.submits(visitor.goes_to("/account/resend"), ic_number=ic_number(person))
        assert sent.path == "/account/resend/sent"
        eventually("the mail is caught", lambda: up.mails() == before + 1, within=30, every=0.5)
        page = visitor.goes_to(up.newest_link())

    assert page.status == HTTPStatus.OK
    assert f"pegawai.{person}@example.gov.my" in page.html


@pytest.fixture(scope="module")
def prometheus(up: Stack) -> Stack:
    """The stack with its Prometheus."""
    up.compose("--profile", "observability", "up", "-d", "prometheus")
    return up


def test_prometheus_finds_every_worker_and_the_broker(prometheus: Stack) -> None:
    jobs = {"state", "mailer", "archivist", "portal", "console", "rabbitmq", "rabbitmq-queues"}
    eventually("all are scraped", lambda: prometheus.scraped() == jobs, within=90, every=1)


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


def test_prometheus_evaluates_every_alert_without_an_error(prometheus: Stack) -> None:
    """Of three workers of a kind, where they run: some joins fail only there."""
    eventually(
        "all were evaluated",
        lambda: (found := prometheus.rules()) and all(rule["health"] != "unknown" for rule in found),
        within=60,
        every=1,
    )

    rules = prometheus.rules()
    assert sorted(rule["name"] for rule in rules) == sorted(ALERTS)
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"} == {}


def test_a_stop_ends_each_worker_in_order(up: Stack) -> None:
    services = ("state", "mailer", "archivist", "portal", "console")
    running = [container for service in services for container in up.containers(service)]

    up.compose("stop", *services)

    assert {docker("inspect", one, "--format", "{{.State.ExitCode}}").strip() for one in running} == {"0"}
