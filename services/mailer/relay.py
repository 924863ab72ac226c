"""Where the mail relay is, and in words why it cannot be used."""

import re
import smtplib
from base64 import b64encode
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from services.mailer.replies import CODES, Attempt, Reply, Result, Step, presentable
from shared.tls import trouble

_DEFAULT_PORT: Final = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class RelayDown(Exception):
    """The relay cannot be used: it was not reached, or refused us; `attempt` is a mail's try that met this."""

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt.reply)
        self.attempt = attempt


@dataclass(frozen=True, slots=True)
class RelayAddress:
    """Where the relay is, and how to log in: AKTIF_SMTP_URL in its parts."""

    scheme: str
    host: str
    port: int
    user: str | None
    password: str

    @classmethod
    def parse(cls, url: str) -> "RelayAddress":
        """From `smtp://`, `smtp+starttls://` or `smtps://` with `user:password@host:port`."""
        parts = urlsplit(url)
        user = unquote(parts.username) if parts.username else None
        port = parts.port or _DEFAULT_PORT[parts.scheme]
        return cls(parts.scheme, parts.hostname or "", port, user, unquote(parts.password or ""))

    def __repr__(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"

    def without_login(self, text: str) -> str:
        """A text of the relay, should it repeat what we logged in with, in clear or as SMTP encodes it (RFC 4954)."""
        said = (f"\0{self.user}\0{self.password}", self.user, self.password) if self.user else ()
        encoded = [b64encode(part.encode()).decode() for part in said if part]
        secrets = "|".join(re.escape(one) for one in (*encoded, self.user, self.password) if one)
        return re.sub(rf"(?<!\w)(?:{secrets})(?!\w)", "<login>", text, flags=re.IGNORECASE) if secrets else text


def failure(relay: RelayAddress, error: Exception) -> Attempt:
    """A connection that cannot be opened, as a mail's try: in the relay's words, or in ours where it said nothing."""
    step = Step.LOGIN if isinstance(error, smtplib.SMTPAuthenticationError) else Step.CONNECT
    if isinstance(error, smtplib.SMTPResponseException) and error.smtp_code in CODES:
        text = error.smtp_error if isinstance(error.smtp_error, bytes) else error.smtp_error.encode()
        reply = Reply.of(error.smtp_code, text.split(b"\n"))
        words = relay.without_login(reply.without(""))
        return Attempt(Result.MISCONFIGURED, step, words, reply.code, reply.enhanced)
    return Attempt(Result.MISCONFIGURED, step, presentable(f"{relay!r}: {relay.without_login(why(error))}", ""))


def why(error: BaseException) -> str:
    """What went wrong, without what we said: a login that is refused must not show what was tried."""
    if isinstance(error, smtplib.SMTPResponseException):
        return "what answers there speaks no SMTP"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        if "STARTTLS" in str(error):
            return "the relay offers no STARTTLS, and is not spoken to in clear; use smtps:// where it has that"
        return "the relay offers no login; take user and password out of AKTIF_SMTP_URL, or name a port where it does"
    if about_tls := trouble(error):
        return about_tls
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return "the login cannot be said in SMTP"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    words = error.strerror if isinstance(error, OSError) else None
    return presentable(words or str(error) or type(error).__name__, "")
