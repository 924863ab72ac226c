"""Who may do what at the broker, derived from the topology and from who publishes which event.

Nobody here configures anything: only `aktif provision` declares. RabbitMQ 4.2.6 and 4.3.0 refuse passive declares
without `configure`, by which workers look at their suspects; 3.10 to 4.2.5, 4.2.7 and 4.3.1 do not
(https://github.com/rabbitmq/rabbitmq-server/pull/16272), so those two are not to be used with these permissions.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from schemas.events import (
    EVENT_NAME,
    PUBLISHED_TO,
    AccountActivated,
    AccountWithdrawn,
    EventData,
    EventRejected,
    Exchange,
    Lane,
    MailRequested,
    MailSettled,
    MailUndeliverable,
    PasswordSet,
    QuestionsAnswered,
    QuestionsSet,
    Recovery,
    Registration,
    Resend,
    TokenRedeemed,
)
from shared.broker.topology import DEAD_QUEUE, HOME, LETTERS, SERVICES, feed_queue, suspect_queue, work_queue
from shared.broker.verdicts import Wait

NOTHING: Final = "^$"
ARCHIVIST: Final = "archivist"
PORTAL: Final = "portal"
OPERATOR: Final = "operator"
"""The operators' console and command line."""
REFUSES_PASSIVE_DECLARES: Final = frozenset({"4.2.6", "4.3.0"})

PUBLISHES: Final[Mapping[str, tuple[type[EventData], ...]]] = {
    "state": (MailRequested, AccountActivated, MailUndeliverable, EventRejected),
    "mailer": (MailSettled,),
    OPERATOR: (Registration, Resend, AccountWithdrawn),
}
"""The events that each service causes, and those of the operators' command line, which speaks as HR does or for us."""
PEOPLES: Final = (Resend, Recovery, TokenRedeemed, QuestionsSet, QuestionsAnswered, PasswordSet)
"""What people do in the portal."""


@dataclass(frozen=True, slots=True)
class Permissions:
    """Regular expressions of names, and of the routing keys that may be used on a topic exchange.

    https://www.rabbitmq.com/docs/access-control#authorisation
    """

    configure: str = NOTHING
    write: str = NOTHING
    read: str = NOTHING
    keys: Mapping[str, str] = field(default_factory=dict, hash=False)

    def names(self) -> dict[str, str]:
        """As the management API takes them."""
        return {"configure": self.configure, "write": self.write, "read": self.read}


def of_service(service: str) -> Permissions:
    """What a worker needs: its queues; the exchanges of its events, with their keys; where retries and letters go."""
    if service == ARCHIVIST:
        return Permissions(read=_any_of([DEAD_QUEUE]))
    events = _by_exchange(PUBLISHES[service])
    ways = [HOME, LETTERS, *(wait.queue for wait in Wait)]
    queues = [*(work_queue(service, lane) for lane in Lane), suspect_queue(service)]
    return Permissions(write=_any_of([*events, *ways]), read=_any_of(queues), keys=_keys(events))


def of_portal() -> Permissions:
    """What people do; the portal reads no queue, since it finds every outcome in the database."""
    events = {Exchange.PORTAL: _by_exchange(PEOPLES)[Exchange.PORTAL]}
    return Permissions(write=_any_of(events), keys=_keys(events))


def of_operator() -> Permissions:
    """What `aktif register`, `resend` and `withdraw` publish, what `ledger --mend` publishes again for any service, and
    where letters are replayed to.

    Depths are asked of the management API, which needs a tag and no permission.
    """
    by_exchange = _by_exchange(event for events in PUBLISHES.values() for event in events)
    events = {exchange: by_exchange[exchange] for exchange in (Exchange.HR, Exchange.EVENTS)}
    return Permissions(write=_any_of([*events, HOME]), keys=_keys(events))


def of_hr(system: str) -> Permissions:
    """An HR system publishes to `aktif.hr` and reads its feed. A wrong key ends as a letter, so any may be used."""
    return Permissions(write=_any_of([Exchange.HR]), read=_any_of([feed_queue(system)]))


def logins() -> dict[str, Permissions]:
    """Each service's permissions, and the operators'."""
    workers = {service: of_service(service) for service in (*SERVICES, ARCHIVIST)}
    return workers | {PORTAL: of_portal(), OPERATOR: of_operator()}


def _by_exchange(events: Iterable[type[EventData]]) -> dict[Exchange, list[str]]:
    found: dict[Exchange, list[str]] = {}
    for event in events:
        for exchange in PUBLISHED_TO[event]:
            found.setdefault(exchange, []).append(EVENT_NAME[event])
    return found


def _keys(events: Mapping[Exchange, Iterable[str]]) -> dict[str, str]:
    """`<lane>.<EventName>`; on the feed `<system>.<EventName>`."""
    lanes = f"({'|'.join(Lane)})"
    return {
        exchange.value: rf"^{'[^.]+' if exchange is Exchange.FEED else lanes}\.({'|'.join(dict.fromkeys(names))})$"
        for exchange, names in events.items()
    }


def _any_of(names: Iterable[str]) -> str:
    words = [re.escape(name) for name in names]
    return f"^{words[0]}$" if len(words) == 1 else f"^({'|'.join(words)})$"
