"""`python -m services.archivist`."""

from typing import Final

from services.archivist.worker import Archivist
from shared.broker.topology import DEAD_QUEUE
from shared.broker.worker import Duty
from shared.process import run_worker
from shared.store.engine import open_engine

_BATCH: Final = 100
"""Letters may be as large as the broker takes messages, and this many are in memory."""

if __name__ == "__main__":
    run_worker(
        "archivist",
        lambda _: Duty("archivist", (DEAD_QUEUE,), suspects=None, batch=_BATCH, prefetch=_BATCH),
        lambda settings, _: Archivist(open_engine(settings.require("database_url"), application="aktif-archivist")),
    )
