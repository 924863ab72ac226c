"""What a bug means for a message."""

import threading
from collections.abc import Sequence

import pytest

from schemas.events import Lane
from shared.broker.judge import Judge, Timing
from shared.broker.verdicts import UNTOUCHED, Dead, Delivery, Done, Retry, Verdict, Wait


def fails(deliveries: Sequence[Delivery]) -> Sequence[Verdict]:
    """A handler with a bug for one message."""
    if any(delivery.body == b"bad" for delivery in deliveries):
        raise ZeroDivisionError
    return [Done()] * len(deliveries)


def judge(*deliveries: Delivery, forgiving: bool = False) -> object:
    """The verdicts of that handler."""
    of = Judge(fails, Timing(suspects=0), threading.Event(), forgiving=forgiving)
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
