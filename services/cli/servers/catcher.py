"""A mail catcher: an SMTP server on 127.0.0.1 that puts each mail into a Maildir and sends none on.

    python -m services.cli.servers.catcher --port 2525 --maildir FOLDER [--busy DOMAIN]

prints one JSON line when it listens, and with --busy one for each recipient that it refuses. It is a process of its
own, so that load never waits for its caller's GIL.
"""

import argparse
import asyncio
import itertools
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, Final

from aiosmtpd.smtp import SMTP, Envelope, Session

from services.cli.servers.process import ServerProcess, kept_ports

SIZE_LIMIT = 1 << 20
BUSY_REPLY: Final = "451 4.3.2 Busy, try again later"


class MaildirHandler:
    """Writes a mail to `tmp`, then renames it into `new`, so that a reader never sees half a mail."""

    def __init__(self, maildir: Path) -> None:
        self.maildir = maildir
        self._numbers = itertools.count()
        for name in ("tmp", "new", "cur"):
            (maildir / name).mkdir(parents=True, exist_ok=True)
        maildir.chmod(0o700)  # activation links are for the person, or for whoever runs this

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Called by aiosmtpd at the end of DATA; the mail is in the Maildir before 250 is said."""
        frame = f"Return-Path: <{envelope.mail_from}>\r\n"
        frame += "".join(f"X-Envelope-To: <{recipient}>\r\n" for recipient in envelope.rcpt_tos)
        name = f"{time.time():.6f}.{os.getpid()}_{next(self._numbers)}.aktif"
        partial = self.maildir / "tmp" / name
        partial.write_bytes(frame.encode() + (envelope.original_content or b""))
        partial.rename(self.maildir / "new" / name)
        return "250 OK"


class BusyHandler(MaildirHandler):
    """Refuses each recipient of a domain for now, the first time it is named, as a server short of room does."""

    def __init__(self, maildir: Path, domain: str) -> None:
        super().__init__(maildir)
        self._domain = domain.lower()
        self._refused = set[str]()

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Called by aiosmtpd for each RCPT TO."""
        recipient = address.lower()
        if recipient.rpartition("@")[2] == self._domain and recipient not in self._refused:
            self._refused.add(recipient)
            _say("refused once", domain=self._domain, reply=BUSY_REPLY, refused=len(self._refused))
            return BUSY_REPLY
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"


class MailCatcher:
    """The catcher as a child process; its port is kept in `folder`, its mails in `folder/mails`.

    `busy` is a domain whose recipients are each refused once with 451.
    """

    def __init__(self, folder: Path, busy: str | None = None) -> None:
        self.maildir = folder / "mails"
        self._folder, self._busy = folder, busy
        self._server = ServerProcess("catcher", folder)
        self._port = 0

    @property
    def url(self) -> str:
        """`smtp://127.0.0.1:port`, known after the first launch."""
        return f"smtp://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """The process id; raises ServerFailed when it is not running."""
        return self._server.pid

    def launch(self) -> None:
        """Starts the process, after ending what an earlier, killed parent left in this folder."""
        if not self._port:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._server.end_left_behind()
            self._port = kept_ports(self._folder / "ports.json", ["smtp"])["smtp"]
        self._server.log.write_bytes(b"")  # so that the line seen below is of this start
        command = [
            sys.executable,
            "-m",
            __spec__.name,
            "--port",
            str(self._port),
            "--maildir",
            str(self.maildir.resolve()),
            *(["--busy", self._busy] if self._busy else []),
        ]
        # Modules are found from wherever we found ours.
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(entry or os.getcwd() for entry in sys.path)}
        self._server.start(command, env=environment, cwd=self._folder)

    def wait_ready(self) -> None:
        """Returns when it listens; raises ServerFailed after 20 s."""
        self._server.wait_until(lambda: b'"ready"' in self._server.log.read_bytes(), timeout=20)

    def start(self) -> None:
        """`launch` and `wait_ready`."""
        self.launch()
        self.wait_ready()

    def stop(self) -> None:
        """Ends it; mails stay."""
        self._server.stop()

    def kill(self) -> None:
        """SIGKILL; mails stay."""
        self._server.kill()

    def discard(self) -> None:
        """Ends it abruptly, for data that nobody needs again."""
        self.kill()


async def serve(port: int, handler: MaildirHandler) -> None:
    """Listens until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopped.set)

    def connected() -> SMTP:
        return SMTP(handler, data_size_limit=SIZE_LIMIT, enable_SMTPUTF8=True, hostname="localhost", loop=loop)

    server = await loop.create_server(connected, "127.0.0.1", port, backlog=512)
    _say("ready", port=port, maildir=str(handler.maildir))
    await stopped.wait()
    server.close()


def _say(event: str, **fields: Any) -> None:
    sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Runs the catcher in the foreground."""
    parser = argparse.ArgumentParser(description="catches mail into a Maildir and sends none on")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--maildir", type=Path, required=True)
    parser.add_argument("--busy", metavar="DOMAIN", help=f"answer each recipient there once with {BUSY_REPLY}")
    arguments = parser.parse_args()
    maildir, busy = arguments.maildir, arguments.busy
    asyncio.run(serve(arguments.port, BusyHandler(maildir, busy) if busy else MaildirHandler(maildir)))


if __name__ == "__main__":
    main()
