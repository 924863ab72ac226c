"""How `aktif check` looks in a terminal."""

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.cli.output import BAD, GOOD, ODD, QUIET, clean, count
from shared.findings import Finding, Level

_MOST: Final = 24
_STYLES: Final = {Level.OK: GOOD, Level.WARNING: ODD, Level.FAILED: BAD}


def show(screen: Console, found: Sequence[Finding]) -> None:
    """A line for each finding, below it what to do; in the end how many there are of each."""
    widest = max(len(finding.what) for finding in found)
    for part in dict.fromkeys(finding.part for finding in found):
        screen.print(Text(part.capitalize(), style="bold"))
        screen.print(_table([finding for finding in found if finding.part == part], min(widest, _MOST)))
        screen.print()
    screen.print(_summary(found))


def _table(found: Sequence[Finding], width: int) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=9)
    grid.add_column(width=width, overflow="fold")
    grid.add_column(overflow="fold")
    for finding in found:
        says = Text(clean(finding.found))
        if finding.do:
            says.append(f"\n→ {clean(finding.do)}", style="bold")
        style = _STYLES[finding.level]
        grid.add_row(Text(f"  {finding.level}", style=style), clean(finding.what), says)
    return grid


def _summary(found: Sequence[Finding]) -> Text:
    numbers = {level: sum(finding.level is level for finding in found) for level in Level}
    if not numbers[Level.FAILED] and not numbers[Level.WARNING]:
        return Text(f"All well: {count(len(found), 'check')} ok.", style=GOOD)
    return Text.assemble(
        (f"{numbers[Level.FAILED]} failed", BAD if numbers[Level.FAILED] else QUIET),
        ", ",
        (count(numbers[Level.WARNING], "warning"), ODD if numbers[Level.WARNING] else QUIET),
        f", {numbers[Level.OK]} ok.",
    )
