"""`apt-get install` as root on Debian, without the service that Debian would start."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from services.cli.servers.process import run

POLICY = Path("/usr/sbin/policy-rc.d")


def can_install() -> bool:
    """Whether we are root and there is an apt-get."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(package: str) -> None:
    """Installs a package; raises ServerFailed with the end of apt-get's words when it cannot."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with _no_autostart():
        run(["apt-get", "-q", "update"], cwd=Path("/"), env=environment)
        run(["apt-get", "-qy", "--no-install-recommends", "install", package], cwd=Path("/"), env=environment)


@contextlib.contextmanager
def _no_autostart() -> Iterator[None]:
    if POLICY.exists():
        yield  # whoever wrote it decides; our node has ports of its own either way
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
