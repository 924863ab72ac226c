"""The token bucket: never faster than the rate, never slower for long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.mailer.pace import Pace


def test_without_a_limit_nothing_waits() -> None:
    pace = Pace(0, now=0.0)

    assert [pace.take(0.0) for _ in range(1000)] == [0.0] * 1000


def test_a_wait_is_exactly_until_the_next_mail() -> None:
    pace = Pace(4, now=0.0)

    assert pace.take(0.0) == 0.0
    assert pace.take(0.0) == pytest.approx(0.25)
    assert pace.take(0.1) == pytest.approx(0.15)
    assert pace.take(0.25) == 0.0


@given(rate=st.floats(0.5, 5000), steps=st.lists(st.floats(0, 0.5), min_size=1, max_size=200))
def test_in_any_time_no_more_than_the_rate_and_one_burst(rate: float, steps: list[float]) -> None:
    pace, now, taken = Pace(rate, now=0.0), 0.0, 0

    for step in steps:
        now += step
        while taken <= now * rate + rate and pace.take(now) == 0.0:
            taken += 1

    assert taken <= now * rate + max(1.0, rate / 10) + 1e-6


@given(rate=st.floats(0.5, 2000))
def test_whoever_waits_as_told_reaches_the_rate(rate: float) -> None:
    pace, now, taken = Pace(rate, now=0.0), 0.0, 0

    while taken < 100:
        wait = pace.take(now)
        taken += wait == 0.0
        now += wait + (1e-9 if wait else 0)

    assert now <= 100 / rate + 1e-3


def test_a_clock_that_steps_back_gives_nothing_away() -> None:
    pace = Pace(1, now=100.0)
    pace.take(100.0)

    assert pace.take(50.0) > 0
    assert pace.take(100.5) > 0
    assert pace.take(101.0) == 0.0
