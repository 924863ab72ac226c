"""Dead letters on the console: found, read, discarded, registered again."""

import json
from uuid import uuid4

import pytest

from schemas.events import Exchange
from tests.support.console import OPERATOR, VIEWER, Console, form_of, registered, sends
from tests.support.letters import file_all, letter
from tests.support.waiting import eventually

NAME, EMAIL = "PEGAWAI RAHSIA", "pegawai.rahsia@example.gov.my"


def test_letters_are_grouped_by_cause_with_what_to_do(console: Console) -> None:
    console.dies(3)
    console.publishes([b"{broken"])
    eventually("it is filed", lambda: console.asks("SELECT 1 FROM letters WHERE reason = 'not_json'"))

    page = console.visited_by(VIEWER).goes_to("/letters")

    assert page.html.count('href="/letters?fingerprint=') == 2
    assert "Correct it in the HR system" in page.html
    assert "aktif dead list --status=all" in page.html


def test_causes_that_a_page_leaves_out_are_counted(console: Console) -> None:
    file_all(console.world.engine, [letter({"id": str(n)}, f"reason_{n}", queue="mailer.bulk") for n in range(203)])

    page = console.visited_by(VIEWER).goes_to("/letters?queue=mailer.bulk")

    assert "3 more causes not shown: filter to see them." in page.html


def test_a_filter_stands_in_the_address_and_survives_an_act(console: Console) -> None:
    console.files(3, reason="database_error")
    visitor = console.visited_by(OPERATOR)
    listed = visitor.goes_to("/letters?status=open&reason=database_error")
    (discard,) = {link for link in listed.links if link.startswith("/letters/discard")}

    asked = visitor.goes_to(discard)
    done = sends(visitor, asked, "/letters/discard", why="sudah selesai")

    assert asked.heading == "Discard 3 letters?"
    assert done.path == "/letters"
    assert dict(done.answer.url.params) == {"status": "open", "reason": "database_error", "said": "discarded", "n": "3"}
    assert "Discarded 3 letters." in done.html
    assert "No dead letter matches." in done.html


def test_a_filter_survives_an_act_on_one_of_its_letters(console: Console) -> None:
    letter, _ = console.files(2, reason="unknown_version")
    visitor = console.visited_by(OPERATOR)
    page = visitor.goes_to(f"/letters/{letter}?back=status%3Dopen%26reason%3Dunknown_version")
    (discard,) = {link for link in page.links if link.startswith("/letters/discard")}

    asked = visitor.goes_to(discard)
    done = sends(visitor, asked, "/letters/discard", why="sudah selesai")

    assert asked.heading == f"Discard letter {letter}?"
    kept = {"status": "open", "reason": "unknown_version"}
    assert dict(done.answer.url.params) == {**kept, "said": "discarded", "n": "1"}


def test_an_act_without_a_reason_is_none(console: Console) -> None:
    (letter,) = console.files(reason="delivery_limit")
    visitor = console.visited_by(OPERATOR)

    refused = sends(visitor, visitor.goes_to(f"/letters/discard?letter={letter}"), "/letters/discard", why=" ")

    assert (refused.status, refused.heading) == (422, f"Discard letter {letter}?")
    assert "Say why" in refused.html
    assert console.asks("SELECT count(*) FROM closings WHERE letter_id = :letter", letter=letter) == [(0,)]


def test_chosen_letters_are_discarded_and_opened_again(console: Console) -> None:
    one, other, left = console.files(3, reason="breaks_dependency")
    visitor = console.visited_by(OPERATOR)
    asked = visitor.goes_to(f"/letters/discard?letter={one}&letter={other}&back=reason%3Dbreaks_dependency")

    sends(visitor, asked, "/letters/discard", why="ujian")
    page = visitor.goes_to(f"/letters/{one}")
    opened = sends(visitor, page, "/letters/undo", why="silap")

    closed = console.asks("SELECT letter_id FROM closings WHERE letter_id = ANY(:all)", all=[one, other, left])
    assert closed == [(other,)]
    assert opened.path == f"/letters/{one}"
    assert "Opened 1 letter again." in opened.html
    assert [what for (what,) in console.asks("SELECT what FROM audit WHERE who = :who", who=OPERATOR)][-2:] == [
        "discard", "undo_discard"
    ]  # fmt: skip


def test_what_was_filed_since_it_was_counted_is_not_discarded(console: Console) -> None:
    console.files(2, reason="id_reused", first=7000)
    visitor = console.visited_by(OPERATOR)
    asked = visitor.goes_to("/letters/discard?reason=id_reused")
    (later,) = console.files(reason="id_reused", first=7002)

    done = sends(visitor, asked, "/letters/discard", why="sudah selesai")

    assert "Discarded 2 letters." in done.html
    closed = "SELECT letter_id FROM closings"
    left = f"SELECT letter_id FROM letters WHERE reason = 'id_reused' AND letter_id NOT IN ({closed})"
    assert console.asks(left) == [(later,)]


def test_pages_of_letters_follow_each_other_without_gap_or_repeat(console: Console) -> None:
    filed = console.files(120, reason="expired", first=1000)
    visitor, seen, address = console.visited_by(VIEWER), list[int](), "/letters?reason=expired"
    while address:
        page = visitor.goes_to(address)
        seen += [int(link.split("/")[2].split("?")[0]) for link in page.links if link.startswith("/letters/")]
        address = next((link for link in page.links if "after=" in link), "")

    assert seen == sorted(filed, reverse=True)


