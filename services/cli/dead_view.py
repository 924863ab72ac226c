"""How dead letters look in a terminal."""

import json
from collections.abc import Sequence
from typing import Any, Final

from rich.console import Group
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from services.cli import masking
from services.cli.output import BAD, GOOD, QUIET, at, clean, console, count, dashed, table
from services.cli.reasons import advice
from shared.logs import mask_ic

Letter = dict[str, Any]
_OVER: Final = {"active", "withdrawn"}
_WIDE: Final = 100


def show_list(groups: Sequence[Letter], letters: Sequence[Letter], *, is_filtered: bool) -> None:
    """Print groups and letters."""
    screen = console()
    if not groups:
        screen.print(
            "No dead letter matches." if is_filtered else "No dead letters.", style=None if is_filtered else GOOD
        )
        return
    total = sum(group["letters"] for group in groups)
    screen.print(Text("By cause", style="bold"))
    for group in groups:
        screen.print(_group(group))
    if letters:
        screen.print(_letters(letters, with_ids=screen.width >= _WIDE))
    left = total - len(letters)
    more = f" ({left:,} more with --limit {total})" if left > 0 else ""
    example = f"; `aktif dead show {letters[0]['letter_id']}` shows one" if letters else ""
    screen.print(f"{count(total, 'letter')}{more}{example}", style=QUIET)


def _group(group: Letter) -> Padding:
    head = Text.assemble(f"{group['letters']:,} × ", (clean(group["reason"]), BAD), f"  {_event(group['type'])}")
    head.append(f"  {clean(group['service'])}, newest {at(group['filed_at'])}", style=QUIET)
    lines = [head, Text(advice(group["reason"]).do)]
    if group["detail"]:
        lines.insert(1, Text(clean(group["detail"]), style=QUIET))
    return Padding(Group(head, *(Padding(line, (0, 0, 0, 4)) for line in lines[1:])), (0, 0, 1, 0))


def _letters(letters: Sequence[Letter], *, with_ids: bool) -> Table:
    rows = table("no.", "filed", "queue", "event", "reason", title="Letters", right=("no.",))
    for column in rows.columns:
        column.no_wrap = True
    if with_ids:
        rows.add_column("id", overflow="ellipsis")
    for letter in letters:
        times = f" ×{letter['times']}" if letter["times"] > 1 else ""
        cells = [str(letter["letter_id"]), at(letter["filed_at"]), clean(letter["queue"]), _event(letter["type"])]
        rows.add_row(*cells, f"{clean(letter['reason'])}{times}", *([clean(letter["id"])] if with_ids else []))
    return rows


def show(letter: Letter, account: Any) -> None:
    """Print one letter."""
    screen = console()
    words = advice(letter["reason"])
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style=QUIET, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("reason", Text.assemble((clean(letter["reason"]), BAD), f": {words.means}"))
    if letter["detail"]:
        grid.add_row("detail", clean(letter["detail"]))
    if letter["field"]:
        grid.add_row("field", clean(letter["field"]))
    grid.add_row("what to do", words.do)
    grid.add_row("event", _event(letter["type"]))
    grid.add_row("source, id", f"{clean(letter['source'] or '–')}  {clean(letter['id'])}")
    grid.add_row("queue", f"{clean(letter['queue'])}, published to {clean(letter['origin'])}")
    grid.add_row(
        "tried", f"attempt {letter['attempt']}, replay {letter['replay']}, filed {count(letter['times'], 'time')}"
    )
    grid.add_row("by", "the broker" if letter["by_broker"] else f"the {clean(letter['service'])} worker")
    grid.add_row("filed", f"{at(letter['filed_at'])}, first {at(letter['first_filed_at'])}")
    grid.add_row("account", _account(letter, account))
    screen.print(Panel(Group(grid), title=f"Dead letter {letter['letter_id']}", title_align="left", expand=False))
    _show_json(screen, "Body", masking.body(letter["body"], letter["origin"]))
    _show_json(screen, "Headers", masking.headers(letter["headers"]))


def as_json(letter: Letter, account: Any) -> dict[str, Any]:
    """One letter as data, masked as on the screen."""
    words = advice(letter["reason"])
    return {
        **letter,
        "ic_number": mask_ic(letter["ic_number"]) if letter["ic_number"] else None,
        "body": masking.body(letter["body"], letter["origin"]),
        "headers": masking.headers(letter["headers"]),
        "means": words.means,
        "do": words.do,
        "account_state": account.state if account else None,
    }


def _account(letter: Letter, account: Any) -> Text:
    if account is None:
        return Text("none that is known" if letter["readable"] else "not known: the message cannot be read")
    text = Text(f"{account.state}: `aktif account {dashed(account.ic_number)}`")
    if account.state in _OVER:
        text.append("\nthe letter may be obsolete", style=QUIET)
    return text


def _show_json(screen: Any, title: str, data: Any) -> None:
    screen.print(Text(title, style="bold"))
    text = data if isinstance(data, str) else json.dumps(data, indent=2, ensure_ascii=False)
    screen.print("\n".join(f"  {clean(line)}" for line in text.split("\n")), soft_wrap=True)


def _event(type_: str | None) -> str:
    return clean(type_.removeprefix("aktif.").removesuffix(".v1")) if type_ else "unreadable"
