"""Write what the models say into `schemas/published/`: `python -m schemas.publish [--check]`.

One JSON Schema (2020-12) and one example per event, an AsyncAPI 3.0 document, and a page for HR teams. The same models
give the same bytes.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from schemas.asyncapi import DIALECT, document, schema_file, summary
from schemas.contract_page import page
from schemas.envelope import json_schema
from schemas.events import MODELS
from schemas.examples import EXAMPLES

FOLDER: Final = Path(__file__).parent / "published"
PAGE: Final = "CONTRACT.md"


def published() -> dict[str, str]:
    """File name → content, of everything that is published."""
    files: dict[str, Any] = {"asyncapi.json": document()}
    for name in MODELS:
        files[schema_file(name)] = message_schema(name)
        files[f"{name}.example.json"] = json.loads(EXAMPLES[name].body)
    written = {name: json.dumps(content, indent=2, ensure_ascii=False) + "\n" for name, content in files.items()}
    return {PAGE: page(), **written}


def message_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of an event's whole message."""
    generated = _tidy(json_schema(name))
    generated["properties"]["type"] = {"const": f"aktif.{name}.v1"}
    definitions = generated.pop("$defs")
    head = {"$schema": DIALECT, "$id": f"urn:aktif:{name}:v1", "title": name, "description": summary(name)}
    return {**head, **generated, "$defs": definitions}


def stale(files: dict[str, str]) -> list[str]:
    """The names of published files that are missing, outdated or no longer made."""
    found = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*")}
    return sorted(name for name in files.keys() | found.keys() if files.get(name) != found.get(name))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or with `--check` only say which are stale (exit code 1)."""
    parser = argparse.ArgumentParser(prog="python -m schemas.publish", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is stale")
    check = parser.parse_args(arguments).check
    files = published()
    names = stale(files)
    for name in names:
        sys.stdout.write(f"{'stale' if check else 'written' if name in files else 'removed'}: {FOLDER.name}/{name}\n")
        if not check:
            _put(FOLDER / name, files.get(name))
    return 1 if check and names else 0


def _put(path: Path, content: str | None) -> None:
    if content is None:
        path.unlink()
    else:
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")


def _tidy(schema: dict[str, Any]) -> dict[str, Any]:
    """Without pydantic's titles (`Ic Number`) and OpenAPI's discriminator, which JSON Schema does not know."""
    for key in ("title", "discriminator"):
        schema.pop(key, None)
    for key in ("properties", "$defs"):
        for part in schema.get(key, {}).values():
            _tidy(part)
    return schema


if __name__ == "__main__":
    sys.exit(main())
