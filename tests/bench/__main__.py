"""`make bench`: every benchmark, or those named: `python -m tests.bench state mailer live memory portal operators`."""

import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path

import structlog

from services.cli.servers.ladder import servers
from tests.bench import live, mailer, memory, operators, portal, state
from tests.bench.report import Figure, show

ALL = {
    "state": state.measure,
    "mailer": mailer.measure,
    "live": live.measure,
    "memory": memory.measure,
    "portal": portal.measure,
    "operators": operators.measure,
}


def main(names: list[str]) -> None:
    """Measure and print the table."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    if not os.access("/usr/sbin/smtp-sink", os.X_OK):
        sys.exit("smtp-sink is missing: as root, type `apt-get install postfix`")
    folder = Path(tempfile.mkdtemp(prefix="aktif-bench-"))
    folder.chmod(0o755)
    figures: list[Figure] = []
    try:
        with servers(folder, want=frozenset({"amqp", "database"}), for_tests=True) as found:
            for name in names or ALL:
                sys.stderr.write(f"measuring {name}\n")
                figures += ALL[name](found)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        show(figures)


if __name__ == "__main__":
    main(sys.argv[1:])
