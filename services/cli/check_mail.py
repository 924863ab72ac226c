"""`aktif check`: relay and templates, which only the mailer knows; it looks at them in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Final

from services.cli.workers import module_path
from shared.findings import Finding, Level, Part

_MAIL: Final = Part("mail")
_SECONDS: Final = 60


def by_mailer() -> Iterator[Finding]:
    """What the mailer finds. The settings are those of this process's environment and folder."""
    done = subprocess.run(
        [sys.executable, "-m", "services.mailer.check"],
        env=os.environ | {"PYTHONPATH": module_path()},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    for line in done.stdout.splitlines():
        said = json.loads(line)
        yield Finding(**{**said, "level": Level(said["level"])})
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        yield _MAIL.failed("mailer", f"its check ended: {last}", "`python -m services.mailer.check` shows more")
