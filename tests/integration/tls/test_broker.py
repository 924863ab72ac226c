"""AMQP and the management API over TLS: verified by authority and name, or not spoken to at all."""

from collections.abc import Callable
from pathlib import Path

import pytest
import structlog

from services.cli.failures import Failed, explain
from services.cli.management import BrokerApi
from shared.broker.connection import BrokerUnreachable, parameters
from shared.broker.look import look
from shared.broker.management import api_url_of, vhost_of
from shared.broker.provision import provision
from shared.broker.publisher import Publisher
from shared.broker.verdicts import Done
from shared.settings import BadSettings
from tests.integration.tls.conftest import Certificates, Fault, Ports, at, port_of
from tests.support.broker import WORKED, Hands, Recorder, duty, worked, working
from tests.support.door import Door
from tests.support.waiting import eventually

Trust = Callable[[Path], None]


def test_a_worker_takes_and_publishes_over_tls(
    amqps: str, https: str, certificates: Certificates, trust: Trust
) -> None:
    trust(certificates.ours)
    assert provision([amqps]) == []
    hands = Hands(amqps, https)
    hands.listen()
    hands.publish("aktif.hr", "live.X", [b"one"])

    with working(duty(), hands, Recorder(lambda delivery: Done([worked(delivery.body)]))):
        eventually("its answer is there", lambda: hands.count(WORKED) == 1)

    peer = look(amqps).peer
    assert peer is not None
    assert peer.version.startswith("TLSv1.")


def test_an_unverified_broker_is_told_nothing_and_why_is_said(
    encrypted: Ports, certificates: Certificates, trust: Trust, fault: Fault, door: Callable[..., Door]
) -> None:
    trust(fault.trusted(certificates))
    shown = door(port_of(encrypted.broker.amqp_url), fault.certificate(certificates))

    with pytest.raises(BrokerUnreachable) as refused:
        provision([at(encrypted.broker.amqp_url, shown.port, scheme="amqps")])

    said = explain(refused.value)
    assert fault.says in said
    assert "\n" not in said
    assert shown.received == b""


def test_a_worker_says_in_its_log_why_it_refuses(amqps: str, certificates: Certificates, trust: Trust) -> None:
    trust(certificates.strangers)
    with structlog.testing.capture_logs() as logs:
        publisher = Publisher([amqps], "test")
        publisher.start()
        try:
            eventually("it says so", lambda: [one for one in logs if one["event"] == "broker_unreachable"])
        finally:
            publisher.stop()

    refusal = next(one["error"] for one in logs if one["event"] == "broker_unreachable")
    assert refusal.startswith("no authority that this machine trusts has signed the server's certificate; set SSL_CERT")


def test_an_authority_file_that_is_not_there_is_named(amqps: str, tmp_path: Path, trust: Trust) -> None:
    trust(tmp_path / "none.pem")

    with pytest.raises(BrokerUnreachable, match=r"SSL_CERT_FILE names .*none\.pem, which is not there"):
        provision([amqps])


def test_a_port_without_tls_is_said_to_be_one(encrypted: Ports) -> None:
    port = port_of(encrypted.broker.amqp_url)

    with pytest.raises(BrokerUnreachable, match="does not speak TLS at this port"):
        provision([at(encrypted.broker.amqp_url, port, scheme="amqps")])


@pytest.mark.filterwarnings("ignore:ssl.PROTOCOL_TLS is deprecated:DeprecationWarning")
def test_a_url_cannot_switch_verification_off(certificates: Certificates) -> None:
    with pytest.raises(BadSettings, match="unverified"):
        parameters(f"amqps://user:geheim@host/?ssl_options={{'protocol':2,'cafile':'{certificates.ours}'}}", "test")


def test_an_authority_may_be_named_in_the_url(amqps: str, certificates: Certificates) -> None:
    assert look(f"{amqps}?ssl_options={{'cafile':'{certificates.ours}'}}").peer is not None


def test_the_management_api_is_asked_over_tls(amqps: str, https: str, certificates: Certificates, trust: Trust) -> None:
    trust(certificates.ours)
    api = BrokerApi(https, vhost_of(amqps))

    assert api.answers()
    assert api.alarms() == []
    assert api.peer().version.startswith("TLSv1.")


def test_an_unverified_management_api_is_told_no_password(
    encrypted: Ports, certificates: Certificates, trust: Trust, fault: Fault, door: Callable[..., Door]
) -> None:
    trust(fault.trusted(certificates))
    shown = door(port_of(encrypted.broker.api_url), fault.certificate(certificates))
    api = BrokerApi(at(encrypted.broker.api_url, shown.port, scheme="https"), "/")

    with pytest.raises(Failed) as refused:
        api.queues()

    assert fault.says in str(refused.value)
    assert shown.received == b""


def test_where_amqp_is_encrypted_the_management_api_is_too() -> None:
    assert api_url_of("amqps://user:x@host/v") == "https://user:x@host:15671"
    assert api_url_of("amqp://user:x@host/v") == "http://user:x@host:15672"
