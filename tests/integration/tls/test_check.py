"""`aktif check` over TLS: how long each certificate is good for, and why one is refused."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from services.cli.__main__ import run
from tests.integration.tls.conftest import Certificates, Fault, Ports, at, port_of
from tests.support.certificates import Certificate
from tests.support.door import Door, server_context
from tests.support.smtp import SmtpServer

Trust = Callable[[Path], None]
Found = dict[str, dict[str, Any]]


@pytest.fixture
def check(
    encrypted: Ports,
    amqps: str,
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Callable[[Certificate, Path], Found]]:
    """`check(certificate, authorities)`: what is found of servers that all show this certificate."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("AKTIF_")]:
        monkeypatch.delenv(name)
    with ExitStack() as closing:

        def checked(certificate: Certificate, authorities: Path) -> Found:
            amqp = closing.enter_context(Door(port_of(encrypted.broker.amqp_url), certificate))
            api = closing.enter_context(Door(port_of(encrypted.broker.api_url), certificate))
            postgres = closing.enter_context(Door(port_of(database), certificate, asks=True))
            relay = closing.enter_context(SmtpServer(tls=server_context(certificate)))
            verified = f"sslmode=verify-full&sslrootcert={authorities}"
            monkeypatch.setenv("AKTIF_AMQP_URL", at(amqps, amqp.port))
            monkeypatch.setenv("AKTIF_BROKER_API_URL", at(encrypted.broker.api_url, api.port, scheme="https"))
            monkeypatch.setenv("AKTIF_DATABASE_URL", f"{at(database, postgres.port)}?{verified}")
            monkeypatch.setenv("AKTIF_SMTP_URL", f"smtp+starttls://localhost:{relay.port}")
            run(["check", "--json"])
            listed = json.loads(capsys.readouterr().out)["findings"]
            return {f"{one['part']} {one['what'].partition(' localhost')[0]}": one for one in listed}

        yield checked


def test_how_long_each_certificate_is_good_for_is_told(
    check: Callable[[Certificate, Path], Found], certificates: Certificates, trust: Trust
) -> None:
    trust(certificates.ours)

    found = check(certificates.good, certificates.ours)

    for name in ("broker TLS", "broker management TLS", "database TLS", "mail TLS"):
        assert found[name]["level"] == "ok", found[name]
        assert "TLSv1." in found[name]["found"]
        assert "(299 days)" in found[name]["found"]


def test_one_that_ends_soon_is_a_warning(
    check: Callable[[Certificate, Path], Found], certificates: Certificates, trust: Trust
) -> None:
    trust(certificates.ours)

    found = check(certificates.soon, certificates.ours)

    for name in ("broker TLS", "broker management TLS", "database TLS", "mail TLS"):
        assert found[name]["level"] == "warning", found[name]
        assert "(8 days)" in found[name]["found"]
        assert found[name]["do"].startswith("renew it")


def test_why_one_is_refused_and_what_to_do_is_told(
    check: Callable[[Certificate, Path], Found], certificates: Certificates, trust: Trust, fault: Fault
) -> None:
    trust(fault.trusted(certificates))

    found = check(fault.certificate(certificates), fault.trusted(certificates))

    what, _, do = fault.says.partition("; ")
    for name in ("broker AMQP", "broker management API", "database login", "mail relay"):
        assert found[name]["level"] == "failed", found[name]
        assert what in found[name]["found"]
        assert do in found[name]["do"]
