"""What a bug means for a message."""

import threading
from collections.abc import Sequence

import pytest

from schemas.events import Lane
from shared.broker.judge import Judge, Timing
from shared.broker.verdicts import UNTOUCHED, Dead, Delivery, DependencyDown, Done, Retry, Verdict, Wait
from shared.health import Health


def fails(deliveries: Sequence[Delivery]) -> Sequence[Verdict]:
    """A handler with a bug for one message."""
    if any(delivery.body == b"bad" for delivery in deliveries):
        raise ZeroDivisionError
    return [Done()] * len(deliveries)


def judge(*deliveries: Delivery, forgiving: bool = False) -> object:
    """The verdicts of that handler."""
    of = Judge(fails, Timing(suspects=0), threading.Event(), Health(dict), forgiving=forgiving)
    return of.judge(deliveries, lambda: True)


def one(body: bytes, attempt: int = 1) -> Delivery:
    """A delivery."""
    return Delivery(body, None, "aktif.hr", Lane.LIVE, attempt)


@pytest.mark.parametrize(("attempt", "wait"), [(1, Wait.S5), (2, Wait.S30), (3, Wait.M2), (4, Wait.M10)])
def test_a_message_that_meets_a_bug_is_tried_again_later_and_later(attempt: int, wait: Wait) -> None:
    verdicts = judge(one(b"good"), one(b"bad", attempt), one(b"good"))
    assert verdicts == [Done(), Retry(wait, "internal_error"), Done()]


def test_and_is_dead_in_the_end() -> None:
    assert judge(one(b"bad", 5)) == [Dead("internal_error", "the handler failed with ZeroDivisionError")]


def test_a_letter_that_meets_a_bug_stays_where_it_is() -> None:
    """There is nowhere to put a dead letter of the archivist's."""
    assert judge(one(b"good"), one(b"bad", 99), forgiving=True) == [Done(), UNTOUCHED]


def verdict_alone(*, surely: bool) -> object:
    """What becomes of a suspect whose handler says that the database is down, while a probe succeeds."""

    def is_refused(_: Sequence[Delivery]) -> Sequence[Verdict]:
        raise DependencyDown("database", "why", lambda: None, surely=surely)

    of = Judge(is_refused, Timing(probes=(0,)), threading.Event(), Health(dict), forgiving=False)
    return of.judge([Delivery(b"x", None, "aktif.hr", Lane.LIVE, alone=True)], lambda: True)


def test_a_suspect_that_breaks_what_answers_a_probe_is_dead() -> None:
    verdict = [Dead("breaks_dependency", "database fails on this message and answers a probe")]
    assert verdict_alone(surely=False) == verdict


def test_but_not_where_no_message_can_have_caused_it() -> None:
    assert isinstance(verdict_alone(surely=True), DependencyDown)


@pytest.mark.parametrize(("begun", "probes"), [(False, 0), (True, 1)])
def test_a_stop_allows_for_one_more_probe_only_where_something_is_begun(begun: bool, probes: int) -> None:
    stopping, probed = threading.Event(), list[None]()
    stopping.set()

    def probe() -> None:
        probed.append(None)
        raise ConnectionError

    down = DependencyDown("database", "why", probe)
    down.begun = begun
    of = Judge(fails, Timing(probes=(60,)), stopping, Health(dict), forgiving=False)

    assert not of.probe_until(down)
    assert len(probed) == probes
