import pytest

from services.mailer.__main__ import duty
from shared.settings import Settings

ACKNOWLEDGEMENT_TIMEOUT = 1800


def test_without_a_pace_two_batches_are_at_hand() -> None:
    found = duty(Settings(mail_rate=0))

    assert (found.batch, found.prefetch) == (500, 1000)


@pytest.mark.parametrize("rate", [0.1, 0.5, 1, 10, 1000])
def test_at_a_pace_no_more_is_at_hand_than_is_sent_before_the_broker_takes_it_back(rate: float) -> None:
    found = duty(Settings(mail_rate=rate))

    assert found.prefetch / rate < ACKNOWLEDGEMENT_TIMEOUT
    assert found.batch <= found.prefetch
