from collections.abc import Iterator

import pytest

from tests.integration.state.desk import Desk


@pytest.fixture
def desk(database: str) -> Iterator[Desk]:
    found = Desk(database)
    yield found
    found.engine.dispose()
