"""The table at the end of a run."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured figure; with what was wanted and aimed at, if it is more than a reference."""

    what: str
    value: float
    unit: str
    wanted: float | None = None
    aim: float | None = None
    less_is_better: bool = False

    def verdict(self) -> str:
        """How it compares."""
        if self.wanted is None:
            return ""
        sign = -1 if self.less_is_better else 1
        if self.aim is not None and sign * self.value >= sign * self.aim:
            return "aim reached"
        return "reached" if sign * self.value >= sign * self.wanted else "falls short"


def show(figures: Sequence[Figure]) -> None:
    """Print the table."""
    table = Table(title="make bench: one run, one machine, everything side by side")
    for heading in ("what", "figure", "unit", "wanted", "aim", ""):
        table.add_column(heading, justify="right" if heading in {"figure", "wanted", "aim"} else "left")
    for figure in figures:
        table.add_row(
            figure.what,
            _number(figure.value),
            figure.unit,
            _bound(figure, figure.wanted),
            _bound(figure, figure.aim),
            figure.verdict(),
        )
    Console(width=110).print(table)


def _bound(figure: Figure, value: float | None) -> str:
    if value is None:
        return ""
    return f"{'≤' if figure.less_is_better else '≥'} {_number(value)}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
