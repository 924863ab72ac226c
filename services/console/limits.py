"""How often a login may be tried, by name and from one address; counted in a table of the console's own."""

from datetime import timedelta
from typing import Final

from shared.web.limits import Limit, Limits

_QUARTER: Final = timedelta(minutes=15)
OF_NAME: Final = Limit("login_name", 10, _QUARTER)
FROM_ADDRESS: Final = Limit("login_address", 100, _QUARTER)

LIMITS: Final = Limits("tries")
