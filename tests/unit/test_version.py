"""Which Aktif this is, as it tells the broker and whoever asks."""

import re
from importlib.metadata import version

import pytest

from shared.broker.connection import parameters
from shared.version import release, revision_in, version_line

COMMIT = "# branch.oid 0f1e2d3c4b5a69788796a5b4c3d2e1f001122334\n# branch.head main\n"


@pytest.mark.parametrize(
    ("status", "revision"),
    [
        (COMMIT, "0f1e2d3"),
        (COMMIT + "1 .M N... 100644 100644 100644 0f1e2d3 0f1e2d3 README.md\n", "0f1e2d3+"),
        ("", ""),
    ],
)
def test_a_revision_is_the_commit_with_a_plus_where_files_were_edited(status: str, revision: str) -> None:
    assert revision_in(status) == revision


def test_a_connection_tells_the_broker_what_the_command_line_prints() -> None:
    told = parameters("amqp://broker.example", "aktif-state-consume@host").client_properties["version"]

    assert told == release()
    assert version_line().startswith(f"aktif {told}, Python ")
    assert re.fullmatch(rf"{re.escape(version('aktif'))}( \([0-9a-f]{{7}}\+?\))?", told)
