"""One account and what happens to it: the pure core, event after event."""

from datetime import datetime, timedelta
from typing import Any

from schemas.envelope import Event
from schemas.events import EventData
from services.state.decisions import Account, Decision, Link, Moment, Rules, Ruling, State
from services.state.lifecycle import decide
from tests.support.builders import THEN, event


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


class Life:
    """Holds the account as the events so far have left it. The database's clock stands at `now`."""

    def __init__(self, account: Account | None = None, now: datetime = THEN) -> None:
        self.account, self.now, self.rules = account, now, Rules()

    def happens(
        self, data: EventData, time: datetime | None = None, *, attempt: int = 1, replay: int = 0, **about: Any
    ) -> Ruling:
        return self.sees(event(data, time or self.now, **about), attempt, replay)

    def sees(self, event: Event, attempt: int = 1, replay: int = 0) -> Ruling:
        ruling = decide(self.account, event, Moment(self.now, self.rules, attempt, replay))
        if isinstance(ruling, Decision):
            self.account = ruling.account
        return ruling

    @property
    def state(self) -> State:
        assert self.account is not None
        return self.account.state

    @property
    def link(self) -> Link:
        """The newest link."""
        assert self.account is not None
        return self.account.links[-1]


def said(ruling: Ruling) -> str:
    """`applied registered`, `too early`, `dead unknown_link`."""
    if isinstance(ruling, Decision):
        return f"{ruling.outcome} {ruling.reason}"
    return "too early" if not hasattr(ruling, "reason") else f"dead {ruling.reason}"


def mails(ruling: Ruling) -> list[str]:
    """The kinds of mail that a ruling asks for."""
    assert isinstance(ruling, Decision)
    return [cause.kind.value for cause in ruling.causes if hasattr(cause, "kind")]
