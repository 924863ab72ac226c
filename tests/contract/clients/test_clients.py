"""An HR system in any language registers people and hears what becomes of them, with the rights it is given."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from schemas.events import Exchange
from schemas.examples import EXAMPLES
from shared.broker.publisher import Message
from tests.contract.clients.conftest import HrSystem
from tests.contract.clients.languages import LANGUAGES, Command
from tests.support.person import Person
from tests.support.registrations import ic_number, publish
from tests.support.waiting import eventually
from tests.support.world import World

NAME = "PEGAWAI 'CONTOH' A/L \"UJIAN\" \\ RAJÛ"
ON_THE_MINUTE = "2020-07-13T10:45:00+08:00"
"""Of which some languages leave out the seconds."""


@dataclass(frozen=True)
class Program:
    """A running example, and what it prints."""

    output: Path

    def lines(self) -> list[str]:
        """What it has printed so far."""
        return self.output.read_text(encoding="utf-8").splitlines(keepends=True)

    def prints(self, start: str) -> None:
        """Wait for a line."""
        eventually(f"{start} in {self.output}", lambda: any(line.startswith(start) for line in self._whole()))

    def heard(self, name: str) -> list[dict[str, Any]]:
        """The data of the events of a name that it printed."""
        return [json.loads(line.partition(" ")[2])["data"] for line in self._whole() if line.startswith(f"{name} ")]

    def _whole(self) -> list[str]:
        return [line for line in self.lines() if line.endswith("\n")]


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    """Each language that there is an example in."""
    return str(request.param)


@pytest.fixture
def command(language: str, tmp_path: Path) -> Command:
    """How its example is started."""
    return LANGUAGES[language](tmp_path)


@contextmanager
def running(command: Command, hr: HrSystem, output: Path, *arguments: str) -> Iterator[Program]:
    """An example at work as the HR system's user; what it says on standard error is among what it prints."""
    environment = {**os.environ, "AMQP_URL": hr.amqp_url, "FEED": hr.feed, "LC_ALL": "C.UTF-8"}
    with output.open("wb") as file:
        process = subprocess.Popen([*command, *arguments], env=environment, stdout=file, stderr=subprocess.STDOUT)
    try:
        yield Program(output)
    finally:
        process.terminate()
        process.wait(10)


def test_a_program_registers_a_person_and_hears_of_the_activation_and_of_what_was_refused(
    language: str, command: Command, aktif: World, hr: HrSystem, tmp_path: Path
) -> None:
    person, ic = Person(aktif, f"pegawai.{language}@example.gov.my"), ic_number(list(LANGUAGES).index(language))
    undeliverable = _as_state_publishes("MailUndeliverable", hr)

    good = ["1", ic, NAME, person.address, ON_THE_MINUTE]
    with running(command, hr, tmp_path / "good.txt", *good) as program:
        link = person.link_in(person.waits_for_mail())
        publish(aktif.amqp_url, [undeliverable, undeliverable])
        activate(person, link)
        program.prints("AccountActivated ")

    with running(command, hr, tmp_path / "bad.txt", "2", "851399000001", "X", person.address, ON_THE_MINUTE) as second:
        second.prints("EventRejected ")

    assert program.lines()[0] == "confirmed 1\n"
    assert [told["ic_number"] for told in program.heard("AccountActivated")] == [ic]
    assert len(program.heard("MailUndeliverable")) == 1
    (refused,) = second.heard("EventRejected")
    assert (refused["rejected_source"], refused["rejected_id"]) == (f"/hr/{hr.name}", "2")
    assert (refused["reason"], refused["field"]) == ("bad_ic_number", "data.ic_number")
    assert len(second.lines()) == 2, "what was acked comes no more"
    assert _name_of(ic, aktif) == NAME


def activate(person: Person, link: Any) -> None:
    """The guide's steps."""
    person.redeems(link)
    person.sets_questions(link, mother_name="ibu", first_school="sekolah", first_car="kereta")
    person.sets_password(link, "Kata-Laluan-12345")


def _name_of(ic: str, aktif: World) -> str:
    with aktif.engine.connect() as connection:
        return str(connection.execute(text("SELECT name FROM accounts WHERE ic_number = :ic"), {"ic": ic}).scalar_one())


def _as_state_publishes(name: str, hr: HrSystem) -> Message:
    example = EXAMPLES[name]
    return Message(Exchange.FEED, f"{hr.name}.{name}", example.body, message_id=example.id, type=f"aktif.{name}.v1")
