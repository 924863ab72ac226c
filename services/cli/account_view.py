"""How an account looks in a terminal."""

from collections.abc import Iterator
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from services.cli.output import BAD, GOOD, ODD, QUIET, at, clean, console, count, dashed, table

Facts = dict[str, Any]
_LINK_WORDS: Final = {
    "unsent": "no mail server has taken a mail with it yet, so it does not age",
    "live": "can be used",
    "expired": "has ended; `aktif resend {ic}` mails a new one",
    "redeemed": "the person has opened it and is not done",
    "used": "a password was set through it",
    "superseded": "a newer link, an address correction or a withdrawal took its place",
}
_STATE_STYLES: Final = {"active": GOOD, "withdrawn": ODD}
_STYLES: Final = {
    "applied": GOOD, "accepted": GOOD, "live": GOOD, "used": GOOD,
    "ignored": QUIET, "skipped": QUIET, "superseded": QUIET,
    "rejected": ODD, "transient": ODD, "unknown": ODD, "expired": ODD, "misconfigured": ODD,
    "permanent": BAD, "failed": BAD, "gave_up": BAD,
}  # fmt: skip


def show(found: Facts, letters: int) -> None:
    """Print an account."""
    screen = console()
    title = f"Account {dashed(found['ic_number'])}"
    screen.print(Panel(Group(*_details(found)), title=title, title_align="left", expand=False, padding=(0, 1)))
    for mail in found["mails"]:
        screen.print(_mail(mail))
    screen.print(_timeline(found["timeline"]))
    if letters:
        screen.print(Text(f"{count(letters, 'dead letter')} about this person: `aktif dead list`", style=BAD))


def _details(found: Facts) -> Iterator[RenderableType]:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style=QUIET, no_wrap=True)
    grid.add_column(overflow="fold")
    state = Text(found["state"], style=f"bold {_STATE_STYLES.get(found['state'], '')}".strip())
    grid.add_row("name", clean(found["name"] or "–"))
    grid.add_row("email", clean(found["email"] or "–"))
    grid.add_row("state", state)
    grid.add_row("registered", at(found["registered_at"]))
    grid.add_row("activated", at(found["activated_at"]))
    grid.add_row("link", _link(found["link"], found["ic_number"]))
    yield grid


def _link(link: Facts | None, ic_number: str) -> Text:
    if link is None:
        return Text("none")
    status = str(link["status"])
    words = _LINK_WORDS[status].format(ic=ic_number)
    line = Text.assemble((status, _STYLES.get(status, "")), f": {words}")
    line.append(f"\n{link['purpose']}, issued {at(link['issued_at'])}", style=QUIET)
    if link["accepted_at"]:
        line.append(f"\nmailed {at(link['accepted_at'])}, ends {at(link['expires_at'])}", style=QUIET)
    return line


def _mail(mail: Facts) -> RenderableType:
    result = mail["result"] or "being tried"
    head = Text.assemble(
        ("Mail ", "bold"),
        (mail["kind"], "bold"),
        f"  requested {at(mail['requested_at'])}  ",
        (result, _STYLES.get(result, ODD)),
    )
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for attempt in mail["attempts"]:
        reply = Text(clean(attempt["reply"] or "no reply"))
        reply.append(f"  {clean(attempt['email'])}, {attempt['milliseconds']} ms", style=QUIET)
        grid.add_row(at(attempt["at"]), Text(attempt["result"], style=_STYLES.get(attempt["result"], "")), reply)
    if not mail["attempts"]:
        grid.add_row(Text(f"not tried ({clean(mail['reply'])})" if mail["reply"] else "not tried", style=QUIET))
    return Group(head, Padding(grid, (0, 0, 1, 2)))


def _timeline(entries: list[Facts]) -> Table:
    rows = table("at", "event", "outcome", "reason", "state", title="Timeline")
    rows.columns[0].no_wrap = rows.columns[2].no_wrap = True
    for entry in entries:
        outcome = Text(entry["outcome"], style=_STYLES.get(entry["outcome"], ""))
        reason = clean(entry["reason"] or "")
        event = clean(entry["event"].removeprefix("ActivationRequested."))
        rows.add_row(at(entry["at"]), event, outcome, reason, entry["state"] or "")
    return rows
