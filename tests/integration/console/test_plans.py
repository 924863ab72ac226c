"""What a page says it would do is what is done, and what cannot be done is not offered."""

import pytest

from tests.support.console import OPERATOR, Console, actions_of, replays, sends
from tests.support.gate import gate
from tests.support.waiting import eventually
from tests.support.web import Page, Visitor


def test_a_replay_takes_what_its_plan_showed_and_nothing_that_came_since(console: Console) -> None:
    console.files(2, reason="database_error")
    visitor = console.visited_by(OPERATOR)
    plan = visitor.goes_to("/letters/replay?reason=database_error")
    console.files(30, reason="database_error", first=100)

    page = sends(visitor, plan, "/letters/replay", why="dibaiki")

    assert plan.heading == "Replay 2 letters?"
    assert "of 2 letters have a result" in page.html


def test_a_cancelled_replay_says_what_was_not_sent_and_goes_on_with_no_more_than_that(console: Console) -> None:
    console.files(5, reason="expired", first=1000)
    visitor = console.visited_by(OPERATOR)
    begun = replays(visitor, "reason=expired", rate="0.5")

    cancelled = sends(visitor, begun, f"{begun.path}/cancel")
    console.files(40, reason="expired", first=1100)
    marked = "SELECT count(*) FROM replays WHERE published_at IS NOT NULL AND operation_id = :number"
    ((sent,),) = console.asks(marked, number=int(begun.path.split("/")[2]))
    resumed = sends(visitor, cancelled, f"{begun.path}/resume")

    assert f"{sent} of 5 letters sent; {5 - sent} not sent, free again." in cancelled.html
    assert f"Resume with at most {5 - sent} letter" in cancelled.html
    assert f"The replay goes on with {5 - sent} letter" in resumed.html
    eventually("it is done", lambda: "5 of 5 letters have a result" in visitor.goes_to(begun.path).html)


def test_a_cancel_is_answered_while_a_portion_is_being_sent_and_ends_the_replay_after_it(console: Console) -> None:
    console.files(5, reason="maxlen", first=2000)
    visitor = console.visited_by(OPERATOR)
    with gate(console.world.engine, "replays", "UPDATE") as mark:
        mark.closes()
        begun = replays(visitor, "reason=maxlen", rate="1")
        mark.is_reached()

        cancelled = sends(visitor, begun, f"{begun.path}/cancel")

        assert "The replay ends as soon as the portion in hand is sent" in cancelled.html
        assert f"{OPERATOR} wants it to end" in cancelled.html
    eventually("it has ended", lambda: "1 of 5 letters sent; 4 not sent" in visitor.goes_to(begun.path).html)
    assert "had ended before" in sends(visitor, begun, f"{begun.path}/cancel").html


def test_what_a_tick_adds_is_said_beside_it(console: Console) -> None:
    console.files(2, reason="rejected", first=3000)
    console.files(3, reason="wrong_exchange", first=3010)
    visitor = console.visited_by(OPERATOR)
    chosen = "&".join(f"letter={number}" for (number,) in console.asks(
        "SELECT letter_id FROM letters WHERE reason IN ('rejected', 'wrong_exchange')"
    ))  # fmt: skip

    plan, ticked = (visitor.goes_to(f"/letters/replay?{chosen}{tick}") for tick in ("", "&with_unsafe=1"))

    assert (plan.heading, ticked.heading) == ("Replay 2 letters?", "Replay 5 letters?")
    assert "Send ones too that somebody may have forged: 3 more" in plan.html
    assert "may have forged: 3 of those above" in ticked.html


def test_a_replayed_letter_can_be_discarded_from_its_page(console: Console) -> None:
    (letter,) = console.files(reason="unroutable", first=4000)
    visitor = console.visited_by(OPERATOR)
    begun = replays(visitor, f"letter={letter}")
    eventually("it has worked", lambda: "1 of 1 letter has a result" in visitor.goes_to(begun.path).html)

    asked = visitor.goes_to(f"/letters/discard?letter={letter}")
    plan = visitor.goes_to(f"/letters/replay?letter={letter}")

    assert asked.heading == f"Discard letter {letter}?"
    assert "Discarded 1 letter." in sends(visitor, asked, "/letters/discard", why="selesai").html
    assert plan.heading == "Nothing to replay"
    assert "/letters/replay" not in actions_of(plan)


@pytest.mark.parametrize("status", ["discarded", "registered"])
def test_what_is_closed_is_not_offered_to_be_discarded_again(console: Console, status: str) -> None:
    (letter,) = console.files(reason="bad_field", first=5000 + len(status))
    visitor = console.visited_by(OPERATOR)
    sends(visitor, visitor.goes_to(f"/letters/discard?letter={letter}"), "/letters/discard", why="ujian")

    asked = visitor.goes_to(f"/letters/discard?status={status}")

    assert asked.heading == "Discard 0 letters?"
    assert "/letters/discard" not in actions_of(asked)


def test_the_filter_is_kept_by_every_link_and_form_of_a_letter(console: Console) -> None:
    (letter,) = console.dies(ic_number="859901030303")
    visitor = console.visited_by(OPERATOR)
    kept = "back=status%3Dopen%26reason%3Dbad_ic_number"
    address = f"/letters/{letter}?{kept}"
    page = visitor.goes_to(address)

    unmasked = pressed(visitor, page, f"/letters/{letter}/unmask")
    form = pressed(visitor, page, f"/letters/{letter}/register")
    discarded = sends(visitor, visitor.goes_to(link_to("discard", unmasked)), "/letters/discard", why="selesai")
    opened = sends(visitor, visitor.goes_to(address), "/letters/undo", why="silap")

    assert all(kept in link for link in (link_to(act, page) for act in ("replay", "discard")))
    assert all(kept in action for action in actions_of(page) if action.startswith(f"/letters/{letter}"))
    assert kept in link_to(str(letter), form)
    assert dict(discarded.answer.url.params)["reason"] == "bad_ic_number"
    assert dict(opened.answer.url.params)["back"] == "status=open&reason=bad_ic_number"


def pressed(visitor: Visitor, page: Page, path: str) -> Page:
    """Sends the form of a page that goes to this path, whatever else its address says."""
    (action,) = (one for one in actions_of(page) if one.partition("?")[0] == path)
    return sends(visitor, page, action, why="HR bertanya")


def link_to(what: str, page: Page) -> str:
    """The link of a page that leads there."""
    (found,) = {link for link in page.links if link.startswith(f"/letters/{what}")}
    return found
