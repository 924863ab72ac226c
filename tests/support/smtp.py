"""A scripted SMTP server, on 127.0.0.1 unless told otherwise: it records the wire and answers as the test says."""

import base64
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final

_USUAL: Final = {
    "connect": "220 relay.example.com ESMTP",
    "starttls": "220 2.0.0 Ready",
    "auth": "235 2.7.0 Authentication successful",
    "mail": "250 2.1.0 Ok",
    "rcpt": "250 2.1.5 Ok",
    "data": "354 End data with <CR><LF>.<CR><LF>",
    "content": "250 2.0.0 Ok: queued",
    "rset": "250 2.0.0 Ok",
    "quit": "221 2.0.0 Bye",
}


@dataclass(frozen=True)
class Drop:
    """Close the connection instead of answering, after a while."""

    after: float = 0.0


@dataclass(frozen=True)
class Late:
    """Answer after a while."""

    after: float
    reply: str


@dataclass(frozen=True)
class Shut:
    """Answer, then close the connection."""

    reply: str


Answer = str | Drop | Late | Shut


@dataclass
class Rule:
    """One line of the script: which step, of which recipient, how often, and what is answered."""

    step: str
    answer: Answer
    recipient: str
    left: float


@dataclass
class Received:
    """One mail that was answered 250."""

    sender: str
    recipient: str
    content: bytes
    connection: int


@dataclass
class _Session:
    number: int
    sock: socket.socket
    buffer: bytes = b""
    sender: str = ""
    recipients: list[str] = field(default_factory=list)
    last_recipient: str = ""


class _Gone(Exception):
    pass


class SmtpServer:
    """Use as a context manager. Steps are `connect ehlo starttls auth mail rcpt data content rset quit`."""

    def __init__(
        self,
        *,
        pipelining: bool = True,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        login: str | None = None,
    ) -> None:
        self._pipelining, self._tls, self._login = pipelining, tls, login
        self._rules: list[Rule] = []
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self.mails: list[Received] = []
        self.lines: list[str] = []
        self.writes: list[bytes] = []
        self.connections = 0
        self.on_mail: Callable[[Received], None] = lambda _: None
        self._listener = socket.create_server((host, port))
        self.port = int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """Where it listens, without encryption."""
        return f"smtp://127.0.0.1:{self.port}"

    def answer(self, step: str, answer: Answer, *, to: str = "", times: float = float("inf")) -> None:
        """Answer a step so, for recipients whose address holds `to`, so many times. The newest rule wins."""
        with self._lock:
            self._rules.insert(0, Rule(step, answer, to, times))

    def forget_rules(self) -> None:
        """Behave again."""
        with self._lock:
            self._rules.clear()

    def close_connections(self) -> None:
        """Close what is open, as a relay does with idle connections."""
        with self._lock:
            for sock in self._sockets:
                _shut(sock)
            self._sockets.clear()

    def said(self, command: str) -> int:
        """How often a command was said."""
        return sum(line.upper().startswith(command.upper()) for line in self.lines)

    def __enter__(self) -> "SmtpServer":
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        _shut(self._listener)
        self._listener.close()
        self.close_connections()

    def _listen(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._sockets.append(sock)
                session = _Session(self.connections, sock)
            threading.Thread(target=self._serve, args=(session,), daemon=True).start()

    def _serve(self, session: _Session) -> None:
        try:
            self._reply(session, "connect")
            while True:
                self._command(session, self._line(session))
        except (_Gone, OSError):
            pass
        finally:
            with self._lock:
                if session.sock in self._sockets:
                    self._sockets.remove(session.sock)
            session.sock.close()

    def _command(self, session: _Session, line: str) -> None:
        with self._lock:
            self.lines.append(line)
        verb = line.partition(" ")[0].lower()
        if verb == "ehlo":
            self._reply(session, "ehlo", usual=self._greeting(session))
        elif verb == "starttls" and self._tls:
            self._reply(session, "starttls")
            session.sock = self._tls.wrap_socket(session.sock, server_side=True)
            with self._lock:
                self._sockets.append(session.sock)
        elif verb == "auth":
            told = base64.b64decode(line.split(" ")[2]).decode().lstrip("\0").replace("\0", ":")
            self._reply(session, "auth", usual=_USUAL["auth"] if told == self._login else "535 5.7.8 Error: refused")
        elif verb == "mail":
            session.sender, session.recipients = _path(line), []
            self._reply(session, "mail")
        elif verb == "rcpt":
            session.last_recipient = _path(line)
            if self._reply(session, "rcpt", session.last_recipient).startswith("2"):
                session.recipients.append(session.last_recipient)
        elif verb == "data":
            usual = _USUAL["data"] if session.recipients else "554 5.5.1 Error: no valid recipients"
            if self._reply(session, "data", session.last_recipient, usual).startswith("3"):
                self._content(session)
        elif verb in {"rset", "quit"}:
            self._reply(session, verb)
            if verb == "quit":
                raise _Gone
        else:
            session.sock.sendall(b"500 5.5.2 Error: command not recognized\r\n")

    def _content(self, session: _Session) -> None:
        lines: list[bytes] = []
        while (line := self._raw_line(session)) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b".") else line)
        recipient = session.recipients[0] if session.recipients else ""
        received = Received(session.sender, recipient, b"".join(lines), session.number)
        usual = _USUAL["content"] if recipient else "554 5.5.1 Error: no valid recipients"
        self.on_mail(received)
        self._reply(session, "content", session.last_recipient, usual, received)

    def _greeting(self, session: _Session) -> str:
        offered = ["relay.example.com"]
        offered += ["PIPELINING"] if self._pipelining else []
        encrypted = isinstance(session.sock, ssl.SSLSocket)
        offered += ["STARTTLS"] if self._tls and not encrypted else []
        offered += ["AUTH PLAIN"] if self._login and (encrypted or not self._tls) else []
        return "\r\n".join(f"250{'-' if more else ' '}{name}" for name, more in _with_more(offered))

    def _reply(
        self, session: _Session, step: str, recipient: str = "", usual: str = "", received: Received | None = None
    ) -> str:
        answer = self._scripted(step, recipient) or usual or _USUAL[step]
        if isinstance(answer, Drop | Late):
            time.sleep(answer.after)
        if isinstance(answer, Drop):
            raise _Gone
        text = answer if isinstance(answer, str) else answer.reply
        if received is not None and text.startswith("2") and received.recipient:
            with self._lock:
                self.mails.append(received)
        session.sock.sendall(text.encode() + b"\r\n")
        if isinstance(answer, Shut):
            raise _Gone
        return text

    def _scripted(self, step: str, recipient: str) -> Answer | None:
        with self._lock:
            for rule in self._rules:
                if rule.step == step and rule.recipient in recipient and rule.left > 0:
                    rule.left -= 1
                    return rule.answer
        return None

    def _line(self, session: _Session) -> str:
        return self._raw_line(session).decode("ascii").rstrip("\r\n")

    def _raw_line(self, session: _Session) -> bytes:
        while b"\r\n" not in session.buffer:
            received = session.sock.recv(65536)
            if not received:
                raise _Gone
            with self._lock:
                self.writes.append(received)
            session.buffer += received
        line, _, session.buffer = session.buffer.partition(b"\r\n")
        return line + b"\r\n"


def _shut(sock: socket.socket) -> None:
    """End both directions, so that a thread blocked on the socket wakes."""
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _path(line: str) -> str:
    return line.partition("<")[2].partition(">")[0]


def _with_more(names: list[str]) -> list[tuple[str, bool]]:
    return [(name, place < len(names) - 1) for place, name in enumerate(names)]
