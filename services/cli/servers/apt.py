"""`apt-get install` as root on Debian, without the service that Debian would start."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from services.cli.servers.process import run

POLICY = Path("/usr/sbin/policy-rc.d")
PATIENCE = "DPkg::Lock::Timeout=300"
"""How many seconds somebody else's apt-get is waited for, as one that runs by itself after boot."""


def can_install() -> bool:
    """Whether we are root and there is an apt-get."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(package: str) -> None:
    """Installs a package; raises ServerFailed with the end of apt-get's words when it cannot."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with _one_at_a_time(), _no_autostart():
        run(["apt-get", "-q", "update"], cwd=Path("/"), env=environment)
        options = ["-qy", "--no-install-recommends", "-o", PATIENCE]
        run(["apt-get", *options, "install", package], cwd=Path("/"), env=environment)


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Test processes side by side all find the same package missing."""
    folder = os.open(POLICY.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


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
