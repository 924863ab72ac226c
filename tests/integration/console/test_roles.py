"""What a viewer may do: look, with everything personal masked. The server holds it, whatever the page shows."""

from uuid import UUID

import pytest
from starlette.routing import Route

from services.console.app import _routes
from tests.support.console import VIEWER, Console, actions_of, form_of

FOR_ALL = {"/login", "/logout", "/accounts", "/letters", "/mails", "/audit"}
ACTS = sorted({route.path for route in _routes() if "POST" in (route.methods or ())} - FOR_ALL)
FORMS = ["/letters/replay", "/letters/discard", "/mails/resend", "/ledger/mend"]


def test_the_acts_are_those_that_are_known() -> None:
    assert all(isinstance(route, Route) for route in _routes())
    assert len(ACTS) == 15


@pytest.mark.parametrize("path", ACTS)
def test_a_viewers_forged_post_is_refused_and_changes_nothing(console: Console, path: str) -> None:
    (letter,) = console.files()
    visitor = console.visited_by(VIEWER)
    csrf = form_of(visitor.goes_to("/accounts"), "/accounts")["csrf"]
    at = (
        path.replace("{letter:number}", str(letter))
        .replace("{operation:number}", "1")
        .replace("{account:uuid}", str(UUID(int=1)))
    )
    before = standing(console)

    forged = visitor.posts(at, data={"csrf": csrf, "why": "saya mahu", "letter": str(letter), "note": "x"})

    assert forged.status == 403
    assert standing(console) == before


@pytest.mark.parametrize("path", FORMS)
def test_a_viewer_is_shown_no_form_of_an_act(console: Console, path: str) -> None:
    assert console.visited_by(VIEWER).goes_to(path).status == 403


def test_a_viewers_pages_have_no_buttons_but_for_looking(console: Console) -> None:
    (letter,) = console.files()
    visitor = console.visited_by(VIEWER)

    assert set(actions_of(visitor.goes_to(f"/letters/{letter}"))) == {"/logout"}
    assert set(actions_of(visitor.goes_to("/letters"))) == {"/logout", "/letters", "/letters/replay"}
    assert "checkbox" not in visitor.goes_to("/letters").html


def standing(console: Console) -> list[tuple[object, ...]]:
    """What acts leave behind."""
    return console.asks(
        "SELECT (SELECT count(*) FROM closings), (SELECT count(*) FROM replays), (SELECT count(*) FROM notes), "
        "(SELECT count(*) FROM operations), (SELECT count(*) FROM audit WHERE what <> 'login'), "
        "(SELECT count(*) FROM state_inbox), (SELECT count(*) FROM ledgers)"
    )
