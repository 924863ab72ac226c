"""What holds of a whole batch: the window of uncommitted mails, its second, and the pace."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import Connection

from services.mailer import mails as mails_module
from services.mailer.mails import Settlement
from shared.broker.verdicts import UNTOUCHED, Done
from shared.store.tables import attempts, mailer_inbox
from tests.integration.mailer.desk import Desk, request, results_of, settled
from tests.support.smtp import Late
from tests.support.waiting import eventually

Commit = Callable[[Connection, Sequence[Settlement]], Any]


def replace_commit(monkeypatch: pytest.MonkeyPatch, changed: Callable[[Commit], Commit]) -> None:
    monkeypatch.setattr(mails_module, "commit", changed(mails_module.commit))


def test_never_more_than_fifty_are_with_the_relay_and_not_committed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliveries = [request(person) for person in desk.people(300)]
    most = 0

    def after_the_relay_took_all_it_gets(commit: Commit) -> Commit:
        def measured(connection: Connection, settlements: Sequence[Settlement]) -> Any:
            nonlocal most
            before = -1
            while len(desk.relay.mails) > before:
                before = len(desk.relay.mails)
                time.sleep(0.2)
            most = max(most, len(desk.relay.mails) - desk.count(mailer_inbox))
            return commit(connection, settlements)

        return measured

    replace_commit(monkeypatch, after_the_relay_took_all_it_gets)
    verdicts = desk.mailer(deliveries)

    begun = sum(verdict is not UNTOUCHED for verdict in verdicts)
    assert 10 < most <= 50  # a slow relay may not have taken all of them when it is looked at
    assert begun == len(desk.relay.mails) == desk.count(mailer_inbox)


def test_a_slow_neighbour_holds_up_no_commit(desk: Desk) -> None:
    desk.relay.answer("rcpt", Late(1.5, "250 2.1.5 Ok"), to="lambat")
    slow, quick = desk.person("lambat@example.gov.my"), desk.person()
    committed_first: list[int] = []

    def watch() -> None:
        eventually("something is committed", lambda: desk.count(mailer_inbox), every=0.01)
        committed_first.append(desk.count(mailer_inbox))

    watcher = threading.Thread(target=watch)
    watcher.start()
    verdicts = desk.mailer([request(slow), request(quick)])
    watcher.join()

    assert results_of(verdicts) == ["done", "done"]
    assert committed_first == [1]


def test_after_a_second_nothing_further_is_begun(desk: Desk) -> None:
    desk.relay.answer("content", Late(0.4, "250 2.0.0 Ok"))
    deliveries = [request(person) for person in desk.people(60)]
    begun = time.monotonic()

    verdicts = desk.mailer(deliveries)

    took = time.monotonic() - begun
    done = [verdict for verdict in verdicts if isinstance(verdict, Done)]
    assert 8 <= len(done) < 60
    assert verdicts[len(done) :] == [UNTOUCHED] * (60 - len(done))
    assert took < 3
    assert len(desk.relay.mails) == len(done) == desk.count(mailer_inbox)


def test_when_the_broker_is_lost_nothing_further_is_begun(desk: Desk) -> None:
    desk.connected = lambda: len(desk.relay.mails) < 10
    deliveries = [request(person) for person in desk.people(100)]

    verdicts = desk.mailer(deliveries)

    done = results_of(verdicts).count("done")
    assert 10 <= done < 10 + 9
    assert results_of(verdicts)[done:] == ["untouched"] * (100 - done)
    assert len(desk.relay.mails) == done


def test_the_pace_is_kept_and_the_rest_is_untouched(desk: Desk) -> None:
    mailer = desk.another(mail_rate=20)

    verdicts = mailer([request(person) for person in desk.people(60)])

    assert 12 <= results_of(verdicts).count("done") <= 23
    assert results_of(verdicts).count("untouched") == 60 - results_of(verdicts).count("done")


def test_a_thousand_in_one_batch_are_each_done_once(desk: Desk) -> None:
    deliveries = [request(person) for person in desk.people(300)]
    left = [*deliveries * 2]

    while left:
        verdicts = desk.mailer(left)
        left = [d for d, verdict in zip(left, verdicts, strict=True) if verdict is UNTOUCHED]

    assert len(desk.relay.mails) == len({mail.recipient for mail in desk.relay.mails}) == 300
    assert desk.count(mailer_inbox) == desk.count(attempts) == 300


def test_a_commit_of_another_process_is_left_as_it_is(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    person, neighbour = desk.person(), desk.person()
    delivery = request(person)
    other = desk.another()
    theirs: list[Any] = []

    def overtaken(commit: Commit) -> Commit:
        def late(connection: Connection, settlements: Sequence[Settlement]) -> Any:
            if not theirs:
                theirs.append(None)
                theirs[0] = other([delivery])[0]
            return commit(connection, settlements)

        return late

    mine = desk.another()
    replace_commit(monkeypatch, overtaken)
    verdicts = mine([delivery, request(neighbour)])

    assert settled(verdicts[0]) == settled(theirs[0])
    assert desk.attempt_results(person) == ["accepted"]
    assert desk.attempt_results(neighbour) == ["accepted"]
    assert desk.mail_row(person)["accepted_at"] == settled(theirs[0])[1].settled_at


def test_no_address_name_link_or_token_is_logged(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    desk.relay.answer("rcpt", "550 5.1.1 No such user", to="tiada")
    people = [desk.person(), desk.person("tiada@example.gov.my")]

    desk.mailer([request(person) for person in people])

    out = "".join(capfd.readouterr())
    assert "mail_failed" in out
    for secret in ("example.gov.my", "PEGAWAI", "token=", "/account/"):
        assert secret not in out
