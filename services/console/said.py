"""What a page says of the act that led to it: a word and a number in its address, since a reload repeats nothing."""

from collections.abc import Mapping
from typing import Final

from shared.wording import count

_SAID: Final[Mapping[str, str]] = {
    "discarded": "Discarded {n}.",
    "opened": "Opened {n} again.",
    "registered": "The corrected registration is published; its outcome is shown below as soon as it is known.",
    "noted": "The note is kept.",
    "started": "The replay has begun.",
    "cancelled": "The replay is cancelled; what it had not sent yet is free again.",
    "ended": "The replay had ended before.",
    "resumed": "The replay goes on.",
    "resent": "{n} asked for; the mails follow.",
}
_OF: Final = {"discarded": "letter", "opened": "letter", "resent": "mail"}


def said(word: str | None, number: str | None) -> str | None:
    """The sentence; None for a word that is not ours."""
    if word is None or word not in _SAID:
        return None
    n = int(number) if number and number.isascii() and number.isdecimal() and len(number) < 10 else 0
    return _SAID[word].format(n=count(n, _OF.get(word, "letter")))
