"""What the board says is wrong, and what to do about it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.console.broker import Broker, Process, sparkline
from services.console.funnel import Numbers, Refusal
from services.console.roster import Row, roster, versions
from services.console.wrong import Wrong, wrongs
from shared.operations.ledger import Verdict
from shared.operations.ledger_runs import Run
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


def at_work(*services: str, version: str = "0.1.0", **changes: Any) -> Broker:
    return Broker(processes=[Process(service, "host", version) for service in services], **changes)


def refusal(reply: str = "535 5.7.8 Authentication failed", code: int | None = 535) -> Refusal:
    return Refusal(NOW - timedelta(seconds=30), reply, code)


def found(broker: Broker, *lines: Line, of: Numbers | None = None) -> list[Wrong]:
    of = of or numbers()
    return wrongs(broker, lines, of, roster(broker, lines, of.refusal), NOW)


def row(service: str, broker: Broker, *lines: Line, told: Refusal | None = None) -> Row:
    return next(row for row in roster(broker, lines, told) if row.service == service)


def test_where_all_is_well_nothing_is_said() -> None:
    assert found(Broker(), line(), line("dead")) == []


def test_a_queue_without_worker_says_what_to_start() -> None:
    (said,) = found(Broker(), nobody("state.bulk", "state"))

    assert said == Wrong("state.bulk: no consumer.", "Start `aktif state`.")


def test_a_mailer_that_is_there_and_takes_nothing_waits_and_is_not_to_be_started() -> None:
    (said,) = found(at_work("mailer"), nobody("mailer.live", "mailer"), nobody("mailer.bulk", "mailer"))

    assert said.what == (
        "The mailer is there and gets nothing done: it waits for its mail server or the database, as far as it can "
        "reach them."
    )
    assert "`aktif check --for mailer`" in said.do


def test_a_worker_that_has_held_messages_for_half_a_minute_waits_too() -> None:
    held = line(messages=7, unacked=7)

    def said(samples: list[float], held: Line = held) -> list[str]:
        return [one.what for one in found(at_work("mailer", samples={held.queue: samples}), held)]

    assert ["mail server" in what for what in said([0.0, 7.0, 7.0, 7.0])] == [True]
    assert said([0.0, 0.0, 7.0, 7.0]) == []
    assert said([9.0, 8.0, 7.0]) == [], "it is slow, at a pace that was asked for"
    assert said([7.0, 7.0, 7.0], line(messages=7, unacked=7, rate_out=2.0)) == []
    assert said([7.0, 7.0, 7.0], line(messages=7)) == []
    archivist = at_work("archivist", samples={"dead": [3.0, 3.0, 3.0]})
    (one,) = found(archivist, line("dead", messages=3, unacked=3))
    assert "The archivist is there and gets nothing done: it waits for the database" in one.what


def test_a_mailer_that_was_refused_waits_from_the_first_moment() -> None:
    held = line(messages=7, unacked=7)

    assert row("mailer", at_work("mailer"), held, told=refusal()).is_paused
    assert not row("mailer", at_work("mailer"), held).is_paused
    assert not row("mailer", at_work("mailer"), line(), told=refusal()).is_paused


def test_a_queue_that_is_not_there_is_said_though_its_worker_is() -> None:
    gone = line("state.live", consumers=0, remark="is not there: run `aktif provision`", is_wrong=True, is_there=False)

    assert found(at_work("state"), gone, line("state.bulk")) == [
        Wrong("state.live: is not there.", "Run `aktif provision`.")
    ]


@pytest.mark.parametrize(
    ("reply", "code", "what", "do"),
    [
        (
            "535 5.7.8 Authentication failed", 535, "refuses our login: “535 5.7.8 Authentication failed”",
            "Correct user and password in AKTIF_SMTP_URL and restart the mailer.",
        ),
        (
            "550 5.7.1 Sender rejected; ask", 550, "refuses us: “550 5.7.1 Sender rejected; ask”",
            "Ask its postmaster, or correct AKTIF_MAIL_FROM and AKTIF_SMTP_URL.",
        ),
        (
            "smtp://mail.example:25: Connection refused", None,
            "cannot be used: “smtp://mail.example:25: Connection refused”", "See that it runs",
        ),
        (
            "smtps://mail.example:465: no authority has signed it; set SSL_CERT_FILE", None,
            "cannot be used: “smtps://mail.example:465: no authority has signed it”", "Set SSL_CERT_FILE.",
        ),
    ],
)  # fmt: skip
def test_what_the_mail_server_said_is_quoted_with_what_to_do(reply: str, code: int | None, what: str, do: str) -> None:
    (said,) = found(Broker(), of=numbers(refusal=refusal(reply, code)))

    assert said.what == f"The mail server {what} (30 s ago, and nothing else since)."
    assert said.do.startswith(do)
    assert "none is lost" in said.do


def test_a_mail_server_that_refuses_is_said_once_though_the_mailer_waits_too() -> None:
    waiting = nobody("mailer.live", "mailer")

    assert [said.what[:30] for said in found(at_work("mailer"), waiting, of=numbers(refusal=refusal()))] == [
        "The mail server refuses our lo"
    ]
    assert len(found(Broker(), waiting, of=numbers(refusal=refusal()))) == 2, "nobody is there to try it"


def test_a_service_says_how_many_of_it_run_where_and_in_which_version() -> None:
    broker = Broker(
        processes=[Process("state", "b", "0.2.0"), Process("state", "a", "0.1.0"), Process("portal", "a", "0.2.0")]
    )

    state = row("state", broker, line("state.live", consumers=2), line("state.bulk", consumers=2))

    assert (state.hosts, state.versions, state.is_paused) == (("a", "b"), {"0.1.0": 1, "0.2.0": 1}, False)
    assert row("portal", broker).running == 1
    assert row("mailer", broker, line("mailer.live", consumers=0)) == Row("mailer", (), {})
    assert versions(roster(broker, [], None)) == {"0.1.0", "0.2.0"}


def test_a_service_of_which_some_take_nothing_says_how_many_and_what_they_wait_for() -> None:
    mailer = row("mailer", at_work("mailer", "mailer"), line("mailer.live"), line("mailer.bulk"), told=refusal())

    assert (mailer.running, mailer.paused, mailer.is_paused) == (2, 1, False)
    assert mailer.waits_for == "its mail server: “535 5.7.8 Authentication failed”"


def test_while_the_broker_has_an_alarm_nobody_is_told_to_mend_anything_else() -> None:
    broker = at_work("state", samples={"state.live": [5.0, 5.0, 5.0]}, alarms=["disk_free_alarm on rabbit@a"])
    held = line("state.live", messages=5, unacked=5)

    assert ["alarm" in said.what for said in found(broker, held)] == [True]
    assert row("state", broker, held).waits_for.startswith("RabbitMQ")


def test_alarms_and_a_broker_that_does_not_answer_come_first() -> None:
    said = found(Broker(alarms=["mem_alarm on rabbit@a"]), nobody("state.live", "state"), of=numbers(open_letters=2))

    assert [one.what for one in said] == [
        "RabbitMQ has an alarm: mem_alarm on rabbit@a.", "state.live: no consumer.", "2 dead letters open."
    ]  # fmt: skip
    (unseen,) = found(Broker(fault="the management API does not answer (TimeoutError)"))
    assert "does not answer" in unseen.what


def test_a_database_that_cannot_count_is_said() -> None:
    assert "could not count" in wrongs(Broker(), [], None, [], NOW)[0].what


def ledger(verdict: Verdict = Verdict.CLEAN, **changes: Any) -> Run:
    numbers = dict.fromkeys(("sent", "told", "retried_mails", "missing", "lost", "twice", "mended"), 0)
    fields: dict[str, Any] = {"who": "siti", "seconds": 1.5, "caused": 9, "done": 9, "dead": 0, "queues": {}}
    named: dict[str, Any] = {"moved": False, "nowhere": (), "doubled": ()}
    at = NOW - timedelta(minutes=20)
    return Run(ledger_id=1, at=at, verdict=verdict, **(numbers | fields | named | changes))


@pytest.mark.parametrize(
    ("run", "says"),
    [
        (ledger(), []),
        (ledger(Verdict.UNDECIDED, missing=3), []),
        (ledger(Verdict.LOST, missing=3, lost=3), ["The ledger of 20 min ago found 3 events lost."]),
        (ledger(Verdict.LOST, missing=3, lost=3, mended=2), ["The ledger of 20 min ago found 1 event lost."]),
        (ledger(Verdict.LOST, missing=3, lost=3, mended=3), []),
        (ledger(Verdict.TWICE, twice=1), ["The ledger of 20 min ago found 1 event twice."]),
        (
            ledger(Verdict.LOST, missing=1, lost=1, twice=2),
            ["The ledger of 20 min ago found 1 event lost.", "The ledger of 20 min ago found 2 events twice."],
        ),
    ],
    ids=["clean", "not decided", "lost", "partly mended", "mended", "twice", "both"],
)
def test_what_the_ledger_found_lost_or_twice_is_said_until_it_is_mended(run: Run, says: list[str]) -> None:
    said = found(Broker(), of=numbers(ledger=run))

    assert [one.what for one in said] == says
    assert {one.where for one in said} <= {"/ledger"}


def test_suspects_are_said() -> None:
    (said,) = found(Broker(), line("state.suspect", messages=1))

    assert said.what == "state.suspect: 1 message that may have killed a worker."


def test_a_sparkline_begins_at_nothing_and_ends_at_the_newest() -> None:
    assert sparkline([0, 5, 10]) == "0.0,19.0 50.0,10.0 100.0,1.0"
    assert sparkline([0, 0]) == "0.0,19.0 100.0,19.0"
    assert sparkline([3]) == sparkline([]) == ""
