"""What stands between a person and an active account, in words. Pure."""

from collections.abc import Iterator
from typing import Final

from services.console.wrong import Wrong
from shared.operations.accounts import Facts

_OVER: Final = {"active", "withdrawn"}
_OF_MAIL: Final = {
    "failed": Wrong(
        "The mail server refused the newest mail for good.",
        "Read its reply below. Where the address is wrong, HR corrects it and registers the person again, which mails "
        "by itself; where it is right, have the mailbox mended and mail again.",
    ),
    "gave_up": Wrong(
        "No mail server took the newest mail for as long as it was tried.",
        "Read the replies below. When the mail server works again, mail again.",
    ),
    None: Wrong(
        "The newest mail is still being tried.",
        "Read the replies below; it goes out by itself when the mail server takes it.",
    ),
}
_REFUSED: Final = Wrong(
    "The mail server does not let the mailer in, and the newest mail waits.",
    "Nothing is wrong with this mail: the board says what to mend, and then it goes out by itself.",
)
_OF_LINK: Final = {
    "expired": Wrong("The link has ended before it was used.", "Mail again: that makes a new link."),
}


def trouble(account: Facts) -> list[Wrong]:
    """What is wrong with a person's way to an active account, newest first; nothing once it is over."""
    return [] if account["state"] in _OVER else list(_wrongs(account))


def _wrongs(account: Facts) -> Iterator[Wrong]:
    mails = account["mails"]
    if not mails:
        yield Wrong(
            "No mail was asked for.",
            "HR registered without one, or state has not worked the registration yet: see the queues. Mail again to "
            "send it now.",
        )
    elif mails[-1]["result"] in _OF_MAIL and (mails[-1]["result"] or mails[-1]["attempts"]):
        yield _REFUSED if _is_refused(mails[-1]) else _OF_MAIL[mails[-1]["result"]]
    if account["link"] and account["link"]["status"] in _OF_LINK:
        yield _OF_LINK[account["link"]["status"]]


def _is_refused(mail: Facts) -> bool:
    return mail["result"] is None and mail["attempts"][-1]["result"] == "misconfigured"
