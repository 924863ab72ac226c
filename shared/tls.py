"""TLS as a client: every certificate is verified, by its authority and by its name; what a refusal means, in one line.

The authorities are the machine's and those of the PEM file that OpenSSL's own variable `SSL_CERT_FILE` names, for
broker, management API and mail relay alike. PostgreSQL's are those of `sslrootcert` in its URL.
https://docs.openssl.org/master/man7/openssl-env/
"""

import os
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

AUTHORITY_VARIABLE: Final = "SSL_CERT_FILE"
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_UNKNOWN_AUTHORITY: Final = frozenset({2, 18, 19, 20, 21})
_OTHER_NAME: Final = frozenset({62, 64})
"""X509_V_ERR_…: https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/#error-codes"""
_RENEW: Final = "the server's certificate has expired; renew it there"
_NAME: Final = "name the server in the URL as its certificate does, or have it issued for this name"
_LIBPQ: Final = {
    "certificate verify failed": "the server's certificate has expired, or no authority in sslrootcert has signed it; "
    "`aktif check` tells which",
    "does not match host name": f"the server's certificate is for another name; {_NAME}",
    "root certificate file": "sslrootcert in AKTIF_DATABASE_URL names a file that is not there",
    "server does not support SSL": "the server offers no TLS, and is not spoken to in clear; switch it on there",
}
"""Words of libpq: https://github.com/postgres/postgres/tree/master/src/interfaces/libpq"""


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of an encrypted connection: the protocol spoken, and when its certificate ends."""

    version: str
    ends: datetime


def verifies(context: ssl.SSLContext) -> bool:
    """Whether a context refuses a certificate of an unknown authority or for another name."""
    return context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname


def peer_of(sock: ssl.SSLSocket) -> Peer:
    """Who is at the other end of a verified connection."""
    certificate = sock.getpeercert() or {}
    ends = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    return Peer(sock.version() or "TLS", datetime.fromtimestamp(ends, UTC))


def trouble(error: BaseException) -> str | None:
    """What is wrong with TLS and what to do about it, in one line; None where the error is about something else."""
    for one in _chain(error):
        if isinstance(one, ssl.SSLCertVerificationError):
            return _of_certificate(one)
        if isinstance(one, ssl.SSLError):
            return _of_protocol(one)
    words = str(error)
    return next((says for part, says in _LIBPQ.items() if part in words), None)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it wraps, by whichever way its library wraps."""
    if error is None:
        return
    yield error
    yield from _chain(getattr(error, "exception", None) or error.__cause__)
    for wrapped in (*error.args, *getattr(error, "exceptions", ())):
        if isinstance(wrapped, BaseException):
            yield from _chain(wrapped)


def _of_certificate(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code == _EXPIRED:
        return _RENEW
    if error.verify_code == _NOT_YET_VALID:
        return "the server's certificate is not valid yet; compare the clocks of both machines (NTP)"
    if error.verify_code in _OTHER_NAME:
        return f"the server's certificate is for another name ({error.verify_message.rstrip('.')}); {_NAME}"
    if error.verify_code in _UNKNOWN_AUTHORITY:
        return f"no authority that this machine trusts has signed the server's certificate; {_trust()}"
    return f"the server's certificate is refused: {error.verify_message}"


def _trust() -> str:
    file = os.environ.get(AUTHORITY_VARIABLE)
    if file and not os.path.isfile(file):
        return f"{AUTHORITY_VARIABLE} names {file}, which is not there"
    return f"set {AUTHORITY_VARIABLE} to the PEM file of the authority that did" + (f" (it is {file})" if file else "")


def _of_protocol(error: ssl.SSLError) -> str | None:
    if error.reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"}:
        return "the server does not speak TLS at this port; use its TLS port"
    return f"the TLS handshake failed: {error.reason or error}"


def handshake(sock: socket.socket, host: str, context: ssl.SSLContext | None = None) -> Peer:
    """Encrypt a connection, learn who is at its other end, and close it. Raises OSError, also for a refused one."""
    with sock, (context or ssl.create_default_context()).wrap_socket(sock, server_hostname=host) as encrypted:
        return peer_of(encrypted)
