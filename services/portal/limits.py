"""How often a person may try something. Any number of portals share what was counted."""

from datetime import timedelta
from typing import Final

from shared.web.limits import Counts, Limit, Limits, network_of, subject

__all__ = ["Counts", "Limit", "count", "forget", "network_of", "standing", "subject"]

_QUARTER: Final = timedelta(minutes=15)
RESEND_OF_ACCOUNT: Final = Limit("resend_account", 5, _QUARTER)
RESEND_FROM_ADDRESS: Final = Limit("resend_address", 300, _QUARTER)
RECOVERY_OF_ACCOUNT: Final = Limit("recovery_account", 5, _QUARTER)
RECOVERY_FROM_ADDRESS: Final = Limit("recovery_address", 300, _QUARTER)
SIGN_IN_OF_ACCOUNT: Final = Limit("sign_in_account", 10, _QUARTER)
SIGN_IN_FROM_ADDRESS: Final = Limit("sign_in_address", 300, _QUARTER)
ANSWERS_OF_LINK: Final = Limit("answers_link", 5, timedelta(days=2))
"""A link ends within a day and its session in half an hour, so this one is never counted anew."""

_LIMITS: Final = Limits("limits")
count, standing, forget = _LIMITS.count, _LIMITS.standing, _LIMITS.forget
