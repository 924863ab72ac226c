"""One SMTP connection: opened by the standard library, its mail transactions by our own code, pipelined."""

import smtplib
import socket
import ssl
from typing import Final, NoReturn

from services.mailer.relay import RelayAddress, RelayDown, failure, why
from services.mailer.replies import Attempt, Reply, Result, Step, classify, presentable
from shared.tls import Peer, peer_of

_LONGEST_LINE: Final = 4096
_MOST_LINES: Final = 100
_WANTED: Final = {Step.MAIL: 2, Step.RCPT: 2, Step.DATA: 3, Step.CONTENT: 2}
_END_OF_CONTENT: Final = b".\r\n"


class Lost(ConnectionError):
    """The connection ended, timed out, or says what is no SMTP."""


class Connection:
    """A connection that has said EHLO and, where asked for, STARTTLS and AUTH. Raises RelayDown where that fails."""

    def __init__(self, relay: RelayAddress, *, timeout: float, tls: ssl.SSLContext) -> None:
        self.is_fresh = True
        try:
            self._smtp = _open(relay, timeout, tls)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise RelayDown(failure(relay, error)) from error
        self._pipelining = self._smtp.has_extn("pipelining")

    def send(self, sender: str, recipient: str, content: bytes) -> Attempt:
        """Try one mail; `content` has CRLF line ends. Raises Lost where the connection ended before it was sent.

        Once the content is on its way nothing is raised: whether it arrived is unknown until the final reply.
        """
        self.is_fresh = False
        refusal = self._announce(sender, recipient)
        if refusal:
            step, reply = refusal
            return _attempt(classify(step, reply.code), step, reply, recipient)
        try:
            self._write(content.replace(b"\r\n.", b"\r\n..") + _END_OF_CONTENT)  # RFC 5321 §4.5.2
            reply = self._read()
        except Lost as error:
            self.close()
            return Attempt(Result.UNKNOWN, Step.CONTENT, presentable(f"no reply after the content: {error}", recipient))
        if reply.code == 421:
            self.close()
        return _attempt(classify(Step.CONTENT, reply.code), Step.CONTENT, reply, recipient)

    def _announce(self, sender: str, recipient: str) -> tuple[Step, Reply] | None:
        """Say MAIL FROM, RCPT TO and DATA, in one write where the relay can (RFC 2920); the first refusal, or None.

        After a refusal the transaction is closed, and the connection too where the relay is closing it.
        """
        commands = {
            Step.MAIL: f"MAIL FROM:<{sender}>\r\n".encode("ascii"),
            Step.RCPT: f"RCPT TO:<{recipient}>\r\n".encode("ascii"),
            Step.DATA: b"DATA\r\n",
        }
        if self._pipelining:
            self._write(b"".join(commands.values()))
        refusal: tuple[Step, Reply] | None = None
        for step, command in commands.items():
            try:
                if not self._pipelining:
                    self._write(command)
                reply = self._read()
            except Lost:
                self.close()
                if refusal is None:
                    raise
                return refusal
            if refusal is None and reply.code // 100 != _WANTED[step]:
                refusal = (step, reply)
                if reply.code == 421 or not self._pipelining:
                    break
            elif refusal is not None and step is Step.DATA and reply.code == 354:
                # RFC 2920 §3.1: DATA may be answered 354 though no recipient was taken; then a lone dot ends it.
                self._command(_END_OF_CONTENT)
        if refusal is not None:
            self._reset(refusal[1])
        return refusal

    def ask(self, sender: str, recipients: list[str]) -> Reply:
        """Begin a mail and take it back: the refusal of MAIL FROM or of the last recipient, or the first acceptance."""
        reply = self._command(f"MAIL FROM:<{sender}>\r\n".encode("ascii"))
        for recipient in recipients if reply.code // 100 == 2 else []:
            reply = self._command(f"RCPT TO:<{recipient}>\r\n".encode("ascii"))
            if reply.code // 100 == 2:
                break
        return reply

    def quit(self) -> None:
        """Take leave (RFC 5321 §4.1.1.10) and close, whatever comes of it."""
        try:
            self._command(b"QUIT\r\n")
        except Lost:
            pass
        finally:
            self.close()

    def close(self) -> None:
        """Close without a word."""
        self._smtp.close()

    @property
    def peer(self) -> Peer | None:
        """Who is at the other end, where it is encrypted."""
        return peer_of(self._smtp.sock) if isinstance(self._smtp.sock, ssl.SSLSocket) else None

    @property
    def is_open(self) -> bool:
        """Whether it may be used again, as far as is known."""
        return self._smtp.sock is not None

    def _reset(self, refusal: Reply) -> None:
        try:
            if refusal.code == 421 or self._command(b"RSET\r\n").code != 250:
                self.close()
        except Lost:
            self.close()

    def _command(self, line: bytes) -> Reply:
        self._write(line)
        return self._read()

    def _write(self, data: bytes) -> None:
        if self._smtp.sock is None:
            raise Lost("the connection is closed")
        try:
            self._smtp.sock.sendall(data)
        except OSError as error:
            self._lose(error)

    def _read(self) -> Reply:
        if self._smtp.file is None:
            raise Lost("the connection is closed")
        texts: list[bytes] = []
        try:
            for _ in range(_MOST_LINES):
                line = self._smtp.file.readline(_LONGEST_LINE)
                if not line.endswith(b"\n"):
                    raise Lost("connection closed" if not line else "reply cut off")
                if not (line[:3].isdigit() and line[3:4] in b"- \r\n"):
                    raise Lost("a reply that is no SMTP")
                texts.append(line[4:].strip())
                if line[3:4] != b"-":
                    return Reply.of(int(line[:3]), texts)
        except OSError as error:
            self._lose(error)
        raise Lost("a reply without end")

    def _lose(self, error: OSError) -> NoReturn:
        self.close()
        raise Lost(why(error)) from error


def _open(relay: RelayAddress, timeout: float, tls: ssl.SSLContext) -> smtplib.SMTP:
    name = socket.gethostname()
    smtp: smtplib.SMTP
    if relay.scheme == "smtps":
        smtp = smtplib.SMTP_SSL(relay.host, relay.port, name, timeout=timeout, context=tls)
    else:
        smtp = smtplib.SMTP(relay.host, relay.port, name, timeout=timeout)
    try:
        assert smtp.sock is not None  # noqa: S101  (connected by its constructor)
        smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if "." not in name:
            smtp.local_hostname = _literal(smtp.sock)
        _greet(smtp)
        if relay.scheme == "smtp+starttls":
            smtp.starttls(context=tls)
            _greet(smtp)
        if relay.user is not None:
            smtp.login(relay.user, relay.password)
    except BaseException:
        smtp.close()
        raise
    return smtp


def _greet(smtp: smtplib.SMTP) -> None:
    code, text = smtp.ehlo()
    if code != 250:
        raise smtplib.SMTPHeloError(code, text)


def _literal(sock: socket.socket) -> str:
    """The address literal that EHLO says where this machine has no full name (RFC 5321 §4.1.3)."""
    address = sock.getsockname()[0]
    return f"[IPv6:{address}]" if sock.family is socket.AF_INET6 else f"[{address}]"


def _attempt(result: Result, step: Step, reply: Reply, recipient: str) -> Attempt:
    return Attempt(result, step, reply.without(recipient), reply.code, reply.enhanced)
