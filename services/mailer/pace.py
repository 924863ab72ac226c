"""How many mails a second one process may send: a token bucket (AKTIF_MAIL_RATE). Pure; the clock is given."""

from typing import Final

_BURST_SECONDS: Final = 0.1


class Pace:
    """At most `rate` mails a second, after a pause at most a tenth of a second's worth at once; 0 is no limit."""

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._capacity = max(1.0, rate * _BURST_SECONDS)
        self._tokens, self._at = self._capacity, now

    def take(self, now: float) -> float:
        """Take leave to send one mail: 0.0, or, with nothing taken, the seconds until it is worth asking again."""
        if not self._rate:
            return 0.0
        self._tokens = min(self._capacity, self._tokens + max(0.0, now - self._at) * self._rate)
        self._at = max(self._at, now)
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self._rate
