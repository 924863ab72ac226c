"""How dead letters look in a terminal."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.console import Group as Lines
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from services.cli.output import BAD, GOOD, ODD, QUIET, at, clean, console, count, dashed, table
from shared.logs import mask_ic
from shared.operations.advice import Action, advice
from shared.operations.filters import Status
from shared.operations.groups import Group, Groups
from shared.operations.letters import Closing, Letter, Line
from shared.operations.register_again import options
from shared.operations.results import Progress
from shared.operations.standing import Obsolete, Result

_ROOMY, _WIDE = 100, 120
_OBSOLETE: Final = {
    Obsolete.WORKED: "its event was worked since, or a mended one under its id",
    Obsolete.ACTIVE: "the account is active",
    Obsolete.WITHDRAWN: "the registration was withdrawn",
    Obsolete.NEWER: "HR sent something newer about this person",
    Obsolete.LINK_OVER: "the link that it came through has ended: a password was set, or a newer link took its place",
    Obsolete.NO_MAIL: "its mail is no longer wanted",
}
_RESULTS: Final = {
    Result.QUEUED: "not sent yet",
    Result.WAITING: "sent, not worked yet",
    Result.WORKED: "worked",
    Result.REJECTED: "worked, and refused",
    Result.FAILED: "failed again",
}


def show_list(groups: Groups, letters: Sequence[Line], running: Sequence[Progress], *, is_filtered: bool) -> None:
    """Print groups and letters, and the replays that are not over."""
    screen = console()
    for operation in running:
        screen.print(_running(operation), style=ODD)
    if not groups.shown:
        words = "No dead letter matches." if is_filtered else "No dead letters."
        screen.print(words, style=None if is_filtered else GOOD)
        return
    total = groups.letters
    screen.print(Text("By cause", style="bold"))
    for group in groups.shown:
        screen.print(_group(group))
    if groups.left_out:
        shown = sum(group.letters for group in groups.shown)
        more = f"{count(groups.left_out, 'more cause')} with {count(total - shown, 'letter')}"
        screen.print(Text(f"{more}: filter by --reason, --queue or --since to see them", style=ODD))
    if letters:
        screen.print(_letters(letters, screen.width))
    left = total - len(letters)
    more = f" ({left:,} more with --limit {total})" if left > 0 else ""
    example = f"; `aktif dead show {letters[0].letter_id}` shows one" if letters else ""
    screen.print(f"{count(total, 'letter')}{more}{example}", style=QUIET)


def _running(operation: Progress) -> str:
    number = operation.operation_id
    return (
        f"Replay {number} of {clean(operation.who)} is not over, {operation.published:,} of {operation.letters:,} "
        f"letters sent; where nobody carries it on, `aktif dead replay --resume {number}` does"
    )


def _group(group: Group) -> Padding:
    head = Text.assemble(f"{group.letters:,} × ", (clean(group.reason), BAD), f"  {_event(group.type)}")
    head.append(f"  {clean(group.service)}, newest {at(group.filed_at)}, group {group.fingerprint}", style=QUIET)
    lines = [Text(advice(group.reason).do)]
    if group.words:
        lines.insert(0, Text(clean(group.words), style=QUIET))
    if group.obsolete:
        of = "" if group.looked_at == group.open else f" of the newest {group.looked_at:,}"
        lines.append(Text(f"{group.obsolete:,}{of} obsolete", style=ODD))
    if group.note:
        lines.append(Text(f"{clean(group.noted_by)}: {clean(group.note)}", style=ODD))
    if group.open and (command := _command(advice(group.reason).action, f"--group {group.fingerprint}")):
        lines.append(Text(command, style=QUIET))
    return Padding(Lines(head, *(Padding(line, (0, 0, 0, 4)) for line in lines)), (0, 0, 1, 0))


def _letters(letters: Sequence[Line], width: int) -> Table:
    """A narrow screen drops what `dead show` tells too, and cuts no number."""
    is_roomy = width >= _ROOMY
    rows = table("no.", "filed", *(("queue", "event") if is_roomy else ()), "reason", "stands", title="Letters")
    rows.columns[0].justify = "right"
    rows.columns[0].min_width = max(len(str(letter.letter_id)) for letter in letters)
    for column in rows.columns if is_roomy else rows.columns[:1]:
        column.no_wrap = True
    if width >= _WIDE:
        rows.add_column("id", overflow="ellipsis", no_wrap=True)
    for letter in letters:
        times = f" ×{letter.times}" if letter.times > 1 else ""
        about = [clean(letter.queue), _event(letter.type)] if is_roomy else []
        stands = "obsolete" if letter.obsolete and letter.status == "open" else letter.status.value
        ids = [clean(letter.id)] if width >= _WIDE else []
        filed = at(letter.filed_at)
        rows.add_row(str(letter.letter_id), filed, *about, f"{clean(letter.reason)}{times}", stands, *ids)
    return rows


def show(letter: Letter, body: Any, *, clear: bool = False) -> None:
    """Print one letter, its body as it may be shown; the IC number of its account only where that is in clear too."""
    screen = console()
    line, words = letter.line, advice(letter.line.reason)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style=QUIET, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("reason", Text.assemble((clean(line.reason), BAD), f": {words.means}"))
    if line.detail:
        grid.add_row("detail", clean(line.detail))
    if line.field:
        grid.add_row("field", clean(line.field))
    grid.add_row("what to do", words.do)
    if line.status is Status.OPEN:
        grid.add_row("suggested", _suggested(letter))
    grid.add_row("HR was told", _told(letter))
    grid.add_row("event", _event(line.type))
    grid.add_row("source, id", f"{clean(line.source or '–')}  {clean(line.id)}")
    grid.add_row("queue", f"{clean(line.queue)}, published to {clean(line.origin)}")
    grid.add_row("tried", f"attempt {line.attempt}, replay {line.replay}, filed {count(line.times, 'time')}")
    grid.add_row("by", "the broker" if line.by_broker else f"the {clean(letter.service)} worker")
    first = f", the first {at(letter.first_filed_at)}" if line.times > 1 else ""
    grid.add_row("filed", f"{at(line.filed_at)}{first}, group {line.fingerprint}")
    grid.add_row("account", _account(letter, clear=clear))
    for row in _done(letter):
        grid.add_row(*row)
    screen.print(Panel(Lines(grid), title=f"Dead letter {line.letter_id}", title_align="left", expand=False))
    _show_json(screen, "Body", body)
    _show_json(screen, "Headers", letter.shown_headers)


def as_json(letter: Letter, body: Any) -> dict[str, Any]:
    """One letter as data, masked as on the screen."""
    words = advice(letter.line.reason)
    return {
        **asdict(letter.line),
        "service": letter.service,
        "readable": letter.readable,
        "first_filed_at": letter.first_filed_at,
        "ic_number": mask_ic(letter.ic_number) if letter.ic_number else None,
        "body": body,
        "headers": letter.shown_headers,
        "means": words.means,
        "do": words.do,
        "suggested": letter.suggested,
        "account_state": letter.account_state,
        "told": asdict(letter.told) if letter.told else None,
        "replays": [asdict(one) for one in letter.replays],
        "closing": asdict(letter.closing) if letter.closing else None,
        "of_same_event": letter.of_same_event,
    }


def _suggested(letter: Letter) -> Text:
    text = Text(letter.suggested.value)
    corrections = options(letter) if letter.suggested is Action.REGISTER else ()
    if command := _command(letter.suggested, " ".join((str(letter.line.letter_id), *corrections))):
        text.append(f": {command}", style=QUIET)
    return text


def _command(action: Action, which: str) -> str | None:
    """The line that does what is suggested for these. A registration is one letter's."""
    match action:
        case Action.REPLAY:
            return f"aktif dead replay {which}"
        case Action.REGISTER if not which.startswith("--"):
            return f"aktif dead register {which}"
        case Action.DISCARD:
            return f"aktif dead discard {which}"
        case _:
            return None


