"""How a plan and the results of a replay look."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from rich.text import Text

from services.cli.output import BAD, GOOD, ODD, QUIET, clean, console, count
from shared.operations.advice import advice
from shared.operations.replay import Fate, Plan
from shared.operations.results import Progress, State

_WORDS: Final[Mapping[Fate, str]] = {
    Fate.FREE: "may be sent",
    Fate.OBSOLETE: "obsolete: nothing is left to do (--obsolete sends them too)",
    Fate.UNSAFE: "may be forged: an operator looks at each (--force sends them too)",
    Fate.WAITING: "replayed before, and not worked yet",
    Fate.REPLAYED: "replayed before, with a result",
    Fate.DISCARDED: "discarded",
    Fate.REGISTERED: "registered again",
    Fate.HOMELESS: "from a queue that is none of ours, so there is nowhere to send them",
}


def show_plan(plan: Plan, *, stderr: bool = False) -> None:
    """Print what a replay would do."""
    screen = console(stderr=stderr)
    screen.print(f"{count(plan.matching, 'letter')} match{'es' if plan.matching == 1 else ''}.")
    for fate, words in _WORDS.items():
        if number := plan.number(fate):
            screen.print(Text.assemble(f"  {number:>9,}  ", (words, "" if fate is Fate.FREE else QUIET)))
    for reason, number in plan.not_mended.items():
        screen.print(Text(f"  {number:>9,}  not mended by a replay, {clean(reason)}: {advice(reason).do}", style=ODD))
    ending = "" if plan.to_send else ": nothing to do"
    screen.print(Text(f"{count(plan.to_send, 'letter')} to send{ending}.", style="bold"))


def plan_as_json(plan: Plan) -> dict[str, Any]:
    """The same as data."""
    fates = {fate.value: plan.number(fate) for fate in Fate}
    by_reason = {fate.value: dict(reasons) for fate, reasons in plan.counts.items() if reasons}
    return {"matching": plan.matching, "to_send": plan.to_send, **fates, "by_reason": by_reason}


def show_result(found: Progress) -> None:
    """Print what became of a replay."""
    screen = console()
    number = found.operation_id
    heads = {
        State.DONE: f"Replay {number} is done",
        State.RUNNING: f"Replay {number} still runs elsewhere",
        State.CANCELLED: f"Replay {number} was ended; `aktif dead replay --resume {number}` goes on",
        State.STOPPED: f"Replay {number} stopped, since too many failed again; mend the cause, then "
        f"`aktif dead replay --resume {number}` goes on",
    }
    screen.print(f"{heads[found.state]}: {count(found.published, 'letter')} sent.")
    for words, letters, style in (
        ("worked", found.worked, GOOD),
        ("worked, and refused: `aktif dead show` says why", found.rejected, ODD),
        ("failed again: `aktif dead list` shows them", found.failed, BAD),
        ("not worked yet", found.waiting, ODD),
        ("not sent, free again", found.left, ODD),
    ):
        if letters:
            screen.print(Text(f"  {letters:>9,}  {words}", style=style))


def progress_as_json(found: Progress) -> dict[str, Any]:
    """The same as data."""
    return {**asdict(found), "letters": found.letters, "published": found.published, "left": found.left}
