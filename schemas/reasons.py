"""Every reason word that becomes of an HR system's event: what it means, and what HR does about it. One table of data.

`schemas.publish` prints it into `published/CONTRACT.md`; a test holds it against the words that the code can say.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple


class Answer(StrEnum):
    """How a word is said."""

    REFUSED = "refused"
    """`EventRejected`; the event could not be worked, a dead letter keeps it, and nothing remembers its id."""
    REJECTED = "rejected"
    """`EventRejected`; the event was worked, and the answer is no. Its id is used up."""
    IGNORED = "ignored"
    """Not said: the event was worked and had nothing to do."""
    APPLIED = "applied"
    """Not said: the event had its effect."""
    UNDELIVERABLE = "undeliverable"
    """`result` of `MailUndeliverable`."""


class Reason(NamedTuple):
    """What a word means, and what HR does about it."""

    means: str
    do: str


_NOTHING: Final = "Nothing."
_MEND: Final = "Mend it and send it again, under the same id or a new one."
_CORRECT: Final = "Correct the person's record and send it again, under the same id or a new one."
_PROGRAM: Final = "Mend the program that sends it; then send it again, under the same id or a new one."
_WAIT_FOR_US: Final = "Nothing: an operator mends the cause and has the event worked then. Ask them where it is urgent."

REASONS: Final[Mapping[Answer, Mapping[str, Reason]]] = {
    Answer.REFUSED: {
        "not_utf8": Reason(
            "The message is not UTF-8. No id can be read in it, so this is not said on the feed.", _PROGRAM
        ),
        "not_json": Reason(
            "The message is not JSON. It is said on the feed only where the id can be read nevertheless (a NaN).",
            _PROGRAM,
        ),
        "too_large": Reason("The message has more than 65,536 bytes.", _PROGRAM),
        "wrong_content_type": Reason(
            "The property content_type is neither application/cloudevents+json nor application/json.", _PROGRAM
        ),
        "bad_envelope": Reason(
            "An attribute of the envelope is missing or malformed, such as a time without seconds or offset; "
            "`field` names it.",
            _PROGRAM,
        ),
        "unknown_type": Reason("There is no event of this `type`.", _PROGRAM),
        "unknown_version": Reason("This version of Aktif does not know this version of the event.", _PROGRAM),
        "wrong_exchange": Reason("An HR system may not publish this event, such as a password.", _PROGRAM),
        "wrong_source": Reason(
            "`source` begins with /portal or /aktif/, which are not HR's. It is said to the feed that the last part of "
            "this source names.",
            _PROGRAM,
        ),
        "bad_field": Reason("A field of `data` is missing, unknown or malformed; `field` names it.", _CORRECT),
        "bad_ic_number": Reason(
            "`ic_number` is not 12 digits without dashes, or its first six are no date of birth (YYMMDD).", _CORRECT
        ),
        "control_character": Reason(
            "A text holds control characters, line breaks or overrides of direction; `field` names it.", _CORRECT
        ),
        "id_reused": Reason(
            "Another event was worked under the same `source` and `id`; that one stands.",
            "Send this one under an id of its own. Take ids from something that never comes twice, such as the number "
            "of the change in your own records.",
        ),
        "time_in_future": Reason(
            "`time` lies more than 5 minutes ahead of Aktif's clock.", f"Set your clock (NTP). {_MEND}"
        ),
        "database_error": Reason("The database refused what the event does, five times.", _WAIT_FOR_US),
        "internal_error": Reason("Aktif itself failed on the event, five times.", _WAIT_FOR_US),
    },
    Answer.REJECTED: {
        "already_active": Reason(
            "The account is active. It is the person's own now, and HR's events change it no more.",
            "Nothing, where it was a repeat or a resend. A person who forgot the password uses Lupa Kata Laluan.",
        ),
        "withdrawn": Reason(
            "A mail was asked for, and the registration was withdrawn.",
            "Register the person again, with a new id and a newer time; the mail follows by itself.",
        ),
    },
    Answer.IGNORED: {
        "unchanged": Reason("A registration that says nothing new.", _NOTHING),
        "stale": Reason(
            "Its `time` is older than that of the newest event about this person.",
            "Nothing, where it came late. Where it is news, send it with a new id and the present time.",
        ),
        "repeated": Reason("A withdrawal of a person who is withdrawn.", _NOTHING),
        "unknown_account": Reason("A mail was asked for a person who was never registered.", "Register the person."),
        "throttled": Reason(
            "A mail was asked for again within the cool-down (60 s, unless it is set otherwise), "
            "or more often a day than allowed (10).",
            "Nothing: the mail before is on its way. Or ask again later, with a new id.",
        ),
    },
    Answer.APPLIED: {
        "registered": Reason("A new account; its mail goes out, unless `notify` is false.", _NOTHING),
        "corrected": Reason("Name or time of registration were corrected; no new mail to who has one.", _NOTHING),
        "address_changed": Reason("The mail address was corrected; earlier links end, a new mail goes out.", _NOTHING),
        "notified": Reason("Registered before without a mail, which goes out now.", _NOTHING),
        "reinstated": Reason("A withdrawn person is registered again; a new mail goes out.", _NOTHING),
        "withdrawn": Reason("The registration is withdrawn; its links end.", _NOTHING),
        "withdrawn_before_registration": Reason(
            "Withdrawn before the registration arrived, which will be `stale` when it does.", _NOTHING
        ),
        "same_link": Reason("The mail goes out again, with the same link, which lives anew.", _NOTHING),
        "new_link": Reason("A mail with a new link goes out; the old one had ended, or there was none.", _NOTHING),
    },
    Answer.UNDELIVERABLE: {
        "failed": Reason(
            "The mail server refused the address for good (5xx); `smtp_code`, `enhanced_code` and `reply` say why.",
            "Correct the address and register the person again: the correction sends a new mail. Where the address is "
            "right, have its mailbox mended, then publish a resend.",
        ),
        "gave_up": Reason(
            "No mail server took the mail for as long as it was tried (24 hours, unless it is set otherwise).",
            "Publish a resend when the mail server of the address works again; or correct the address, as above.",
        ),
    },
}
