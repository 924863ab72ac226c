"""A relay in trouble: pause and probe, whose fault a refusal is, connections that end, and the wire itself."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from schemas.events import MailResult
from services.mailer.relay import RelayDown
from services.mailer.transport import Transport
from shared.broker.verdicts import UNTOUCHED, DependencyDown, Done, Retry
from shared.store.tables import attempts, mailer_inbox
from tests.integration.mailer.desk import Desk, request, results_of, settled
from tests.support.smtp import Drop, Shut, SmtpServer

CERTIFICATE = Path(__file__).with_name("relay.pem")
REFUSED = "554 5.7.1 Relay access denied"


def one_at_a_time(desk: Desk) -> None:
    """Make the order of replies the order of the batch."""
    desk.mailer._transport.size = 1


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_a_relay_that_is_not_there_pauses_all_and_the_probe_tells_of_its_return(desk: Desk) -> None:
    port = free_port()
    mailer = desk.another(smtp_url=SecretStr(f"smtp://127.0.0.1:{port}"))
    deliveries = [request(desk.person()) for _ in range(5)]

    with pytest.raises(DependencyDown) as down:
        mailer(deliveries)

    assert down.value.what == "mail relay"
    with pytest.raises(RelayDown):
        down.value.probe()
    assert desk.count(mailer_inbox) == 0
    assert desk.count(attempts) == 1
    with SmtpServer(port=port) as back:
        down.value.probe()
        assert back.mails == []
        assert back.said("DATA") == 0
        assert results_of(mailer(deliveries)) == ["done"] * 5


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("connect", "421 4.3.2 Service not available"),
        ("connect", "554 5.7.1 You are blocked"),
        ("connect", Drop()),
        ("ehlo", "421 4.3.2 closing"),
        ("mail", "550 5.7.1 Sender rejected"),
        ("mail", "451 4.3.0 Server error"),
        ("mail", "452 4.3.1 Insufficient system storage"),
        ("mail", Shut("421 4.3.2 Service shutting down")),
        ("rcpt", "530 5.7.0 Must issue a STARTTLS command first"),
    ],
)
def test_what_is_not_about_a_recipient_pauses_all(desk: Desk, step: str, answer: str | Drop | Shut) -> None:
    desk.relay.answer(step, answer)
    delivery = request(desk.person())

    with pytest.raises(DependencyDown) as down:
        desk.mailer([delivery])

    assert down.value.what == "mail relay"
    with pytest.raises(RelayDown):
        down.value.probe()
    assert desk.inbox() == []
    desk.relay.forget_rules()
    down.value.probe()
    assert desk.relay.said("DATA") <= 1
    assert settled(desk.mailer([delivery])[0])[1].result is MailResult.ACCEPTED


def test_what_was_settled_before_the_pause_is_found_and_not_sent_again(desk: Desk) -> None:
    one_at_a_time(desk)
    good, refused, later = desk.person(), desk.person("sekat@example.gov.my"), desk.person()
    desk.relay.answer("rcpt", "530 5.7.0 Authentication required", to="sekat", times=1)
    batch = [request(person) for person in (good, refused, later)]

    with pytest.raises(DependencyDown):
        desk.mailer(batch)
    verdicts = desk.mailer(batch)

    assert results_of(verdicts) == ["done"] * 3
    assert sorted(mail.recipient for mail in desk.relay.mails) == sorted(p.email for p in (good, refused, later))


def test_one_5_7_x_alone_is_that_addresss_own(desk: Desk) -> None:
    desk.relay.answer("rcpt", REFUSED, to="silap")
    person = desk.person("pegawai@silap.example")

    (verdict,) = desk.mailer([request(person)])

    assert settled(verdict)[1].result is MailResult.FAILED


def test_5_7_x_for_three_domains_in_a_row_pauses_and_loses_none(desk: Desk) -> None:
    one_at_a_time(desk)
    people = [desk.person(f"pegawai@jabatan{n}.example") for n in range(6)]
    batch = [request(person) for person in people]
    desk.relay.answer("rcpt", REFUSED)

    with pytest.raises(DependencyDown) as down:
        desk.mailer(batch)

    assert down.value.why == REFUSED
    assert desk.inbox() == []
    with pytest.raises(RelayDown):
        down.value.probe()
    desk.relay.forget_rules()
    down.value.probe()
    assert desk.relay.mails == []
    assert [settled(v)[1].result for v in desk.mailer(batch)] == [MailResult.ACCEPTED] * 6


def test_many_5_7_x_of_two_domains_are_their_own(desk: Desk) -> None:
    one_at_a_time(desk)
    people = [desk.person(f"pegawai{n}@jabatan{n % 2}.example") for n in range(6)]
    desk.relay.answer("rcpt", REFUSED)

    verdicts = desk.mailer([request(person) for person in people])

    assert [settled(v)[1].result for v in verdicts] == [MailResult.FAILED] * 6


def test_an_acceptance_between_tells_that_the_refusals_are_the_addresses_own(desk: Desk) -> None:
    one_at_a_time(desk)
    refused = [desk.person(f"sekat@jabatan{n}.example") for n in range(4)]
    good = desk.person()
    desk.relay.answer("rcpt", REFUSED, to="sekat")

    verdicts = desk.mailer([request(p) for p in (refused[0], refused[1], good, refused[2], refused[3])])

    results = [settled(v)[1].result for v in verdicts]
    assert results == [MailResult.FAILED] * 2 + [MailResult.ACCEPTED] + [MailResult.FAILED] * 2


def test_refusals_of_batches_of_one_count_together(desk: Desk) -> None:
    desk.relay.answer("rcpt", REFUSED)
    deliveries = [request(desk.person(f"pegawai@jabatan{n}.example")) for n in range(4)]

    assert results_of(desk.mailer(deliveries[:1])) == ["done"]
    assert results_of(desk.mailer(deliveries[1:2])) == ["done"]
    with pytest.raises(DependencyDown):
        desk.mailer(deliveries[2:3])
    with pytest.raises(DependencyDown):
        desk.mailer(deliveries[3:])
    desk.relay.forget_rules()
    assert results_of(desk.mailer(deliveries[2:])) == ["done"] * 2


def test_a_probe_for_refused_addresses_asks_less_after_five_minutes(relay: SmtpServer) -> None:
    now = 0.0
    transport = Transport(relay.url, "no-reply@ispeks.localhost", clock=lambda: now)
    relay.answer("rcpt", REFUSED)
    probe = transport.recipient_probe(["a@one.example", "b@two.example"])

    with pytest.raises(RelayDown, match="Relay access denied"):
        probe()
    now = 301.0
    probe()

    assert relay.said("RCPT") == 2
    assert relay.said("DATA") == 0


def test_an_idle_connection_that_the_relay_closed_is_replaced_without_a_word(desk: Desk) -> None:
    assert results_of(desk.mailer([request(desk.person())])) == ["done"]
    desk.relay.close_connections()
    person = desk.person()

    (verdict,) = desk.mailer([request(person)])

    assert settled(verdict)[1].result is MailResult.ACCEPTED
    assert desk.attempt_results(person) == ["accepted"]
    assert desk.relay.connections == 2


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("mail", Shut("421 4.4.2 idle too long")),
        ("mail", "452 4.5.3 Too many mails"),
        ("rcpt", Shut("421 4.7.0 bye")),
        ("rcpt", Drop()),
    ],
)
def test_a_connection_that_has_had_its_day_is_replaced(desk: Desk, step: str, answer: str | Shut | Drop) -> None:
    assert results_of(desk.mailer([request(desk.person())])) == ["done"]
    desk.relay.answer(step, answer, times=1)

    (verdict,) = desk.mailer([request(desk.person())])

    assert settled(verdict)[1].result is MailResult.ACCEPTED
    assert desk.relay.connections == 2


@pytest.mark.parametrize("answer", [Drop(), Shut("421 4.7.0 Try again later")])
def test_a_fresh_connection_that_ends_at_rcpt_is_this_mails_transient(desk: Desk, answer: Shut | Drop) -> None:
    desk.relay.answer("rcpt", answer, to="sekat")

    verdicts = desk.mailer([request(desk.person("sekat@example.gov.my")), request(desk.person())])

    assert isinstance(verdicts[0], Retry)
    assert verdicts[0].reason == "transient"
    assert isinstance(verdicts[1], Done)


def test_a_relay_that_allows_few_connections_is_used_with_few(desk: Desk) -> None:
    desk.relay.answer("connect", "421 4.7.0 Too many connections")
    desk.relay.answer("connect", "220 relay.example.com", times=2)

    left = [request(person) for person in desk.people(40)]
    while left:  # a batch is a second of work
        verdicts = desk.mailer(left)
        assert set(results_of(verdicts)) <= {"done", "untouched"}
        left = [delivery for delivery, verdict in zip(left, verdicts, strict=True) if verdict is UNTOUCHED]

    assert len(desk.relay.mails) == 40
    assert {mail.connection for mail in desk.relay.mails} <= {1, 2}


def test_a_refused_recipient_with_pipelining_costs_no_connection(desk: Desk) -> None:
    """RFC 2920 §3.1: DATA may be answered 354 after a refused RCPT; a lone dot ends it and nobody is mailed."""
    one_at_a_time(desk)
    desk.relay.answer("rcpt", "550 5.1.1 No such user", to="tiada")
    desk.relay.answer("data", "354 go on", to="tiada")

    verdicts = desk.mailer([request(desk.person("tiada@example.gov.my")), request(desk.person())])

    assert [settled(v)[1].result for v in verdicts] == [MailResult.FAILED, MailResult.ACCEPTED]
    assert desk.relay.connections == 1
    assert [mail.recipient for mail in desk.relay.mails] == ["pegawai2@example.gov.my"]
    assert b".\r\n" in desk.relay.writes


@pytest.mark.parametrize("pipelining", [True, False])
def test_commands_go_out_in_one_write_only_where_the_relay_can(pipelining: bool) -> None:
    with SmtpServer(pipelining=pipelining) as relay:
        transport = Transport(relay.url, "no-reply@ispeks.localhost")
        body = b"Subject: x\r\n\r\n.satu\r\n..dua\r\n"
        attempt = transport.deliver("pegawai@example.gov.my", body)
        transport.close()

        together = b"MAIL FROM:<no-reply@ispeks.localhost>\r\nRCPT TO:<pegawai@example.gov.my>\r\nDATA\r\n"
        assert (together in relay.writes) is pipelining
        assert attempt.reply == "250 2.0.0 Ok: queued"
        assert relay.mails[0].content == body
        assert relay.said("QUIT") == 1


@pytest.mark.parametrize(
    ("step", "reply", "result"), [("rcpt", "550 5.1.1 no", "permanent"), ("data", "451 4.3.0 later", "transient")]
)
def test_without_pipelining_a_refusal_is_reset_and_the_connection_goes_on(step: str, reply: str, result: str) -> None:
    with SmtpServer(pipelining=False) as relay:
        relay.answer(step, reply, to="tiada")
        transport = Transport(relay.url, "no-reply@ispeks.localhost")

        assert transport.deliver("tiada@example.gov.my", b"\r\n").result == result
        assert transport.deliver("pegawai@example.gov.my", b"\r\n").result == "accepted"
        transport.close()

        assert relay.connections == 1
        assert relay.said("RSET") == 1


@pytest.mark.parametrize("reply", ["nonsense", "250", "99 x", "250-a\r\n" * 200 + "250 z", "250 " + "x" * 9000])
def test_a_reply_that_is_no_smtp_ends_the_connection_and_nothing_else(reply: str) -> None:
    with SmtpServer() as relay:
        relay.answer("content", reply, times=1)
        transport = Transport(relay.url, "no-reply@ispeks.localhost")

        assert transport.deliver("pegawai@example.gov.my", b"\r\n").result == (
            "accepted" if reply == "250" else "unknown"
        )
        assert transport.deliver("pegawai@example.gov.my", b"\r\n").result == "accepted"
        transport.close()


@pytest.fixture
def certified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


@pytest.fixture
def login_relay(certified: ssl.SSLContext) -> Iterator[SmtpServer]:
    with SmtpServer(tls=certified, login="aktif:rahsia@1") as relay:
        yield relay


def test_starttls_and_login(login_relay: SmtpServer) -> None:
    url = f"smtp+starttls://aktif:rahsia%401@127.0.0.1:{login_relay.port}"
    transport = Transport(url, "no-reply@ispeks.localhost", tls=ssl.create_default_context(cafile=CERTIFICATE))

    assert transport.deliver("pegawai@example.gov.my", b"\r\n").result == "accepted"
    transport.probe()
    transport.close()

    assert [line.split(" ")[0].upper() for line in login_relay.lines[:4]] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]
    assert len(login_relay.mails) == 1


@pytest.mark.parametrize("password", ["salah", "ß"])
def test_a_refused_login_is_the_relays_and_its_reason_shows_no_password(login_relay: SmtpServer, password: str) -> None:
    url = f"smtp+starttls://aktif:{password}@127.0.0.1:{login_relay.port}"
    transport = Transport(url, "no-reply@ispeks.localhost", tls=ssl.create_default_context(cafile=CERTIFICATE))

    attempt = transport.deliver("pegawai@example.gov.my", b"\r\n")

    assert attempt.result == "misconfigured"
    assert password not in attempt.reply
    assert login_relay.said("MAIL") == 0


def test_a_certificate_that_nobody_vouches_for_is_refused(login_relay: SmtpServer) -> None:
    transport = Transport(f"smtp+starttls://aktif:x@127.0.0.1:{login_relay.port}", "no-reply@ispeks.localhost")

    attempt = transport.deliver("pegawai@example.gov.my", b"\r\n")

    assert attempt.result == "misconfigured"
    assert "no authority that this machine trusts" in attempt.reply


def test_a_relay_without_starttls_is_not_spoken_to_in_clear(relay: SmtpServer) -> None:
    transport = Transport(f"smtp+starttls://aktif:x@127.0.0.1:{relay.port}", "no-reply@ispeks.localhost")

    assert transport.deliver("pegawai@example.gov.my", b"\r\n").result == "misconfigured"

    assert relay.said("AUTH") == relay.said("MAIL") == 0
