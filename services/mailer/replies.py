"""What a mail relay says, and what it means. Pure."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_LONGEST: Final = 500
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?=\s|$)", re.ASCII)
_OF_OUR_SETTINGS: Final = frozenset({530, 534, 535, 538})
"""Authentication or encryption is wanted (RFC 4954 §6, RFC 3207 §4): no address is at fault, whatever step says so."""
CODES: Final = range(200, 600)
_UNPRINTABLE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class Step(StrEnum):
    """How far an SMTP try came: the step whose reply decided."""

    CONNECT = "connect"
    LOGIN = "login"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    CONTENT = "content"

    @property
    def is_about_us(self) -> bool:
        """Whether no recipient is named yet, so that a refusal says nothing of a mail."""
        return self in {Step.CONNECT, Step.LOGIN, Step.MAIL}


class Result(StrEnum):
    """The five results of an SMTP try."""

    ACCEPTED = "accepted"
    TRANSIENT = "transient"
    PERMANENT = "permanent"
    MISCONFIGURED = "misconfigured"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply of the relay: its code (RFC 5321 §4.2), enhanced code (RFC 3463) and text, lines joined."""

    code: int
    text: str

    @classmethod
    def of(cls, code: int, texts: Sequence[bytes]) -> "Reply":
        """From the texts of its lines, each of which may repeat the enhanced code (RFC 2034 §4)."""
        first, *others = (text.decode("utf-8", "replace") for text in texts)
        enhanced = (others and cls(code, first).enhanced) or ""
        return cls(code, " ".join([first, *(line.removeprefix(enhanced).strip() for line in others)]))

    @property
    def enhanced(self) -> str | None:
        """`5.1.1`, where the relay said one."""
        found = _ENHANCED.match(self.text)
        return found[1] if found else None

    def without(self, address: str) -> str:
        """`550 5.1.1 text`, bounded and printable, with `<address>` in place of the recipient's address."""
        return presentable(f"{self.code} {self.text}", address)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One SMTP try of a mail. `reply` is fit to be kept and shown."""

    result: Result
    step: Step
    reply: str
    code: int | None = None
    enhanced: str | None = None
    milliseconds: int = 0

    @property
    def gist(self) -> tuple[int | None, str]:
        """What it says, without words that hold digits: times and numbers of a session, which differ every time."""
        words = [word for word in self.reply.split() if word == self.enhanced or not re.search(r"\d", word)]
        return self.code, " ".join(words)

    @property
    def is_suspicious(self) -> bool:
        """A 5.7.x at RCPT: this address is refused by policy, or the relay refuses us altogether."""
        refused = self.result is Result.PERMANENT and self.step is Step.RCPT
        return refused and self.enhanced is not None and self.enhanced.startswith("5.7.")


def classify(step: Step, code: int) -> Result:
    """What a reply that ends a try means (RFC 5321 §4.2.1: 4yz may be tried again, 5yz not unchanged).

    Up to MAIL FROM nothing is about a recipient, so whatever is refused there, for now (421, 451, 452) or for good,
    says that the relay cannot be used: everything pauses. From RCPT on a refusal is this mail's own, a 421 too, lest
    one address that a relay always answers with 421 should stop all mail; a relay that is closing fails the next
    connect.
    A code that fits nothing is tried again, after the content as of unknown result.
    """
    if step.is_about_us or code in _OF_OUR_SETTINGS:
        return Result.MISCONFIGURED
    if step is Step.CONTENT and 200 <= code <= 299:
        return Result.ACCEPTED
    if 500 <= code <= 599:
        return Result.PERMANENT
    if 400 <= code <= 499 or step is not Step.CONTENT:
        return Result.TRANSIENT
    return Result.UNKNOWN


def presentable(text: str, address: str) -> str:
    """Text of a relay, fit to be kept: bounded, printable, never blank, and without the recipient's address."""
    if address and address.lower() in text.lower():
        text = re.sub(f"<?{re.escape(address)}>?", "<address>", text, flags=re.IGNORECASE)
    if not (text.isascii() and text.isprintable()):
        text = "".join(" " if unicodedata.category(c) in _UNPRINTABLE else c for c in text)
    return " ".join(text.split())[:_LONGEST] or "(no text)"
