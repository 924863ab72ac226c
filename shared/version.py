"""Which Aktif this is."""

import os
import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[1]
_COMMIT: Final = "# branch.oid "
_SHORT: Final = 7


def version_line() -> str:
    """`aktif 0.1.0 (a1b2c3d), Python 3.11.7`."""
    return f"aktif {release()}, Python {platform.python_version()}"


@cache
def release() -> str:
    """`0.1.0 (a1b2c3d)`; the revision where this runs from a clone, with + where it was edited."""
    revision = _revision()
    return f"{version('aktif')} ({revision})" if revision else version("aktif")


def _revision() -> str:
    if not (_ROOT / ".git").exists():
        return ""
    try:
        done = subprocess.run(
            ["git", "status", "--porcelain=v2", "--branch", "--untracked-files=no"],  # noqa: S607
            cwd=_ROOT,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},  # somebody may be committing here
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return revision_in(done.stdout)


def revision_in(status: str) -> str:
    """`a1b2c3d`, or `a1b2c3d+` where files were edited: https://git-scm.com/docs/git-status#_porcelain_format_version_2"""
    lines = status.splitlines()
    commits = [line.removeprefix(_COMMIT)[:_SHORT] for line in lines if line.startswith(_COMMIT)]
    is_edited = any(not line.startswith("#") for line in lines)
    return "".join(commits) + "+" * is_edited
