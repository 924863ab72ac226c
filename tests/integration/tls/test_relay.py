"""The mail relay by STARTTLS and by implicit TLS: verified by authority and name, or not spoken to at all."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.mailer.relay import RelayDown
from services.mailer.transport import Transport
from tests.integration.tls.conftest import Certificates, Fault
from tests.support.certificates import Certificate
from tests.support.door import Door, server_context
from tests.support.smtp import SmtpServer

SENDER, LOGIN = "no-reply@ispeks.localhost", "aktif:rahsia"
Trust = Callable[[Path], None]


@dataclass(frozen=True)
class Relay:
    """A relay that wants a login, and the URL by which it is spoken to."""

    server: SmtpServer
    url: str


@pytest.fixture(params=["smtp+starttls", "smtps"])
def relay(request: pytest.FixtureRequest) -> Iterator[Callable[[Certificate], Relay]]:
    """`relay(certificate)`: one that speaks TLS after STARTTLS, and one that does at once."""
    with ExitStack() as closing:

        def opened(certificate: Certificate) -> Relay:
            if request.param == "smtp+starttls":
                server = closing.enter_context(SmtpServer(tls=server_context(certificate), login=LOGIN))
                return Relay(server, f"smtp+starttls://{LOGIN}@localhost:{server.port}")
            server = closing.enter_context(SmtpServer(login=LOGIN))
            door = closing.enter_context(Door(server.port, certificate))
            return Relay(server, f"smtps://{LOGIN}@localhost:{door.port}")

        yield opened


def test_a_verified_relay_gets_login_and_mail(
    relay: Callable[[Certificate], Relay], certificates: Certificates, trust: Trust
) -> None:
    trust(certificates.ours)
    opened = relay(certificates.good)
    transport = Transport(opened.url, SENDER, timeout=5)

    transport.probe()
    assert transport.deliver("pegawai@example.gov.my", b"\r\n").result == "accepted"

    transport.close()
    assert len(opened.server.mails) == 1
    assert opened.server.said("AUTH") == 2


def test_an_unverified_relay_is_told_no_login_and_no_mail(
    relay: Callable[[Certificate], Relay], certificates: Certificates, trust: Trust, fault: Fault
) -> None:
    trust(fault.trusted(certificates))
    opened = relay(fault.certificate(certificates))
    transport = Transport(opened.url, SENDER, timeout=5)

    attempt = transport.deliver("pegawai@example.gov.my", b"\r\n")

    assert attempt.result == "misconfigured"
    assert fault.says in attempt.reply
    assert opened.server.said("AUTH") == opened.server.said("MAIL") == 0


def test_a_relay_without_starttls_is_not_spoken_to_in_clear() -> None:
    with SmtpServer(login=LOGIN) as server:
        transport = Transport(f"smtp+starttls://{LOGIN}@localhost:{server.port}", SENDER, timeout=5)

        with pytest.raises(RelayDown, match="offers no STARTTLS, and is not spoken to in clear"):
            transport.probe()
        assert transport.deliver("pegawai@example.gov.my", b"\r\n").result == "misconfigured"

        assert server.said("AUTH") == server.said("MAIL") == 0
