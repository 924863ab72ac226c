"""What a transaction leaves behind in the process: nothing."""

import gc
import weakref

from shared.store.engine import in_transaction, open_engine


class Batch:
    """Something large."""


def test_a_transaction_keeps_nothing_of_its_work_until_the_collector_comes_by(database: str) -> None:
    engine = open_engine(database, application="test")
    batch = Batch()
    kept = weakref.ref(batch)
    gc.collect()
    gc.disable()

    try:
        in_transaction(engine, lambda _, held=batch: id(held))  # type: ignore[misc]
        in_transaction(engine, lambda _: None)
        del batch

        assert kept() is None
    finally:
        gc.enable()
        engine.dispose()
