"""Every table, by its one owner. Any service may read; only the owner writes."""

from shared.store.tables.archivist import letters
from shared.store.tables.mailer import attempts, mailer_inbox, mails
from shared.store.tables.metadata import metadata
from shared.store.tables.operator import (
    audit,
    closings,
    ledgers,
    notes,
    operations,
    operators,
    replays,
    sessions,
    tries,
)
from shared.store.tables.portal import limits
from shared.store.tables.state import accounts, history, links, questions, state_inbox

__all__ = [
    "accounts",
    "attempts",
    "audit",
    "closings",
    "history",
    "ledgers",
    "letters",
    "limits",
    "links",
    "mailer_inbox",
    "mails",
    "metadata",
    "notes",
    "operations",
    "operators",
    "questions",
    "replays",
    "sessions",
    "state_inbox",
    "tries",
]
