"""What a page says of the act that led to it: a word and a number in its address, since a reload repeats nothing."""

from collections.abc import Mapping
from typing import Final

from shared.wording import count

_SAID: Final[Mapping[str, str]] = {
    "discarded": "Discarded {n}.",
    "none_discarded": "Nothing was discarded: none of them is left that is not closed. What others did stands at each.",
    "opened": "Opened {n} again.",
    "registered": "The corrected registration is published; its outcome is shown below as soon as it is known.",
    "noted": "The note is kept.",
    "started": "The replay has begun.",
    "cancelled": "The replay is cancelled; what it had not sent yet is free again.",
    "ended": "The replay had ended before.",
    "cancelling": "The replay ends as soon as the portion in hand is sent; what is not sent then is free again.",
    "resumed": "The replay goes on with {n}.",
    "resent": "{n} asked for; the mails follow.",
    "ledger_begun": "The run has begun; what it finds is shown here when it ends.",
    "ledger_busy": "A run was under way before; what it finds is shown here when it ends.",
    "mending": "The ledger looks once more, and publishes what is lost; the result is shown here when it ends.",
}
_ACTS: Final[Mapping[str, str]] = {
    "note": "Keep the note",
    "replay": "Replay",
    "discard": "Discard",
    "undo": "Open it again",
    "unmask": "Show in clear",
    "register": "Correct and register",
    "registered": "Register",
    "cancel": "Cancel",
    "resume": "Resume",
    "accounts": "Search",
    "letters": "Filter",
    "mails": "Filter",
    "audit": "Filter",
    "resend": "Mail again",
    "withdraw": "Withdraw",
    "run": "Run now",
    "mend": "Mend",
}
"""What the button of an act says, by the last word of its path."""
_OF: Final = {"discarded": "letter", "opened": "letter", "resent": "mail"}


def said(word: str | None, number: str | None) -> str | None:
    """The sentence; None for a word that is not ours."""
    if word is None or word not in _SAID:
        return None
    n = int(number) if number and number.isascii() and number.isdecimal() and len(number) < 10 else 0
    return _SAID[word].format(n=count(n, _OF.get(word, "letter")))


def not_done(act: str | None) -> str | None:
    """What was pressed in a session that had ended; None for an act that is not ours."""
    if act is None or act not in _ACTS:
        return None
    return f"Your session had ended, so “{_ACTS[act]}” was not done: nothing was changed or shown. Press it again."
