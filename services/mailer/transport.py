"""The mail relay: a few kept-open connections, shared by the threads that send."""

import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import structlog

from services.mailer.connection import Connection, Lost
from services.mailer.relay import RelayAddress, RelayDown
from services.mailer.replies import Attempt, Result, Step

_HOLD_OFF_SECONDS: Final = 60.0
_HALF_OPEN_SECONDS: Final = 300.0

log = structlog.get_logger()


class Transport:
    """Sends mails over at most `size` connections. Connects with the first mail, not before."""

    def __init__(
        self,
        url: str,
        sender: str,
        *,
        size: int = 8,
        timeout: float = 60.0,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.size = size
        self._relay, self._sender, self._timeout = RelayAddress.parse(url), sender, timeout
        self._tls = tls or ssl.create_default_context()
        self._clock = clock
        self._idle: list[Connection] = []
        self._open = self._opening = 0
        self._crowded_until = float("-inf")
        self._changed = threading.Condition()

    def deliver(self, recipient: str, content: bytes) -> Attempt:
        """Try one mail; it is MISCONFIGURED where the relay was not reached or did not let us in.

        An idle connection may have been closed by the relay, or have reached what the relay allows one connection; what
        shows so before the content was sent is tried once more, over a new connection.
        """
        begun = self._clock()
        try:
            attempt = self._try(self._take(), recipient, content)
            if attempt is None:
                attempt = self._try(self._take(anew=True), recipient, content) or _LOST
        except RelayDown as down:
            attempt = down.attempt
        return replace(attempt, milliseconds=round((self._clock() - begun) * 1000))

    def probe(self, recipients: Sequence[str] = ()) -> None:
        """Raise RelayDown while the relay cannot be used: connect, EHLO, TLS, AUTH, MAIL FROM, QUIT, and no message.

        With `recipients`, while it would take none of them.
        """
        connection = self._connect()
        step = Step.RCPT if recipients else Step.MAIL
        try:
            reply = connection.ask(self._sender, list(recipients))
        except Lost as error:
            raise RelayDown(Attempt(Result.MISCONFIGURED, step, f"{self._relay!r}: {error}")) from error
        finally:
            connection.quit()
        if reply.code // 100 != 2:
            words = reply.without(recipients[-1] if recipients else "")
            raise RelayDown(Attempt(Result.MISCONFIGURED, step, words, reply.code, reply.enhanced))

    def recipient_probe(self, recipients: Sequence[str]) -> Callable[[], None]:
        """A probe for a relay that refuses recipients; five minutes on it asks only whether the relay lets us in.

        Else a few addresses that are truly refused would stop all mail for ever.
        """
        half_open_at = self._clock() + _HALF_OPEN_SECONDS
        return lambda: self.probe(recipients if self._clock() < half_open_at else ())

    def close(self) -> None:
        """Take leave of the relay."""
        with self._changed:
            idle, self._idle = self._idle, []
            self._open -= len(idle)
        for connection in idle:
            connection.quit()

    def _try(self, connection: Connection, recipient: str, content: bytes) -> Attempt | None:
        """None where this says nothing of the mail, only that the connection had had its day."""
        was_fresh = connection.is_fresh
        try:
            attempt = connection.send(self._sender, recipient, content)
        except Lost:
            connection.close()
            attempt = _LOST
        except BaseException:
            connection.close()
            self._give_back(connection)
            raise
        is_stale = not was_fresh and _is_about_connection(attempt)
        if is_stale:
            connection.close()
        self._give_back(connection)
        return None if is_stale else attempt

    def _take(self, *, anew: bool = False) -> Connection:
        with self._changed:
            while True:
                if self._idle and not anew:
                    return self._idle.pop()
                if self._may_open():
                    break
                if self._idle:
                    self._idle.pop().close()
                    self._open -= 1
                else:
                    self._changed.wait()
            self._opening += 1
        try:
            connection = self._connect()
        except RelayDown as error:
            if not self._others_are_open():
                raise
            log.warning("relay_takes_no_more_connections", why=str(error))
            return self._take()
        with self._changed:
            self._opening -= 1
            self._open += 1
            self._changed.notify_all()
        return connection

    def _may_open(self) -> bool:
        if self._open == 0:
            return self._opening < self.size
        return self._open + self._opening < self.size and self._clock() >= self._crowded_until

    def _connect(self) -> Connection:
        return Connection(self._relay, timeout=self._timeout, tls=self._tls)

    def _others_are_open(self) -> bool:
        """After a failed connect, and those under way: whether any is in use. The idle ones are as good as dead."""
        with self._changed:
            for connection in self._idle:
                connection.close()
            self._opening -= 1
            self._open -= len(self._idle)
            self._idle.clear()
            self._crowded_until = self._clock() + _HOLD_OFF_SECONDS
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._open > 0 or self._opening == 0)
            return self._open > 0

    def _give_back(self, connection: Connection) -> None:
        with self._changed:
            if connection.is_open:
                self._idle.append(connection)
            else:
                self._open -= 1
            self._changed.notify_all()


_LOST: Final = Attempt(Result.TRANSIENT, Step.MAIL, "connection lost before the content was sent")


def _is_about_connection(attempt: Attempt) -> bool:
    """A relay that is closing says 421 to anything; one that is tired of a connection refuses the next MAIL FROM."""
    return attempt.step is Step.MAIL or (attempt.code == 421 and attempt.step is not Step.CONTENT)
