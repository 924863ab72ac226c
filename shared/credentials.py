"""Passwords, answers and sessions: the guide's rules, and digests in place of every secret. Pure.

https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
"""

import hashlib
import hmac
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

MIN_PASSWORD_LENGTH: Final = 12
MAX_PASSWORD_LENGTH: Final = 128

_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1, hash_len=32, salt_len=16, type=Type.ID)
_NOBODYS: Final = "$argon2id$v=19$m=19456,t=2,p=1$c2VqYWsgc2VsYWx1IHRhaw$4S6yWEYeqBLpNtcYdjkT6fVQ5a9C6sVHZ3KlXjZuMrw"
"""A digest that no known password has; checking one against it costs what checking a person's costs."""


@dataclass(frozen=True, slots=True)
class PasswordRule:
    """One demand on a password, with the line that the page shows while it is not met."""

    code: str
    malay: str
    english: str
    holds: Callable[[str], bool]


PASSWORD_RULES: Final = (
    PasswordRule(
        "length",
        f"Panjang aksara mesti tidak kurang daripada {MIN_PASSWORD_LENGTH}.",
        f"It must have at least {MIN_PASSWORD_LENGTH} characters.",
        lambda password: len(password) >= MIN_PASSWORD_LENGTH,
    ),
    PasswordRule(
        "lower",
        "Mesti mengandungi aksara berhuruf kecil.",
        "It must contain a lower-case letter.",
        lambda password: any(c.islower() for c in password),
    ),
    PasswordRule(
        "upper",
        "Mesti mengandungi aksara berhuruf besar.",
        "It must contain an upper-case letter.",
        lambda password: any(c.isupper() for c in password),
    ),
    PasswordRule(
        "digit",
        "Mesti mengandungi aksara bermomor.",  # spelt as in the guide
        "It must contain a digit.",
        lambda password: any(c.isdecimal() for c in password),
    ),
    PasswordRule(
        "special",
        "Mesti mengandungi aksara khas.",
        "It must contain a special character.",
        lambda password: any(not c.isalnum() for c in password),
    ),
)
"""The guide's five lines, in its order. A character that is neither letter nor digit is special, a space too."""

TOO_LONG: Final = PasswordRule(
    "too_long",
    f"Panjang aksara mesti tidak lebih daripada {MAX_PASSWORD_LENGTH}.",
    f"It must have at most {MAX_PASSWORD_LENGTH} characters.",
    lambda password: len(password) <= MAX_PASSWORD_LENGTH,
)
"""Not in the guide: bounds the work of a hash. Nothing is ever cut off."""


def broken_rules(password: str) -> tuple[PasswordRule, ...]:
    """The rules that a password does not meet, judged on what is hashed: its NFKC form, by code points."""
    text = unicodedata.normalize("NFKC", password)
    return tuple(rule for rule in (*PASSWORD_RULES, TOO_LONG) if not rule.holds(text))


def password_digest(password: str) -> str:
    """Argon2id of the password in NFKC (NIST SP 800-63B-4), as a PHC string.

    Without our pepper, since the system behind checks it with any Argon2 library.
    """
    return _HASHER.hash(_password_bytes(password))


def password_matches(digest: str | None, password: str) -> bool:
    """Whether a password has this digest. None, for nobody's account, takes as long and is False."""
    matches = _matches(_NOBODYS if digest is None else digest, _password_bytes(password))
    return matches and digest is not None


def normalised_answer(answer: str) -> str:
    """What counts of an answer: NFKC, case-folded, trimmed, spaces squeezed. Empty for a blank one."""
    return " ".join(unicodedata.normalize("NFKC", answer).casefold().split())


def answer_digest(answer: str, pepper_keys: Sequence[bytes]) -> str:
    """Argon2id of HMAC-SHA256(first key, normalised answer), as a PHC string: "ibu" alone is guessed in a second.

    Raises ValueError for a blank answer.
    """
    if not normalised_answer(answer):
        raise ValueError("an answer must not be blank")
    return _HASHER.hash(_peppered(answer, pepper_keys[0]))


def answer_matches(digest: str, answer: str, pepper_keys: Sequence[bytes]) -> bool:
    """Whether an answer has this digest under any of the keys. Tries every key always.

    A digest does not tell its key, so a key must stay in the list as long as there are answers it has peppered.
    """
    matches = [_matches(digest, _peppered(answer, key)) for key in pepper_keys]
    return any(matches)


def session_digest(secret: str) -> str:
    """SHA-256 in hexadecimal; enough for a secret that cannot be guessed."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _matches(digest: str, secret: bytes) -> bool:
    try:
        return _HASHER.verify(digest, secret)
    except (VerificationError, InvalidHashError):
        return False


def _password_bytes(password: str) -> bytes:
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def _peppered(answer: str, key: bytes) -> bytes:
    return hmac.digest(key, b"aktif/answer/" + normalised_answer(answer).encode("utf-8", "surrogatepass"), "sha256")
