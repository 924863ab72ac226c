"""`python -m services.archivist`."""

from services.archivist.worker import Archivist
from shared.broker.topology import DEAD_QUEUE
from shared.broker.worker import Duty
from shared.process import run_worker
from shared.store.engine import open_engine

if __name__ == "__main__":
    run_worker(
        "archivist",
        lambda _: Duty("archivist", (DEAD_QUEUE,), suspects=None, batch=500, prefetch=1000),
        lambda settings, _: Archivist(open_engine(settings.require("database_url"), application="aktif-archivist")),
    )
