"""Finding letters: groups, pages, filters, what is obsolete, and one with all that is known about it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, Engine

from schemas.envelope import caused_id
from schemas.events import Exchange
from schemas.examples import EXAMPLES
from shared.operations import audit, letters, notes
from shared.operations.advice import Action
from shared.operations.filters import Filter, Status
from shared.operations.groups import groups
from shared.operations.letters import Letter, Place
from shared.operations.standing import Obsolete
from tests.integration.operations.conftest import put
from tests.support.letters import bad_ones_dead, file_all, letter, registrations_dead
from tests.support.registrations import hr_event, ic_number, registration

ACCOUNT = (
    "INSERT INTO accounts (account_id, ic_number, name, email, registered_at, state, hr_source, hr_time, "
    "password_digest, activated_at) VALUES (:id, :ic, 'PEGAWAI CONTOH', 'a@example.gov.my', now(), :state, '/hr/x', "
    "CAST(:hr_time AS timestamptz), CASE WHEN :state = 'active' THEN 'x' END, "
    "CASE WHEN :state = 'active' THEN now() END)"
)
RECEIPT = (
    "INSERT INTO state_inbox (source, id, type, digest, outcome, lane, event_time, outgoing) "
    "VALUES (:source, :id, 'x', '', 'applied', 'bulk', now(), CAST(:outgoing AS jsonb))"
)
LONG_AGO, FAR_AHEAD = "2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z"


def an_account(connection: Connection, state: str = "registered", index: int = 0, hr_time: str = LONG_AGO) -> UUID:
    account = uuid4()
    put(connection, ACCOUNT, id=account, ic=ic_number(index), state=state, hr_time=hr_time)
    return account


def a_mail_given_up(connection: Connection, engine: Engine, account: UUID, **link: Any) -> tuple[int, str]:
    """The number and event id of the letter of a mail, whose link is live unless said otherwise."""
    mail_id, link_id, event_id = uuid4(), uuid4(), str(uuid4())
    columns = {"mail_id": mail_id, "superseded_at": None, **link}
    put(
        connection,
        "INSERT INTO links (link_id, account_id, purpose, issued_at, mail_id, superseded_at) "
        "VALUES (:link, :account, 'activation', now(), :mail_id, CAST(:superseded_at AS timestamptz))",
        link=link_id,
        account=account,
        **columns,
    )
    put(
        connection,
        "INSERT INTO mails (mail_id, account_id, link_id, kind, lane, requested_at, result) "
        "VALUES (:mail, :account, :link, 'activation', 'live', now(), 'gave_up')",
        mail=mail_id,
        account=account,
        link=link_id,
    )
    data = {"mail_id": str(mail_id), "account_id": str(account), "link_id": str(link_id), "kind": "activation"}
    event = {**hr_event(event_id, data, "MailRequested"), "source": "/aktif/state"}
    dead = letter(event, "gave_up", queue="mailer.live", origin=Exchange.EVENTS, detail="451 4.3.0 later")
    return file_all(engine, [dead])[0], event_id


def found(connection: Connection, letter_id: int) -> Letter:
    one = letters.one(connection, letter_id)
    assert one is not None
    return one


def numbers(connection: Connection, wanted: Filter) -> list[int]:
    return [line.letter_id for line in letters.page(connection, wanted).lines]


def test_groups_count_causes_and_what_is_open_and_obsolete_among_them(engine: Engine, connection: Connection) -> None:
    first, second, *_ = file_all(engine, bad_ones_dead(4))
    file_all(engine, registrations_dead(1))
    put(connection, "INSERT INTO closings (letter_id, kind, who, reason) VALUES (:id, 'discarded', 'x', 'x')", id=first)
    put(connection, RECEIPT, source="/hr/contoh", id="bad-1", outgoing=None)

    (many, one), left_out, all_letters = groups(connection, Filter())

    assert (left_out, all_letters) == (0, 5)
    assert (many.reason, many.letters, many.open, many.looked_at, many.obsolete) == ("bad_ic_number", 4, 3, 3, 1)
    assert (one.reason, one.letters, one.open, one.obsolete) == ("database_error", 1, 1, 0)
    assert many.first_filed_at <= many.filed_at
    assert second != first


def test_a_note_on_a_group_is_shown_replaced_and_taken_away(engine: Engine, connection: Connection) -> None:
    file_all(engine, bad_ones_dead(1))
    group = groups(connection, Filter()).shown[0]

    for note in ("HR mends it on Monday", "mended", " "):
        notes.write(connection, group.fingerprint, note, "siti")
        seen = groups(connection, Filter()).shown[0]
        assert (seen.note, seen.noted_by) == ((note, "siti") if note.strip() else (None, None))

    assert [entry.what for entry in audit.read(connection)] == ["note"] * 3
    with pytest.raises(ValueError, match="2,000"):
        notes.write(connection, group.fingerprint, "x" * 2001, "siti")


def test_pages_follow_each_other_newest_first_without_gap_or_repeat(engine: Engine, connection: Connection) -> None:
    filed = file_all(engine, registrations_dead(7))  # all in one moment, so the number decides
    seen, after = list[int](), None
    while True:
        page = letters.page(connection, Filter(), limit=3, after=after)
        seen += [line.letter_id for line in page.lines]
        if (after := page.following) is None:
            break
        assert isinstance(after, Place)

    assert seen == sorted(filed, reverse=True)


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (Filter(), 4),
        (Filter(reason="bad_ic_number"), 2),
        (Filter(queue="state.bulk"), 4),
        (Filter(queue="state"), 4),
        (Filter(queue="mailer"), 0),
        (Filter(type="ActivationRequested"), 4),
        (Filter(type="aktif.PasswordSet.v1"), 0),
        (Filter(text="bad-"), 2),
        (Filter(text="/hr/con"), 4),
        (Filter(text="b_d"), 0),
        (Filter(text="%"), 0),
        (Filter(ic_number=ic_number(1)), 1),
        (Filter(letters=(1, 3)), 2),
        (Filter(status=Status.OPEN), 4),
        (Filter(status=Status.REPLAYED), 0),
        (Filter(reason="bad_ic_number", text="bad-1"), 1),
        (Filter(text="' OR true --"), 0),
    ],
    ids=str,
)
def test_a_filter_finds_what_meets_all_of_it(
    engine: Engine, connection: Connection, wanted: Filter, count: int
) -> None:
    file_all(engine, [*bad_ones_dead(2), *registrations_dead(2)])

    assert letters.count(connection, wanted) == len(numbers(connection, wanted)) == count
    found = groups(connection, wanted)
    assert sum(group.letters for group in found.shown) == found.letters == count


def test_what_groups_are_left_out_is_said(engine: Engine, connection: Connection) -> None:
    reasons = ("database_error", "internal_error", "internal_error", "delivery_limit")
    file_all(engine, [letter(hr_event(str(n), {}), reason) for n, reason in enumerate(reasons)])

    found = groups(connection, Filter(), limit=1)

    assert [(group.reason, group.letters) for group in found.shown] == [("internal_error", 2)]
    assert (found.left_out, found.letters) == (2, 4)


def test_a_group_of_mails_shows_the_first_words_of_a_reply_as_an_example(
    engine: Engine, connection: Connection
) -> None:
    reply = f"451 4.3.0 Temporary lookup failure {'x' * 90}"
    file_all(engine, [letter(hr_event("x", {}, "MailRequested"), "gave_up", queue="mailer.bulk", detail=reply)])

    (group,) = groups(connection, Filter()).shown

    assert group.words == "such as: 451 4.3.0 Temporary lookup failure…"


def test_the_time_of_filing_is_a_filter_too(engine: Engine, connection: Connection) -> None:
    file_all(engine, registrations_dead(1))
    moment = letters.page(connection, Filter()).lines[0].filed_at

    assert letters.count(connection, Filter(since=moment)) == 1
    assert letters.count(connection, Filter(until=moment)) == 0


def test_a_persons_mails_are_found_by_the_ic_number(engine: Engine, connection: Connection) -> None:
    letter_id, _ = a_mail_given_up(connection, engine, an_account(connection))

    assert numbers(connection, Filter(ic_number=ic_number(0))) == [letter_id]
    assert numbers(connection, Filter(ic_number=ic_number(1))) == []


@pytest.mark.parametrize(
    ("state", "hr_time", "obsolete"),
    [
        ("registered", LONG_AGO, None),
        ("registered", FAR_AHEAD, Obsolete.NEWER),
        ("active", LONG_AGO, Obsolete.ACTIVE),
        ("withdrawn", LONG_AGO, None),
        ("withdrawn", FAR_AHEAD, Obsolete.NEWER),
    ],
)
def test_a_registration_is_obsolete_when_the_account_says_so(
    engine: Engine, connection: Connection, state: str, hr_time: str, obsolete: Obsolete | None
) -> None:
    an_account(connection, state, hr_time=hr_time)
    (letter_id,) = file_all(engine, registrations_dead(1))

    one = found(connection, letter_id)

    assert one.line.obsolete == obsolete
    assert one.account_state == state
    assert one.suggested is (Action.DISCARD if obsolete else Action.REPLAY)


def test_a_mail_that_is_asked_for_a_withdrawn_person_is_obsolete(engine: Engine, connection: Connection) -> None:
    an_account(connection, "withdrawn")
    (letter_id,) = file_all(engine, [letter(hr_event("r", {"reason": "resend", "ic_number": ic_number(0)}))])

    assert found(connection, letter_id).line.obsolete is Obsolete.WITHDRAWN


def test_a_recovery_of_an_active_account_is_not_obsolete(engine: Engine, connection: Connection) -> None:
    an_account(connection, "active")
    event = {**hr_event("r", {"reason": "recovery", "ic_number": ic_number(0)}), "source": "/portal"}
    (letter_id,) = file_all(engine, [letter(event, origin=Exchange.PORTAL)])

    assert found(connection, letter_id).line.obsolete is None


def test_what_was_worked_since_is_obsolete_but_not_what_reuses_an_id(engine: Engine, connection: Connection) -> None:
    event = hr_event("reg-0", registration(0))
    worked, reused = file_all(engine, [letter(event), letter(event | {"extra": 1}, "id_reused")])
    put(connection, RECEIPT, source="/hr/contoh", id="reg-0", outgoing=None)

    assert found(connection, worked).line.obsolete is Obsolete.WORKED
    assert found(connection, reused).line.obsolete is None


def test_a_receipt_from_before_a_letter_is_of_another_event_that_had_its_id(
    engine: Engine, connection: Connection
) -> None:
    put(connection, RECEIPT, source="/hr/contoh", id="staff-1", outgoing=None)
    malformed = letter(hr_event("staff-1", registration(2, email="pegawai.2 at example")), "bad_field")
    (letter_id,) = file_all(engine, [malformed])

    assert found(connection, letter_id).line.obsolete is None


@pytest.mark.parametrize(
    ("name", "data", "obsolete"),
    [
        ("ActivationRequested", registration(0), Obsolete.NEWER),
        ("AccountWithdrawn", {"ic_number": ic_number(0)}, Obsolete.NEWER),
        ("ActivationRequested", {"reason": "resend", "ic_number": ic_number(0)}, None),
    ],
    ids=["registration", "withdrawal", "resend"],
)
def test_newer_details_from_hr_take_the_place_of_older_ones_and_not_of_a_mail_that_was_asked_for(
    engine: Engine, connection: Connection, name: str, data: dict[str, Any], obsolete: Obsolete | None
) -> None:
    an_account(connection, hr_time=FAR_AHEAD)
    (letter_id,) = file_all(engine, [letter(hr_event("x", data, name))])

    assert found(connection, letter_id).line.obsolete == obsolete


def test_what_is_newer_is_told_by_hrs_own_clock(engine: Engine, connection: Connection) -> None:
    ahead = datetime.now(UTC) + timedelta(minutes=4)
    an_account(connection, hr_time=ahead.isoformat())
    times = {"newer": ahead + timedelta(seconds=5), "older": ahead - timedelta(seconds=5)}
    newer, older, unreadable = file_all(
        engine,
        [
            *(letter(hr_event(id_, registration(0)) | {"time": time.isoformat()}) for id_, time in times.items()),
            letter(hr_event("x", registration(0)) | {"time": "yesterday"}, "bad_envelope"),
        ],
    )

    assert found(connection, newer).line.obsolete is None
    assert found(connection, older).line.obsolete is Obsolete.NEWER
    assert found(connection, unreadable).line.obsolete is None


@pytest.mark.parametrize("step", ["TokenRedeemed", "QuestionsSet", "QuestionsAnswered", "PasswordSet"])
@pytest.mark.parametrize(
    ("ended", "obsolete"),
    [(None, None), ("completed_at", Obsolete.LINK_OVER), ("superseded_at", Obsolete.LINK_OVER)],
    ids=["running", "completed", "superseded"],
)
def test_a_persons_step_is_obsolete_when_its_link_has_ended(
    engine: Engine, connection: Connection, step: str, ended: str | None, obsolete: Obsolete | None
) -> None:
    link, account = uuid4(), an_account(connection)
    put(
        connection,
        "INSERT INTO links (link_id, account_id, purpose, issued_at, redeemed_at, session_digest) "
        "VALUES (:link, :account, 'activation', now(), now(), 'x')",
        link=link,
        account=account,
    )
    if ended:
        put(connection, f"UPDATE links SET {ended} = now()")
    event = {**hr_event("x", {"link_id": str(link), "session_digest": "5" * 64}, step), "source": "/portal"}
    (letter_id,) = file_all(engine, [letter(event, queue="state.live", origin=Exchange.PORTAL)])

    one = found(connection, letter_id)

    assert one.line.obsolete == obsolete
    assert one.suggested is (Action.DISCARD if obsolete else Action.REPLAY)


@pytest.mark.parametrize(
    ("link", "obsolete"),
    [({}, None), ({"mail_id": uuid4()}, Obsolete.NO_MAIL), ({"superseded_at": LONG_AGO}, Obsolete.NO_MAIL)],
    ids=["live", "mailed again", "superseded"],
)
def test_a_mail_is_obsolete_when_its_link_does_not_want_it(
    engine: Engine, connection: Connection, link: dict[str, Any], obsolete: Obsolete | None
) -> None:
    letter_id, _ = a_mail_given_up(connection, engine, an_account(connection), **link)

    assert found(connection, letter_id).line.obsolete == obsolete


def test_a_discarded_letter_that_is_filed_again_is_open_again(engine: Engine, connection: Connection) -> None:
    (letter_id,) = file_all(engine, registrations_dead(1))
    put(connection, "INSERT INTO closings (letter_id, kind, who, reason) VALUES (1, 'discarded', 'x', 'x')")
    assert found(connection, letter_id).line.status is Status.DISCARDED

    put(connection, "UPDATE letters SET filed_at = clock_timestamp()")

    assert found(connection, letter_id).line.status is Status.OPEN


def test_a_letter_says_what_hr_was_told(engine: Engine, connection: Connection) -> None:
    (bad,) = file_all(engine, bad_ones_dead(1))

    told = found(connection, bad).told

    assert told is not None
    assert (told.system, told.event, told.reason, told.field) == ("contoh", "EventRejected", "bad_ic_number",
                                                                  "data.ic_number")  # fmt: skip


def test_a_mail_that_was_given_up_says_what_hr_was_told(engine: Engine, connection: Connection) -> None:
    letter_id, event_id = a_mail_given_up(connection, engine, an_account(connection))
    assert found(connection, letter_id).told is None
    data = {"result": "gave_up", "reply": "451 4.3.0 later"}
    said = {"exchange": "aktif.feed", "routing_key": "kelantan.MailUndeliverable",
            "event": {"type": "aktif.MailUndeliverable.v1", "data": data}}  # fmt: skip
    settled = caused_id(("/aktif/state", event_id), 0, "MailSettled")
    put(connection, RECEIPT, source="/aktif/mailer", id=settled, outgoing=json.dumps([said]))

    told = found(connection, letter_id).told

    assert told is not None
    assert (told.system, told.event, told.reason) == ("kelantan", "MailUndeliverable", "gave_up")


@pytest.mark.parametrize(
    "dead",
    [
        letter(b"{", "not_json"),
        letter(EXAMPLES["PasswordSet"].body, "unknown_link", origin=Exchange.PORTAL),
        letter(hr_event("x", registration(0)), "internal_error", detail="the handler failed with KeyError"),
    ],
    ids=["no id", "of the portal", "of the loop"],
)
def test_nothing_is_said_to_have_been_told_that_was_not(engine: Engine, connection: Connection, dead: Any) -> None:
    (letter_id,) = file_all(engine, [dead])

    assert found(connection, letter_id).told is None


def test_unmasking_is_audited_and_shows_what_is_personal_and_no_more(engine: Engine, connection: Connection) -> None:
    (letter_id,) = file_all(engine, [letter(hr_event("x", registration(0) | {"password": "rahsia"}))])
    one = found(connection, letter_id)
    assert "PEGAWAI" not in json.dumps(one.shown_body)
    assert audit.read(connection) == []

    seen = letters.reveal(connection, one, "siti", "HR asks")

    assert seen["data"]["name"] == "PEGAWAI CONTOH 0"
    assert "rahsia" not in json.dumps(seen)
    (entry,) = audit.read(connection)
    assert (entry.who, entry.what, entry.subject, entry.reason) == ("siti", "unmask", f"letter {letter_id}", "HR asks")


def test_what_a_person_did_in_the_portal_is_unmasked_for_nobody(engine: Engine, connection: Connection) -> None:
    (letter_id,) = file_all(engine, [letter(EXAMPLES["PasswordSet"].body, "database_error", origin=Exchange.PORTAL)])

    seen = letters.reveal(connection, found(connection, letter_id), "siti", "curious")

    assert "argon2id" not in json.dumps(seen)
    assert "never shown" in seen["data"]


def test_no_letter_has_a_number_that_none_has(connection: Connection) -> None:
    assert letters.one(connection, 17) is None
