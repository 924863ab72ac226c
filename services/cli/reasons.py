"""Every reason word of a dead letter: what it means, and what an operator does about it."""

from typing import Final, NamedTuple


class Advice(NamedTuple):
    """What a reason means, and what to do."""

    means: str
    do: str


_TELL_SENDER: Final = "Tell whoever sends it; it was told as EventRejected if it is an HR system and has an id."
_MEND_AND_SEND: Final = f"{_TELL_SENDER} The mended event may be sent under its old id."
_CODE: Final = "Look at the service's log at that time. Mend the fault before it is worked again."

ADVICE: Final[dict[str, Advice]] = {
    # The message (schemas/envelope.py)
    "too_large": Advice("the message has more than 64 KiB", _MEND_AND_SEND),
    "wrong_content_type": Advice("its content type is not application/cloudevents+json", _MEND_AND_SEND),
    "not_utf8": Advice("its bytes are no UTF-8", _MEND_AND_SEND),
    "not_json": Advice("it is no JSON", _MEND_AND_SEND),
    "bad_envelope": Advice("it is no CloudEvent 1.0: an attribute is missing or malformed", _MEND_AND_SEND),
    "unknown_type": Advice("no event of Aktif has this type", _TELL_SENDER),
    "unknown_version": Advice(
        "its sender speaks a version that we do not",
        "Deploy the version that knows it before it is worked again; or tell the sender.",
    ),
    "wrong_exchange": Advice(
        "nobody may publish this event to that exchange",
        "Find out who tried: this is a mistake of a publisher or an attack. It must never be worked.",
    ),
    "wrong_source": Advice("its source does not belong to the exchange that it was published to", _TELL_SENDER),
    "weak_digest": Advice(
        "its digest has weaker Argon2id parameters than allowed",
        "Deploy a portal with the present parameters; the person sets the password again.",
    ),
    "bad_ic_number": Advice(
        "the IC number cannot be one", "Correct it in the HR system, and register the person again."
    ),
    "control_character": Advice(
        "a text holds control characters", "Correct it in the HR system, and register the person again."
    ),
    "bad_field": Advice("a field of its data is missing, unknown or malformed", _MEND_AND_SEND),
    # State
    "id_reused": Advice(
        "another event was worked under the same source and id",
        "The sender must give each event an id of its own; it sends this one again under a new id.",
    ),
    "unexpected_type": Advice(
        "the service does not work events of this type",
        "Compare the broker's bindings with the topology: `aktif provision` reports drift.",
    ),
    "unknown_link": Advice(
        "it names a link that the database does not know",
        "If the database was restored from a backup, `aktif resend` mails a new link. Else find out who made it up.",
    ),
    "time_in_future": Advice(
        "its time lies more than 5 minutes ahead of the database's clock",
        "Set the sender's clock (NTP), then have it sent again, under the same id if it likes.",
    ),
    "database_error": Advice("the database refused what it does, five times", _CODE),
    "internal_error": Advice("our code failed on it, five times", _CODE),
    # The mailer
    "gave_up": Advice(
        "no mail server took the mail for as long as it was tried; HR was told",
        "Look at the replies in `aktif account`. When the relay or the address works again, `aktif resend` mails anew.",
    ),
    "bad_address": Advice(
        "the account has no usable mail address", "Correct the address in HR; the correction mails by itself."
    ),
    "unknown_account": Advice(
        "it names an account that the database does not know",
        "If the database was restored from a backup, have the person registered again; this letter is then done with.",
    ),
    "mail_id_reused": Advice(
        "another event has settled this mail already",
        "Look at the account: the person has been served, and nothing is left to do.",
    ),
    # The worker loop
    "breaks_dependency": Advice(
        "a dependency fails on this message and answers a probe at once",
        "Look at the service's and the dependency's log at that time; mend the cause before it is worked again.",
    ),
    # The broker
    "delivery_limit": Advice(
        "the worker died or hung with it in hand, again and again",
        "Look for crashes of that service (kernel log: out of memory?). Mend the cause before it is worked again.",
    ),
    "unroutable": Advice(
        "no queue is bound for its routing key",
        "The routing key must be live.<EventName> or bulk.<EventName>. If it is, run `aktif provision` before it is "
        "worked again.",
    ),
    "rejected": Advice(
        "a consumer that is not ours refused it",
        "Find out who else consumes from that queue, and stop that before it is worked again.",
    ),
    "expired": Advice(
        "it outlived a time limit that is not ours",
        "Somebody set a policy on the queue: `rabbitmqctl list_policies`. Remove it; then it may be worked again.",
    ),
    "maxlen": Advice(
        "the queue has a length limit that is not ours",
        "Somebody set a policy on the queue: `rabbitmqctl list_policies`. Remove it; then it may be worked again.",
    ),
    # The archivist
    "unknown": Advice("no reason came with it", "Look at its headers, and whether its account still needs it."),
}


def advice(reason: str) -> Advice:
    """What a reason means, also for one that is not known here."""
    return ADVICE.get(reason, Advice("this version has no words for it", "Look at the detail and the service's log."))