def test_a_letter_shows_everything_but_what_is_personal(console: Console) -> None:
    (letter,) = console.dies(ic_number="859901777777", name=NAME, email=EMAIL)

    page = console.visited_by(OPERATOR).goes_to(f"/letters/{letter}")

    line = f"aktif dead register {letter} --ic-number IC"
    for words in ("the first six digits", "EventRejected on the feed of kelantan", "x-reason", line):
        assert words in page.html, words
    assert "8599********" in page.html
    assert not [word for word in (NAME, EMAIL, "859901777777") if word in page.html]


def test_what_is_masked_is_shown_for_a_reason_and_that_is_in_the_audit(console: Console) -> None:
    (letter,) = console.dies(ic_number="859901888888", name=NAME, email=EMAIL)
    visitor = console.visited_by(OPERATOR)
    page, path = visitor.goes_to(f"/letters/{letter}"), f"/letters/{letter}/unmask"

    refused = sends(visitor, page, path, why="")
    shown = sends(visitor, page, path, why="HR bertanya")

    assert refused.status == 422
    assert NAME not in refused.html
    assert all(word in shown.html for word in (NAME, EMAIL, "859901888888"))
    found = console.asks("SELECT who, subject, reason, details FROM audit WHERE what = 'unmask'")
    assert found == [(OPERATOR, f"letter {letter}", "HR bertanya", {})]
    assert NAME not in visitor.goes_to(f"/letters/{letter}").html


@pytest.mark.parametrize("type_", ["PasswordSet", "QuestionsSet"])
def test_what_people_do_in_the_portal_is_never_shown(console: Console, type_: str) -> None:
    id_, secret = str(uuid4()), "$argon2id$rahsia"
    event = {**json.loads(registered(source="/portal", id=id_)), "type": f"aktif.{type_}.v1", "data": {"x": secret}}
    console.publishes([json.dumps(event).encode()], Exchange.PORTAL, f"live.{type_}")
    eventually("it is filed", lambda: console.asks("SELECT 1 FROM letters WHERE id = :id", id=id_))
    ((letter,),) = console.asks("SELECT letter_id FROM letters WHERE id = :id", id=id_)
    visitor = console.visited_by(OPERATOR)
    page = visitor.goes_to(f"/letters/{letter}")

    shown = sends(visitor, page, f"/letters/{letter}/unmask", why="mahu tahu")

    assert secret not in page.html + shown.html
    assert "never shown" in shown.html


def test_a_corrected_registration_takes_the_place_of_its_letter(console: Console) -> None:
    (letter,) = console.dies(ic_number="859901010101")
    visitor, kept = console.visited_by(OPERATOR), "?back=reason%3Dbad_ic_number"
    page = visitor.goes_to(f"/letters/{letter}{kept}")
    form = sends(visitor, page, f"/letters/{letter}/register{kept}", why="HR sahkan")
    path = f"/letters/{letter}/registered{kept}"

    wrong = sends(visitor, form, path, ic_number="859901010101", email="tiada")
    done = sends(visitor, wrong, path, ic_number="850101-01-0101", email="dibetulkan@example.gov.my")

    assert form_of(form, path)["ic_number"] == ["859901010101"]
    assert wrong.status == 422
    assert wrong.html.count('aria-invalid="true"') == 2
    assert '<a href="#ic_number">the first six digits must be a date of birth (YYMMDD)</a>' in wrong.html
    assert done.path == f"/letters/{letter}"
    assert "/letters?reason=bad_ic_number" in done.links
    registered_now = "SELECT state, email, hr_source FROM accounts WHERE ic_number = '850101010101'"
    eventually("the person is registered", lambda: console.asks(registered_now))
    assert console.asks(registered_now) == [("registered", "dibetulkan@example.gov.my", "/hr/kelantan")]
    closed = visitor.goes_to(f"/letters/{letter}").html
    assert "applied" in closed
    assert '<span class="tag">register</span>' not in closed, "nothing is suggested any more"
    twice = sends(visitor, wrong, path, ic_number="850101010101", email="dibetulkan@example.gov.my")
    assert twice.path == f"/letters/{letter}"
    assert console.asks("SELECT count(*) FROM history WHERE event LIKE '%registration' AND outcome = 'applied'")


def test_a_note_stands_at_its_cause(console: Console) -> None:
    console.files(reason="maxlen")
    visitor = console.visited_by(OPERATOR)
    ((fingerprint,),) = console.asks("SELECT DISTINCT fingerprint FROM letters WHERE reason = 'maxlen'")
    page = visitor.goes_to(f"/letters?fingerprint={fingerprint}")

    noted = sends(visitor, page, "/letters/note", note="Dasar <lama> dibuang & disahkan")

    assert "Note: Dasar &lt;lama&gt; dibuang &amp; disahkan" in noted.html
    assert noted.answer.url.params["fingerprint"] == fingerprint


@pytest.mark.parametrize(
    "query", ["since=x", "person=x", "status=x&reason=%00", "after=x", "letter=x", "after=2026-01-01/1"]
)
def test_a_mangled_address_breaks_no_page(console: Console, query: str) -> None:
    visitor = console.visited_by(OPERATOR)

    assert visitor.goes_to(f"/letters?{query}").status in {200, 404}
    assert visitor.goes_to(f"/letters/replay?{query}").status in {200, 404}
