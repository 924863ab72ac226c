"""Every reason word of a dead letter: what it means, and what an operator does about it."""

from enum import StrEnum
from typing import Final, NamedTuple


class Action(StrEnum):
    """What is suggested for a letter."""

    REPLAY = "replay"
    """The cause lies outside the message: once it is mended the event can be worked as it is."""
    REGISTER = "register"
    """The message itself is wrong: a corrected registration takes its place, here or from HR."""
    DISCARD = "discard"
    """Nothing is left to do, or it must never be worked."""
    WAIT = "wait"
    """Whoever sent it must send it anew; until then it stands here as a reminder."""


class Advice(NamedTuple):
    """What a reason means, what to do, and the action that ends with."""

    means: str
    do: str
    action: Action


_TELL_SENDER: Final = "Tell whoever sends it; it was told as EventRejected if it is an HR system and has an id."
_MEND_AND_SEND: Final = f"{_TELL_SENDER} The mended event may be sent under its old id."
_CODE: Final = "Look at the service's log at that time. Mend the fault before it is worked again."

ADVICE: Final[dict[str, Advice]] = {
    # The message (schemas/envelope.py)
    "too_large": Advice("the message has more than 64 KiB", _MEND_AND_SEND, Action.WAIT),
    "wrong_content_type": Advice("its content type is not application/cloudevents+json", _MEND_AND_SEND, Action.WAIT),
    "not_utf8": Advice("its bytes are no UTF-8", _MEND_AND_SEND, Action.WAIT),
    "not_json": Advice("it is no JSON", _MEND_AND_SEND, Action.WAIT),
    "bad_envelope": Advice(
        "it is no CloudEvent 1.0: an attribute is missing or malformed", _MEND_AND_SEND, Action.REGISTER
    ),
    "unknown_type": Advice("no event of Aktif has this type", _TELL_SENDER, Action.DISCARD),
    "unknown_version": Advice(
        "its sender speaks a version that we do not",
        "Deploy the version that knows it before it is worked again; or tell the sender.",
        Action.REPLAY,
    ),
    "wrong_exchange": Advice(
        "nobody may publish this event to that exchange",
        "Find out who tried: this is a mistake of a publisher or an attack. It must never be worked.",
        Action.DISCARD,
    ),
    "wrong_source": Advice(
        "its source does not belong to the exchange that it was published to", _TELL_SENDER, Action.DISCARD
    ),
    "weak_digest": Advice(
        "its digest has weaker Argon2id parameters than allowed",
        "Deploy a portal with the present parameters; the person sets the password again.",
        Action.DISCARD,
    ),
    "bad_ic_number": Advice(
        "the IC number cannot be one",
        "Correct it in the HR system, and register the person again here, unless HR does.",
        Action.REGISTER,
    ),
    "control_character": Advice(
        "a text holds control characters",
        "Correct it in the HR system, and register the person again here, unless HR does.",
        Action.REGISTER,
    ),
    "bad_field": Advice("a field of its data is missing, unknown or malformed", _MEND_AND_SEND, Action.REGISTER),
    # State
    "id_reused": Advice(
        "another event was worked under the same source and id",
        "The sender must give each event an id of its own; it sends this one again under a new id.",
        Action.WAIT,
    ),
    "unexpected_type": Advice(
        "the service does not work events of this type",
        "Compare the broker's bindings with the topology: `aktif provision` reports drift.",
        Action.REPLAY,
    ),
    "unknown_link": Advice(
        "it names a link that the database does not know",
        "If the database was restored from a backup, `aktif resend` mails a new link. Else find out who made it up.",
        Action.DISCARD,
    ),
    "time_in_future": Advice(
        "its time lies more than 5 minutes ahead of the database's clock",
        "Set the sender's clock (NTP), then have it sent again, under the same id if it likes.",
        Action.REGISTER,
    ),
    "database_error": Advice("the database refused what it does, five times", _CODE, Action.REPLAY),
    "internal_error": Advice("our code failed on it, five times", _CODE, Action.REPLAY),
    # The mailer
    "gave_up": Advice(
        "no mail server took the mail for as long as it was tried; HR was told",
        "See in `aktif account` what the mail server replied. Once it takes mail again, send this as it is; a wrong "
        "address is corrected in HR, which mails by itself.",
        Action.REPLAY,
    ),
    "bad_address": Advice(
        "the account has no usable mail address",
        "Correct the address in HR; the correction mails by itself.",
        Action.DISCARD,
    ),
    "unknown_account": Advice(
        "it names an account that the database does not know",
        "If the database was restored from a backup, have the person registered again; this letter is then done with.",
        Action.DISCARD,
    ),
    "mail_id_reused": Advice(
        "another event has settled this mail already",
        "Look at the account: the person has been served, and nothing is left to do.",
        Action.DISCARD,
    ),
    # The worker loop
    "breaks_dependency": Advice(
        "a dependency fails on this message and answers a probe at once",
        "Look at the service's and the dependency's log at that time; mend the cause before it is worked again.",
        Action.REPLAY,
    ),
    # The broker
    "delivery_limit": Advice(
        "the worker died or hung with it in hand, again and again",
        "Look for crashes of that service (kernel log: out of memory?). Mend the cause before it is worked again.",
        Action.REPLAY,
    ),
    "unroutable": Advice(
        "no queue is bound for its routing key",
        "The routing key must be live.<EventName> or bulk.<EventName>. If it is, run `aktif provision` before it is "
        "worked again.",
        Action.REPLAY,
    ),
    "rejected": Advice(
        "a consumer that is not ours refused it",
        "Find out who else consumes from that queue, and stop that before it is worked again.",
        Action.REPLAY,
    ),
    "expired": Advice(
        "it outlived a time limit that is not ours",
        "Somebody set a policy on the queue: `rabbitmqctl list_policies`. Remove it; then it may be worked again.",
        Action.REPLAY,
    ),
    "maxlen": Advice(
        "the queue has a length limit that is not ours",
        "Somebody set a policy on the queue: `rabbitmqctl list_policies`. Remove it; then it may be worked again.",
        Action.REPLAY,
    ),
    # The archivist
    "unknown": Advice(
        "no reason came with it", "Look at its headers, and whether its account still needs it.", Action.WAIT
    ),
}


_OF_ANOTHER_VERSION: Final = Advice(
    "this version has no words for it", "Look at the detail and the service's log.", Action.WAIT
)
UNSAFE: Final = frozenset({"wrong_exchange", "wrong_source", "weak_digest"})
"""What somebody may have forged: never replayed with others, only where an operator insists."""


def advice(reason: str) -> Advice:
    """What a reason means, also for one that is not known here."""
    return ADVICE.get(reason, _OF_ANOTHER_VERSION)
