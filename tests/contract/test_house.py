"""The house: what may stand where, and who owns which table."""

from pathlib import Path

import pytest

from shared.store.tables import metadata

ROOT = Path(__file__).parents[2]
CARD = {"services", "shared", "schemas", "tests", "docker-compose.yml", "pyproject.toml", "README.md"}
TOOLS_NEED = {"Makefile", "Dockerfile", "requirements.lock", "CHANGELOG.md", "LICENSE", "deploy"}
LEFT_BY_TOOLS = {"build", "dist", "aktif.egg-info"}
OWNERS = {"state", "mailer", "archivist", "operator", "portal"}
MAX_LINES = 400


def test_the_top_level_holds_what_the_design_card_says_and_what_tools_need() -> None:
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}

    assert found - LEFT_BY_TOOLS <= CARD | TOOLS_NEED


@pytest.mark.parametrize("folder", ["schemas", "shared", "services", "tests"])
def test_no_file_is_too_long_to_be_read_in_one_go(folder: str) -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / folder).rglob("*.py")}

    assert {str(path.relative_to(ROOT)): n for path, n in lines.items() if n > MAX_LINES} == {}


@pytest.mark.parametrize("table", sorted(metadata.tables))
def test_every_table_has_one_owner_and_says_what_it_is(table: str) -> None:
    assert metadata.tables[table].info.get("owner") in OWNERS
    assert metadata.tables[table].comment


@pytest.mark.parametrize("table", sorted(name for name in metadata.tables if name.endswith("_inbox")))
def test_an_inbox_belongs_to_the_service_it_is_named_after(table: str) -> None:
    assert metadata.tables[table].info["owner"] == table.removesuffix("_inbox")


def test_a_foreign_key_never_leaves_its_owner() -> None:
    crossing = [
        f"{table.name} → {key.column.table.name}"
        for table in metadata.tables.values()
        for key in table.foreign_keys
        if key.column.table.info.get("owner") != table.info.get("owner")
    ]

    assert crossing == []
