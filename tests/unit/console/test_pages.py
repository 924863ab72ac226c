"""What pages say, and how people are written on them."""

import pytest

from services.console.pages import _ticked, query
from services.console.said import said
from services.console.sign_in import _ours
from services.console.trouble import trouble

TRIED = [{"result": "transient"}]


def test_code_is_marked_and_all_else_escaped() -> None:
    assert _ticked("run `aktif check <x>` & see") == "run <code>aktif check &lt;x&gt;</code> &amp; see"


def test_what_is_said_of_an_act_is_never_a_strangers() -> None:
    assert said("discarded", "2") == "Discarded 2 letters."
    assert said("discarded", "<b>") == "Discarded 0 letters."
    assert said("<b>", "1") is said(None, None) is None


@pytest.mark.parametrize(
    ("path", "led_to"),
    [
        ("/letters?status=open", "/letters?status=open"),
        (None, "/"),
        ("", "/"),
        ("//forged.example", "/"),
        ("/\\forged.example", "/"),
        ("https://forged.example", "/"),
        ("/a\nb", "/"),
        ("/letters?text=850101030007", "/"),
    ],
)
def test_a_login_leads_to_a_page_of_ours_only(path: str | None, led_to: str) -> None:
    assert _ours(path) == led_to


def test_a_query_leaves_out_what_is_not_asked_for() -> None:
    assert query({"a": 1, "b": None, "c": "", "d": "x y"}) == "?a=1&d=x+y"
    assert query({}) == ""


@pytest.mark.parametrize(
    ("state", "mails", "link", "says"),
    [
        ("registered", [], None, ["No mail was asked for."]),
        ("registered", [{"result": "failed", "attempts": TRIED}], {"status": "live"}, ["refused the newest mail"]),
        ("registered", [{"result": "gave_up", "attempts": TRIED}], None, ["No mail server took"]),
        ("registered", [{"result": None, "attempts": []}], None, []),
        ("registered", [{"result": None, "attempts": TRIED}], None, ["still being tried"]),
        (
            "registered",
            [{"result": None, "attempts": [*TRIED, {"result": "misconfigured"}]}],
            None,
            ["does not let the mailer in"],
        ),
        ("registered", [{"result": "accepted", "attempts": TRIED}], {"status": "expired"}, ["has ended"]),
        ("active", [{"result": "failed", "attempts": TRIED}], {"status": "expired"}, []),
    ],
)
def test_what_stands_between_a_person_and_an_account_is_said(
    state: str, mails: list[object], link: object, says: list[str]
) -> None:
    found = trouble({"state": state, "mails": mails, "link": link})

    assert len(found) == len(says)
    for wrong, words in zip(found, says, strict=True):
        assert words in wrong.what
        assert wrong.do
