"""`aktif dead` shows what is personal only where it is unmasked, on the screen and as JSON."""

import pytest
from sqlalchemy import Engine

from tests.integration.cli.conftest import Aktif, put
from tests.support.letters import file_all, letter
from tests.support.registrations import hr_event, ic_number, registration

IC, DASHED = "850707070707", "850707-07-0707"
PERSON = "NURUL AIN BINTI CONTOH"
ACCOUNT = (
    "INSERT INTO accounts (account_id, ic_number, name, email, registered_at, state, hr_source, hr_time) "
    "VALUES ('0a6f6f1e-5d0c-5f0a-8f5c-1c2d3e4f5a6b', :ic, 'X', 'x@example.gov.my', now(), 'registered', '/hr/x', now())"
)


@pytest.fixture(autouse=True)
def _a_letter(engine: Engine) -> None:
    data = {**registration(0), "registered_at": f"{PERSON}, {IC}", PERSON: IC}
    event = {**hr_event(f"{DASHED}/1", data), "source": f"/hr/{IC}"}
    file_all(engine, [letter(event, detail=f"550 <nurul.ain@example.gov.my> {IC}", field=PERSON)])
    with engine.begin() as connection:
        put(connection, ACCOUNT, ic=ic_number(0))


@pytest.mark.parametrize(
    "command", [["list"], ["list", "--json"], ["show", "1"], ["show", "1", "--json"], ["list", "--text", f"{DASHED}/1"]]
)
def test_nothing_personal_is_shown(reader: Aktif, command: list[str]) -> None:
    said = reader("dead", *command)

    assert said.code == 0
    personal = (PERSON, IC, DASHED, "nurul.ain", ic_number(0), dashed(ic_number(0)))
    assert not [word for word in personal if word in said.out]
    assert "8507********/1" in said.out


def test_unmasked_the_number_of_the_account_is_shown_too(aktif: Aktif) -> None:
    masked = aktif("dead", "show", "1")
    clear = aktif("dead", "show", "1", "--unmask", "--why", f"HR asks about {DASHED}", "--as", "siti")

    assert "registered: 8501********" in masked.out
    assert f"aktif account {dashed(ic_number(0))}" in clear.out
    assert f"{PERSON}, {IC}" in clear.out
    (entry,) = aktif("audit", "--json").json
    assert entry["reason"] == "HR asks about 8507********"


def test_a_reason_is_kept_masked(aktif: Aktif, engine: Engine) -> None:
    assert aktif("dead", "discard", "1", "--why", f"HR asks about {DASHED}", "--as", "siti", "--yes").code == 0

    with engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT reason FROM closings").scalar_one()
    assert kept == "HR asks about 8507********"


@pytest.mark.parametrize("person", ["0a6f6f1e-5d0c-5f0a-8f5c-1c2d3e4f5a6b", "1"])
def test_letters_are_found_by_a_person_who_is_not_named(reader: Aktif, person: str) -> None:
    assert [one["letter_id"] for one in reader("dead", "list", "--person", person, "--json").json["letters"]] == [1]
    assert reader("dead", "plan", "--person", person, "--json").json["matching"] == 1
    assert reader("dead", "list", "--person", "99", "--json").json["letters"] == []


def test_what_names_nobody_is_wrong_usage(reader: Aktif) -> None:
    said = reader("dead", "list", "--person", DASHED)

    assert said.code == 2
    assert "an IC number goes with --ic" in said.err


def dashed(number: str) -> str:
    """As on the card."""
    return f"{number[:6]}-{number[6:8]}-{number[8:]}"
