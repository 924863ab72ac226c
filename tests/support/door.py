"""A TLS door before a plain server on 127.0.0.1, as a load balancer has it; it keeps what came through it."""

import socket
import ssl
import threading
from contextlib import suppress
from types import TracebackType

from tests.support.certificates import Certificate

_SSL_REQUEST = bytes.fromhex("0000000804d2162f")


def server_context(of: Certificate) -> ssl.SSLContext:
    """What a server with this certificate speaks."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(of.certificate, of.key)
    return context


class Door:
    """Use as a context manager. `asks` is for PostgreSQL, whose clients ask in clear for TLS first."""

    def __init__(self, plain_port: int, certificate: Certificate, *, asks: bool = False) -> None:
        self._plain_port, self._context, self._asks = plain_port, server_context(certificate), asks
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.received = b""

    def __enter__(self) -> "Door":
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _listen(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with suppress(OSError), sock:
            if self._asks:
                assert sock.recv(len(_SSL_REQUEST)) == _SSL_REQUEST
                sock.sendall(b"S")
            inside = self._context.wrap_socket(sock, server_side=True)
            with inside, socket.create_connection(("127.0.0.1", self._plain_port)) as plain:
                threading.Thread(target=_copy, args=(plain, inside), daemon=True).start()
                while data := inside.recv(65536):
                    self.received += data
                    plain.sendall(data)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_RDWR)
