"""The import rules of the architecture page: downwards only, and a pure core."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = {"schemas": {"schemas"}, "shared": {"schemas", "shared"}, "services": {"schemas", "shared", "services"}}
PURE = ("links", "credentials", "questions", "clock")
IO_MODULES = {
    *("sqlalchemy", "psycopg", "alembic", "pika", "socket", "ssl", "smtplib", "http", "urllib", "asyncio", "select"),
    *("os", "pathlib", "io", "shutil", "subprocess", "tempfile", "threading", "time", "sys", "logging", "structlog"),
}
CONNECTS_NOWHERE = """
import importlib, socket, sys
def refuse(*args):
    raise AssertionError(f"connects at import: {args}")
for name in ("connect", "connect_ex", "bind", "sendto"):
    setattr(socket.socket, name, refuse)
for module in sys.argv[1:]:
    importlib.import_module(module)
"""


def _files(*parts: str) -> list[Path]:
    return sorted(ROOT.joinpath(*parts).rglob("*.py"))


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _offenders(files: list[Path], forbidden: set[str]) -> list[str]:
    return [
        f"{_module(path)} imports {name}"
        for path in files
        for name in _imports(path)
        if any(name == banned or name.startswith(f"{banned}.") for banned in forbidden)
    ]


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_run_downwards_only(layer: str) -> None:
    forbidden = {*LAYERS, "tests"} - LAYERS[layer]

    assert _offenders(_files(layer), forbidden) == []


def test_no_service_imports_another() -> None:
    services = {path.name for path in (ROOT / "services").iterdir() if path.is_dir() and path.name != "__pycache__"}

    for service in services:
        others = {f"services.{other}" for other in services - {service}}
        assert _offenders(_files("services", service), others) == []


def test_only_the_broker_package_imports_pika() -> None:
    elsewhere = [
        path for path in _files("schemas") + _files("shared") + _files("services") if "broker" not in path.parts
    ]

    assert _offenders(elsewhere, {"pika"}) == []


@pytest.mark.parametrize("name", PURE)
def test_pure_files_import_no_io(name: str) -> None:
    assert _offenders([ROOT / "shared" / f"{name}.py"], {*IO_MODULES, "shared.broker", "shared.store"}) == []


def test_the_wire_imports_no_io_but_to_write_what_it_publishes() -> None:
    wire = [path for path in _files("schemas") if path.name != "publish.py"]

    assert _offenders(wire, IO_MODULES) == []


def test_broker_and_store_do_not_know_each_other() -> None:
    assert _offenders(_files("shared", "broker"), {"shared.store", "sqlalchemy", "psycopg"}) == []
    assert _offenders(_files("shared", "store"), {"shared.broker"}) == []


def test_importing_any_module_connects_to_nothing() -> None:
    modules = [
        _module(path)
        for path in _files("schemas") + _files("shared") + _files("services")
        if path.stem != "__main__" and "migrations" not in path.parts
    ]

    run = subprocess.run([sys.executable, "-c", CONNECTS_NOWHERE, *modules], cwd=ROOT, capture_output=True, text=True)

    assert run.returncode == 0, run.stderr
