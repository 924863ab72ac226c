"""A worker as a process of its own: `python -m tests.integration.broker.process URL HOW [SECONDS]`.

It says on standard output when it begins its first batch.
"""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

from shared.broker.verdicts import Delivery, Done, Retry, Verdict, Wait
from shared.broker.worker import Worker
from shared.logs import configure_logs
from shared.process import run_until_stopped
from tests.support.broker import FAST, duty, worked

_TIMING = replace(FAST, look=1)


def main(how: str, seconds: float) -> None:
    """Work as told until SIGTERM."""
    configure_logs("test")
    is_first = True

    def handle(deliveries: Sequence[Delivery]) -> Sequence[Verdict]:
        nonlocal is_first
        if is_first:
            is_first = False
            print(len(deliveries), flush=True)
        if how == "poison" and any(delivery.body == b"poison" for delivery in deliveries):
            os._exit(1)
        time.sleep(seconds)
        if how == "retry":
            return [
                Retry(Wait.S5, "once") if delivery.attempt == 1 else Done([worked(delivery.body)])
                for delivery in deliveries
            ]
        return [Done([worked(delivery.body)]) for delivery in deliveries]

    size = {"poison": 500, "slow": 50, "retry": 50}[how]
    run_until_stopped(Worker(duty(batch=size, prefetch=3 * size, timing=_TIMING), [sys.argv[1]], handle))


if __name__ == "__main__":
    main(sys.argv[2], float(sys.argv[3]) if len(sys.argv) > 3 else 0)