def _told(letter: Letter) -> str:
    told = letter.told
    if told is None:
        return "nothing that is known"
    field = f", {clean(told.field)}" if told.field else ""
    return f"{told.event} on the feed of {clean(told.system)}: {clean(told.reason)}{field}"


def _done(letter: Letter) -> list[tuple[str, Text]]:
    rows = [("replay", _replay(one)) for one in letter.replays]
    if letter.closing:
        rows.append(("closed", _closing(letter.closing)))
    if letter.of_same_event:
        rows.append(("same event", Text(f"letters {', '.join(map(str, letter.of_same_event))}")))
    return rows


def _replay(one: Any) -> Text:
    died = f", as letter {one.failed_as}" if one.failed_as else ""
    head = f"{one.replay} by {clean(one.who)}, {at(one.queued_at)} ({clean(one.reason)}): "
    did = f" ({clean(one.did)})" if one.did else ""
    style = {Result.FAILED: BAD, Result.REJECTED: ODD}.get(one.result, "")
    return Text.assemble(head, (f"{_RESULTS[one.result]}{did}{died}", style))


def _closing(closing: Closing) -> Text:
    text = Text(f"{closing.kind} by {clean(closing.who)}, {at(closing.at)} ({clean(closing.reason)})")
    if closing.event_id:
        outcome = f"{closing.outcome}, {closing.outcome_reason}" if closing.outcome else "not worked yet"
        text.append(f"\nevent {clean(closing.event_id)}: {outcome}")
    return text


def _account(letter: Letter, *, clear: bool) -> Text:
    if letter.account_state is None or letter.account_ic is None:
        return Text("none that is known" if letter.readable else "not known: the message cannot be read")
    masked = f"{mask_ic(letter.account_ic)} (`aktif dead show {letter.line.letter_id} --unmask` shows the number)"
    text = Text(f"{letter.account_state}: {f'`aktif account {dashed(letter.account_ic)}`' if clear else masked}")
    if letter.line.obsolete:
        text.append(f"\nthe letter is obsolete: {_OBSOLETE[letter.line.obsolete]}", style=ODD)
    return text


def _show_json(screen: Any, title: str, data: Any) -> None:
    screen.print(Text(title, style="bold"))
    text = data if isinstance(data, str) else json.dumps(data, indent=2, ensure_ascii=False)
    screen.print("\n".join(f"  {clean(line)}" for line in text.split("\n")), soft_wrap=True)


def _event(type_: str | None) -> str:
    return clean(type_.removeprefix("aktif.").removesuffix(".v1")) if type_ else "unreadable"
