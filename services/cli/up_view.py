"""What `aktif up` shows: lines while it starts and ends, a calm live picture while it runs."""

import os
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from services.cli.children import RUNNING
from services.cli.demo import FIRST, Demo
from services.cli.environment import without_password
from services.cli.output import GOOD, ODD, QUIET, clean, console, count, dashed

if TYPE_CHECKING:
    from services.cli.children import Children
    from services.cli.servers.ladder import Servers
    from services.cli.trouble import Troubles
    from shared.settings import Settings


class View:
    """The screen of one `aktif up`. Without a terminal it is lines only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._console = console()
        self._status = self._console.status("") if self._console.is_terminal else None
        self._live: Live | None = None
        self._since = time.monotonic()
        self._found: Servers | None = None
        self._children: Children | None = None
        self._demo: Demo | None = None
        self._troubles: Troubles | None = None
        self._settings: Settings | None = None
        self._told = False

    def __enter__(self) -> "View":
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        if self._status is not None:
            self._status.stop()
        if self._found is not None:
            self._console.print(f"Ended; everything is kept in {self._folder}.")

    def say(self, words: str) -> None:
        """Say what is being done, or what happened."""
        words = clean(words)
        if self._live is not None:
            self._console.print(Text(words, style=ODD))
        elif self._status is not None:
            self._status.update(Text(words))
        else:
            self._console.print(words)
            self._console.file.flush()

    def begin(
        self,
        found: "Servers",
        children: "Children",
        demo: Demo | None,
        troubles: "Troubles | None",
        of: "Settings",
    ) -> None:
        """Everything runs: show it from now on."""
        self._found, self._children, self._settings = found, children, of
        self._demo, self._troubles = demo, troubles
        self._since = time.monotonic()
        if self._status is None:
            self._console.print(self._picture())
            self._console.file.flush()
            return
        self._status.stop()
        self._live = Live(self._picture(), console=self._console, auto_refresh=False)
        self._live.start(refresh=True)

    def update(self) -> None:
        """Draw the present state; say once how the demo went."""
        if self._live is not None:
            self._live.update(self._picture(), refresh=True)
        if self._demo is not None and self._demo.is_over and not self._told:
            self._told = True
            self._tell(self._demo)

    def _tell(self, demo: Demo) -> None:
        """On lines of their own, which the terminal wraps, so that the link can be copied whole."""
        screen = self._console
        screen.print(f"{demo.caught} of {demo.total} mails of the sample were caught.")
        if demo.link:
            screen.print("An activation link, good for some minutes:")
            screen.print(Text(demo.link, style=GOOD), soft_wrap=True)
        else:
            screen.print("No new activation link: the first person of the sample is active already.")
        screen.file.flush()

    def end(self) -> None:
        """Leave the last picture where it is, and go on with lines."""
        if self._live is not None:
            self._live.stop()
            self._live = None
            self.say_ending()

    def say_ending(self) -> None:
        """The services are asked to stop."""
        if self._status is not None:
            self._status.update("ending the services")
            self._status.start()

    def _picture(self) -> RenderableType:
        minutes, seconds = divmod(int(time.monotonic() - self._since), 60)
        parts: list[RenderableType] = [
            Text.assemble(("Aktif runs", "bold"), (f"  for {minutes}:{seconds:02}; Ctrl-C ends everything", QUIET)),
            Text(),
            self._servers_and_services(),
        ]
        if self._demo is not None:
            parts += [Text(), self._progress(self._demo)]
        if self._troubles is not None:
            lines = (Padding(Text(words), (0, 0, 0, 2)) for words in self._troubles.words)
            parts += [Text("troubles", style="bold"), *lines]
        else:
            parts.append(Text())
        return Group(*parts, *self._hints())

    def _servers_and_services(self) -> Table:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="bold", no_wrap=True)
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        found, children = self._found, self._children
        if found is not None:
            grid.add_row("RabbitMQ", _whose(found.rabbitmq), without_password(found.amqp_url.split(",")[0]))
            if found.rabbitmq is not None:
                password = os.path.relpath(self._folder / "rabbitmq" / "password")
                where = f"{without_password(found.broker_api_url)}, user aktif, password in {password}"
                grid.add_row("", Text("management", style=QUIET), Text(where, style=QUIET))
            grid.add_row("PostgreSQL", _whose(found.postgres), without_password(found.database_url))
            grid.add_row("mail", "caught" if found.catcher else "sent", without_password(found.smtp_url))
            if found.maildir is not None:
                mails = count(len(os.listdir(found.maildir / "new")), "mail")
                folder = os.path.relpath(found.maildir / "new")
                grid.add_row("", Text("folder", style=QUIET), Text(f"{folder}  {mails}", style=QUIET))
        if self._settings is not None:
            self._add_pages(grid, self._settings)
        if children is not None:
            self._add_services(grid, children)
        return grid

    def _add_services(self, grid: Table, children: "Children") -> None:
        """In one row those that are well, so that all of the picture fits a small terminal."""
        well = [child for child in children.all if child.state == RUNNING]
        logs = os.path.relpath(self._folder / "services")
        if well:
            names = " ".join(child.name for child in well)
            grid.add_row("services", Text(RUNNING, style=GOOD), Text.assemble(names, (f"  {logs}/*", QUIET)))
        for child in children.all:
            if child not in well:
                style = GOOD if child.process.running else ODD
                grid.add_row(child.name, Text(child.state, style=style), Text(f"{logs}/{child.name}.out", style=QUIET))

    def _add_pages(self, grid: Table, of: "Settings") -> None:
        grid.add_row("portal", "open", f"{of.portal_url}/")
        grid.add_row("console", "open", f"http://localhost:{of.console_bind.rpartition(':')[2]}/")
        if (self._folder / "console_password").exists():
            password = os.path.relpath(self._folder / "console_password")
            grid.add_row("", Text("login", style=QUIET), Text(f"operator, password in {password}", style=QUIET))

    def _progress(self, demo: Demo) -> RenderableType:
        row = Table.grid(padding=(0, 1))
        row.add_row(
            Text("sample mails", style="bold"),
            ProgressBar(total=demo.total, completed=demo.caught, width=30) if self._live else Text(""),
            f"{demo.caught} of {demo.total} caught",
        )
        return row

    def _hints(self) -> list[RenderableType]:
        if self._troubles is not None:
            where = "Mend them in the console, or in another terminal, in this folder:"
            return [Text(where), *(Text(f"  {command}") for command in self._troubles.commands)]
        commands = [f"aktif account {dashed(FIRST)}"] if self._demo is not None else ["aktif register FILE.csv"]
        commands += ["aktif queues --watch", "aktif ledger", "aktif dead list"]
        return [Text("Try in another terminal, in this folder:"), *(Text(f"  {command}") for command in commands)]


def _whose(server: object) -> str:
    return "private" if server is not None else "given"
