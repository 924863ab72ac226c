"""What is personal is in clear on no page, in no log and in no row of the audit, wherever somebody put it."""

import html
import json
from uuid import uuid4

import pika
import pytest
from sqlalchemy import text

from tests.support.console import OPERATOR, VIEWER, Console, actions_of, registered, sends
from tests.support.waiting import eventually

NAME, EMAIL = "NURUL RAHSIA BINTI CONTOH", "nurul.rahsia@example.gov.my"
IC, DASHED = "850808080808", "850808-08-0808"
PERSONAL = (NAME, EMAIL, IC, DASHED)
WORDS = f"{DASHED} menelefon, {EMAIL}"
MASKED = "8508******** menelefon, n***@example.gov.my"


def test_a_malformed_message_shows_a_viewer_nothing_personal(console: Console) -> None:
    id_ = f"{DASHED}/2021"
    event = json.loads(registered(id=id_, ic_number="8508080808", registered_at=f"{NAME}, {EMAIL}, {IC}"))
    event["data"] |= {"kind": IC, f"{DASHED} {NAME}": 1}
    console.publishes([json.dumps(event).encode()])
    eventually("it is filed", lambda: console.asks("SELECT 1 FROM letters WHERE id = :id", id=id_))
    ((letter,),) = console.asks("SELECT letter_id FROM letters WHERE id = :id", id=id_)

    for name in (VIEWER, OPERATOR):
        visitor = console.visited_by(name)
        pages = [visitor.goes_to(path) for path in (f"/letters/{letter}", "/letters")]
        assert not [word for word in PERSONAL for page in pages if word in html.unescape(page.html)]
        assert "8508********/2021" in pages[1].html
        assert "1 unknown field" in pages[0].html
    shown = sends(visitor, pages[0], f"/letters/{letter}/unmask", why="HR bertanya")
    assert f"{NAME}, {EMAIL}, {IC}" in html.unescape(shown.html)


def test_headers_and_a_routing_key_of_a_publisher_are_not_shown(console: Console) -> None:
    id_ = str(uuid4())
    headers = {"x-detail": f"{NAME} {EMAIL}", "x-reason": "gave_up <b>", "time": IC, f"{NAME} {IC}": "x"}
    connection = pika.BlockingConnection(pika.URLParameters(console.world.amqp_url))
    connection.channel().basic_publish(
        "aktif.hr", NAME, registered(id=id_), pika.BasicProperties(delivery_mode=2, headers=headers)
    )
    connection.close()
    eventually("it is filed", lambda: console.asks("SELECT 1 FROM letters WHERE id = :id", id=id_))
    ((letter,),) = console.asks("SELECT letter_id FROM letters WHERE id = :id", id=id_)

    page = html.unescape(console.visited_by(VIEWER).goes_to(f"/letters/{letter}").html)

    assert not [word for word in PERSONAL if word in page]
    assert "routing key (hidden)" in page
    assert "unknown headers" in page


def test_a_reason_is_masked_wherever_it_is_kept_shown_and_logged(console: Console) -> None:
    (letter,) = console.files(reason="expired", first=5000)
    operator = console.visited_by(OPERATOR)

    sends(operator, operator.goes_to(f"/letters/discard?letter={letter}"), "/letters/discard", why=WORDS)

    viewer = console.visited_by(VIEWER)
    pages = [viewer.goes_to(path).html for path in (f"/letters/{letter}", "/audit")]
    kept = json.dumps(console.asks("SELECT reason FROM closings UNION ALL SELECT reason FROM audit"))
    for place in (*pages, kept, console.world.log_of("console")):
        assert MASKED in place
        assert not [word for word in (DASHED, EMAIL) if word in place]


def test_a_note_is_masked_and_its_form_says_that_everybody_reads_it(console: Console) -> None:
    console.files(reason="maxlen", first=6000)
    ((fingerprint,),) = console.asks("SELECT DISTINCT fingerprint FROM letters WHERE reason = 'maxlen'")
    operator = console.visited_by(OPERATOR)
    page = operator.goes_to(f"/letters?fingerprint={fingerprint}")

    noted = sends(operator, page, "/letters/note", note=WORDS)

    assert "everybody reads this" in page.html
    assert MASKED in noted.html
    assert console.asks("SELECT note FROM notes") == [(MASKED,)]


def test_every_form_that_asks_for_a_reason_says_that_everybody_reads_it(console: Console) -> None:
    (letter,) = console.files(first=6100)
    operator = console.visited_by(OPERATOR)

    for path in (f"/letters/{letter}", f"/letters/discard?letter={letter}", f"/letters/replay?letter={letter}"):
        page = operator.goes_to(path)
        assert actions_of(page)
        assert page.html.count('name="why"') == page.html.count("no names or IC numbers: everybody reads this") > 0


@pytest.mark.parametrize("act", ["resend", "withdraw"])
def test_an_act_whose_outcome_is_not_known_yet_names_nobody(console: Console, act: str) -> None:
    console.publishes([registered(ic_number=IC, name=NAME, email=EMAIL)])
    eventually("the person is there", lambda: console.asks("SELECT 1 FROM accounts WHERE ic_number = :ic", ic=IC))
    ((account,),) = console.asks("SELECT account_id FROM accounts WHERE ic_number = :ic", ic=IC)
    operator = console.visited_by(OPERATOR)
    page = operator.goes_to(f"/accounts/{account}")
    console.world.stop("state")
    try:
        asked = sends(operator, page, f"{page.path}/{act}", why="tidak diterima")
    finally:
        console.world.start("state")

    assert "no outcome is known yet" in asked.html
    assert not [word for word in PERSONAL if word in asked.html + str(asked.answer.url)]


def test_a_servers_reply_is_shown_without_the_address_that_it_repeats(console: Console) -> None:
    ((mail,),) = console.asks(
        "SELECT mail_id FROM mails JOIN accounts USING (account_id) WHERE ic_number = :ic LIMIT 1", ic=IC
    )
    with console.world.engine.begin() as connection:
        reply = {"reply": f"550 5.1.1 <{EMAIL}>: user unknown", "mail": mail}
        connection.execute(text("UPDATE attempts SET reply = :reply WHERE mail_id = :mail"), reply)
        connection.execute(text("UPDATE mails SET reply = :reply WHERE mail_id = :mail"), reply)
    ((account,),) = console.asks("SELECT account_id FROM accounts WHERE ic_number = :ic", ic=IC)
    visitor = console.visited_by(VIEWER)

    pages = [visitor.goes_to(path).html for path in ("/mails", f"/accounts/{account}")]

    for page in pages:
        assert "n***@example.gov.my" in page
        assert EMAIL not in page
