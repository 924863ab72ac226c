"""What was sent is not sent again because it could not be written: no mail goes out twice without a kill."""

import threading
from contextlib import ExitStack
from dataclasses import replace

import pytest
from sqlalchemy import text

from schemas.events import Lane
from services.mailer.__main__ import duty
from services.mailer.render import Mail, Renderer
from services.mailer.worker import Mailer
from shared.broker.judge import Judge, Timing
from shared.broker.topology import work_queue
from shared.broker.verdicts import UNTOUCHED, Dead, DependencyDown, Retry, Wait
from shared.broker.worker import Duty
from shared.health import Health
from shared.settings import Settings
from shared.store.tables import attempts, mailer_inbox
from tests.integration.mailer.desk import Desk, Person, request, results_of
from tests.support.broker import FAST, Hands, working
from tests.support.waiting import eventually

BULK = work_queue("mailer", Lane.BULK)


def judge_of(mailer: Mailer) -> Judge:
    """The loop's judge of a mailer's batches."""
    return Judge(mailer, Timing(hold=0.2, probes=(0.05,)), threading.Event(), Health(dict), forgiving=False)


def mailer_duty(*probes: float) -> Duty:
    """The mailer's duty: it pauses at once, and its probes are so many seconds apart."""
    return replace(duty(Settings()), timing=replace(FAST, hold=0, probes=probes))


def publish(hands: Hands, *people: Person) -> None:
    """Ask for the mail of each."""
    hands.publish("aktif.events", "bulk.MailRequested", [request(person).body for person in people])


def refuse_to_record(desk: Desk, email: str) -> None:
    """Let the database take no attempt of this recipient."""
    with desk.engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE attempts ADD CHECK (email <> '{email}')"))


def test_the_database_counts_as_back_only_when_what_was_sent_is_written(desk: Desk) -> None:
    deliveries = [request(person) for person in desk.people(100)]
    with desk.standby():
        with pytest.raises(DependencyDown) as caught:
            desk.mailer(deliveries)
        sent = len(desk.relay.mails)
        assert 0 < sent <= 50
        assert caught.value.begun
        with pytest.raises(DependencyDown):
            caught.value.probe()
        assert desk.count(mailer_inbox) == 0

    caught.value.probe()

    assert desk.count(mailer_inbox) == sent == len(desk.relay.mails)
    assert results_of(desk.mailer(deliveries)) == ["done"] * 100
    assert set(desk.received_by().values()) == {1}
    assert desk.count(attempts) == 100


def test_what_was_refused_while_the_database_was_away_waits_as_long_as_ever(desk: Desk) -> None:
    person = desk.person()
    delivery = request(person)
    desk.relay.answer("rcpt", "451 4.7.1 Greylisted", to=person.email)
    with desk.standby(), pytest.raises(DependencyDown) as caught:
        desk.mailer([delivery])
    caught.value.probe()

    verdicts = desk.mailer([delivery])

    assert verdicts == [Retry(Wait.S30, "transient")]
    assert desk.attempt_results(person) == ["transient"]


def test_a_relay_that_is_down_begins_nothing(desk: Desk) -> None:
    delivery = request(desk.person())
    desk.relay.answer("mail", "530 5.7.0 Authentication required")

    with pytest.raises(DependencyDown) as caught:
        desk.mailer([delivery])

    assert not caught.value.begun


def test_mails_sent_before_a_long_outage_are_not_sent_by_another_mailer(
    desk: Desk, hands: Hands, capfd: pytest.CaptureFixture[str]
) -> None:
    people, late = desk.people(40), desk.person()
    publish(hands, *people)
    outage = ExitStack()
    outage.enter_context(desk.standby())
    with working(mailer_duty(0.05, 3600), hands, desk.mailer) as first:
        eventually("it probes in its pause, in vain", lambda: "probe_failed" in capfd.readouterr().out)
        eventually("what it had not begun has come home", lambda: not hands.count("wait.5s"))
        assert desk.relay.mails
        assert not desk.inbox()
        outage.close()

        with working(mailer_duty(0.05), hands, desk.another()):
            publish(hands, late)
            eventually("the second one works all it can get", lambda: not hands.count(BULK))
            eventually("and the last of them", lambda: late.email in desk.received_by())
            first.request_stop()
            eventually("all are written", lambda: desk.count(mailer_inbox) == 41)
            eventually("nobody holds any", lambda: not hands.counts().keys() - {"state.live"})

    assert set(desk.received_by().values()) == {1}
    assert not hands.counts().keys() - {"state.live"}


def test_a_pause_that_ends_answers_for_what_was_sent_before_it(desk: Desk, hands: Hands) -> None:
    people = desk.people(120)
    publish(hands, *people)
    outage = ExitStack()
    outage.enter_context(desk.standby())
    with working(mailer_duty(0.05), hands, desk.mailer) as worker:
        eventually("it pauses", lambda: desk.relay.mails and not worker._consumer._wanted)
        outage.close()
        eventually("all are written", lambda: desk.count(mailer_inbox) == 120)
        eventually("all is told", lambda: hands.count("state.live") == 120)
        eventually("all is acked", lambda: not any(life.unacked for life in worker._consumer._channels.values()))

    assert set(desk.received_by().values()) == {1}
    assert hands.counts() == {"state.live": 120}


def test_what_cannot_be_written_is_dead_and_neither_it_nor_a_neighbour_is_sent_again(desk: Desk) -> None:
    people = desk.people(30)
    guilty = people[7]
    refuse_to_record(desk, guilty.email)

    verdicts = judge_of(desk.mailer).judge([request(person) for person in people], lambda: True)

    assert not isinstance(verdicts, DependencyDown)
    assert verdicts[7] == Dead(
        "internal_error",
        "sent: accepted; what became of it cannot be written: CheckViolation 23514 attempts_email_check",
    )
    assert results_of([*verdicts[:7], *verdicts[8:]]) == ["done"] * 29
    assert desk.received_by() == {person.email: 1 for person in people}
    assert desk.count(mailer_inbox) == 29


def test_nor_where_it_was_owed(desk: Desk) -> None:
    people = desk.people(30)
    refuse_to_record(desk, people[7].email)
    deliveries = [request(person) for person in people]
    with desk.standby(), pytest.raises(DependencyDown) as caught:
        desk.mailer(deliveries)

    caught.value.probe()
    verdicts = desk.mailer(deliveries)

    assert results_of(verdicts) == [*["done"] * 7, "dead", *["done"] * 22]
    assert desk.received_by() == {person.email: 1 for person in people}


def test_nor_where_the_batch_meets_a_bug_besides(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked again one by one, it would be sent again."""
    people = desk.people(60)
    guilty, unlucky = people[1], people[-1]
    refuse_to_record(desk, guilty.email)
    render = Renderer.render

    def broken_for_one(self: Renderer, mail: Mail) -> bytes:
        if mail.address == unlucky.email:
            raise ZeroDivisionError
        return render(self, mail)

    monkeypatch.setattr(Renderer, "render", broken_for_one)
    judge, left = judge_of(desk.mailer), [request(person) for person in people]
    said = list[object]()
    while left:
        verdicts = judge.judge(left, lambda: True)
        assert not isinstance(verdicts, DependencyDown)
        said += [verdict for verdict in verdicts if verdict is not UNTOUCHED]
        left = [delivery for delivery, verdict in zip(left, verdicts, strict=True) if verdict is UNTOUCHED]

    assert sorted(type(verdict).__name__ for verdict in said) == ["Dead", *["Done"] * 58, "Retry"]
    assert desk.received_by() == {person.email: 1 for person in people[:-1]}
