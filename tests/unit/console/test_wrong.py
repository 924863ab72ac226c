"""What the board says is wrong, and what to do about it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.console.broker import Broker, Worker, sparkline
from services.console.funnel import Numbers, Refusal
from services.console.wrong import Wrong, wrongs
from shared.operations.queues import Line

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)


def numbers(**changes: Any) -> Numbers:
    fields: dict[str, Any] = {"open_letters": 0, "running_replays": 0, "withdrawn": 0, "refusal": None}
    return Numbers((("registered", 5), ("active", 1)), **(fields | changes))


def line(queue: str = "mailer.live", **changes: Any) -> Line:
    fields: dict[str, Any] = {"messages": 0, "unacked": 0, "consumers": 1, "rate_in": 0.0, "rate_out": 0.0}
    return Line(queue, **(fields | changes))


def nobody(queue: str, service: str) -> Line:
    return line(queue, messages=3, consumers=0, remark=f"no consumer: start `aktif {service}`", is_wrong=True)


def found(broker: Broker, *lines: Line, of: Numbers | None = None) -> list[Wrong]:
    return wrongs(broker, lines, of or numbers(), NOW)


def test_where_all_is_well_nothing_is_said() -> None:
    assert found(Broker(), line(), line("dead")) == []


def test_a_queue_without_worker_says_what_to_start() -> None:
    (said,) = found(Broker(), nobody("state.bulk", "state"))

    assert said == Wrong("state.bulk: no consumer.", "Start `aktif state`.")


def test_a_mailer_that_is_there_and_takes_nothing_waits_for_its_mail_server() -> None:
    broker = Broker(workers=[Worker("mailer", "host")])

    (said,) = found(broker, nobody("mailer.live", "mailer"), nobody("mailer.bulk", "mailer"))

    assert "mail server" in said.what
    assert "AKTIF_SMTP_URL" in said.do


def test_a_mailer_that_has_held_mails_for_half_a_minute_waits_too() -> None:
    samples = {"mailer.live": [0.0, 7.0, 7.0]}
    held = line(messages=7, unacked=7)

    assert ["mail server" in said.what for said in found(Broker(samples=samples), held)] == [True]
    assert found(Broker(samples={"mailer.live": [0.0, 0.0, 7.0]}), held) == []
    assert found(Broker(samples=samples), line(messages=7, unacked=7, rate_out=2.0)) == []
    assert found(Broker(samples=samples), line(messages=7)) == []


def test_what_the_mail_server_replied_is_quoted() -> None:
    refusal = Refusal(NOW - timedelta(seconds=30), "535 5.7.8 Authentication failed")

    (said,) = found(Broker(), of=numbers(refusal=refusal))

    assert "“535 5.7.8 Authentication failed”" in said.what
    assert "30 s ago" in said.what


def test_alarms_and_a_broker_that_does_not_answer_come_first() -> None:
    said = found(Broker(alarms=["mem_alarm on rabbit@a"]), nobody("state.live", "state"), of=numbers(open_letters=2))

    assert [one.what for one in said] == [
        "RabbitMQ has an alarm: mem_alarm on rabbit@a.", "state.live: no consumer.", "2 dead letters open."
    ]  # fmt: skip
    (unseen,) = found(Broker(fault="the management API does not answer (TimeoutError)"))
    assert "does not answer" in unseen.what


def test_a_database_that_cannot_count_is_said() -> None:
    assert "could not count" in wrongs(Broker(), [], None, NOW)[0].what


def test_suspects_are_said() -> None:
    (said,) = found(Broker(), line("state.suspect", messages=1))

    assert said.what == "state.suspect: 1 message that may have killed a worker."


def test_a_sparkline_begins_at_nothing_and_ends_at_the_newest() -> None:
    assert sparkline([0, 5, 10]) == "0.0,19.0 50.0,10.0 100.0,1.0"
    assert sparkline([0, 0]) == "0.0,19.0 100.0,19.0"
    assert sparkline([3]) == sparkline([]) == ""
