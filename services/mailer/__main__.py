"""`python -m services.mailer`."""

from typing import Final

from schemas.events import Lane
from services.mailer.worker import build
from shared.broker.topology import suspect_queue, work_queue
from shared.broker.worker import Duty
from shared.process import run_worker
from shared.settings import Settings

_BATCH: Final = 500
_IN_HAND_SECONDS: Final = 300


def duty(settings: Settings) -> Duty:
    """What the mailer works. At a pace, no more is in hand than a few minutes' mails.

    RabbitMQ takes back what is not acked for 30 minutes: https://www.rabbitmq.com/docs/consumers#acknowledgement-timeout
    """
    at_hand = 2 * _BATCH
    if settings.mail_rate:
        at_hand = max(20, min(at_hand, int(settings.mail_rate * _IN_HAND_SECONDS)))
    queues = (work_queue("mailer", Lane.LIVE), work_queue("mailer", Lane.BULK))
    return Duty("mailer", queues, suspect_queue("mailer"), batch=min(_BATCH, at_hand), prefetch=at_hand)


if __name__ == "__main__":
    run_worker("mailer", duty, lambda settings, connected: build(settings, connected=connected))
