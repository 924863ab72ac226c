"""The example programs, each in its language, and how it is started."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

_HERE: Final = Path(__file__).parent
_JAR: Final = "AKTIF_TEST_AMQP_CLIENT_JAR"
_DEBIAN_JARS: Final = [Path("/usr/share/java") / name for name in ("amqp-client.jar", "slf4j-api.jar", "slf4j-nop.jar")]

Command = list[str]


def python(_: Path) -> Command:
    """pika is one of our own dependencies."""
    return [sys.executable, str(_HERE / "python" / "hr.py")]


def node(folder: Path) -> Command:
    """amqplib is installed beside a copy of the program. Skips where Node or npm's registry is not to be had."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("Node and npm are not on this machine")
    client = shutil.copytree(_HERE / "node", folder / "node")
    npm = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent", "--fetch-retries=0"]
    if subprocess.run(npm, cwd=client, timeout=120).returncode:
        pytest.skip("npm could not install amqplib")
    return ["node", str(client / "hr.js")]


def java(_: Path) -> Command:
    """The jars are Debian's, or those of the class path in AKTIF_TEST_AMQP_CLIENT_JAR. Skips where there are none."""
    if not (shutil.which("java") and shutil.which("javac")):
        pytest.skip("a JDK is not on this machine")
    jars = os.environ.get(_JAR) or os.pathsep.join(str(jar) for jar in _DEBIAN_JARS if jar.exists())
    if "amqp-client" not in jars:
        pytest.skip(f"no amqp-client.jar: install librabbitmq-client-java, or name it and slf4j-api.jar in {_JAR}")
    return ["java", "-cp", jars, str(_HERE / "java" / "Hr.java")]


LANGUAGES: Final[Mapping[str, Callable[[Path], Command]]] = {"python": python, "node": node, "java": java}
