"""`aktif --version`."""

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[2]


def version_line() -> str:
    """`aktif 0.1.0 (a1b2c3d), Python 3.11.7`; the revision where this runs from a clone, with + where it was edited."""
    revision = _revision()
    return f"aktif {version('aktif')}{f' ({revision})' if revision else ''}, Python {platform.python_version()}"


def _revision() -> str:
    if not (_ROOT / ".git").exists():
        return ""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--exclude=*", "--dirty=+"],  # noqa: S607
            cwd=_ROOT,
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
