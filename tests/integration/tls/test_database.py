"""PostgreSQL over TLS (`sslmode=verify-full`): verified by authority and name, or not spoken to at all."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from services.cli.failures import explain
from shared.store.engine import is_down, migrate, open_engine, why_down
from tests.integration.tls.conftest import Certificates, Fault, at, port_of
from tests.support.door import Door

Doors = Callable[..., Door]
SAYS = {
    "stranger": "the server's certificate has expired, or no authority in sslrootcert has signed it; `aktif check`",
    "expired": "the server's certificate has expired, or no authority in sslrootcert has signed it; `aktif check`",
    "elsewhere": "the server's certificate is for another name",
}


def engine_of(database: str, door: Door, authorities: object) -> Engine:
    """An engine that connects through the door."""
    url = f"{at(database, door.port)}?sslmode=verify-full&sslrootcert={authorities}"
    return open_engine(url, application="test")


def test_a_verified_database_is_worked_with(database: str, certificates: Certificates, door: Doors) -> None:
    shown = door(port_of(database), certificates.good, asks=True)
    engine = engine_of(database, shown, certificates.ours)

    migrate(engine.url.render_as_string(hide_password=False))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM accounts")).scalar() == 0

    engine.dispose()
    assert b"accounts" in shown.received


def test_an_unverified_database_is_told_nothing_and_is_down(
    database: str, certificates: Certificates, fault: Fault, door: Doors
) -> None:
    shown = door(port_of(database), fault.certificate(certificates), asks=True)
    engine = engine_of(database, shown, fault.trusted(certificates))

    with pytest.raises(OperationalError) as refused:
        engine.connect()

    assert is_down(refused.value)
    assert SAYS[fault.name] in why_down(refused.value)
    assert SAYS[fault.name] in explain(refused.value)
    assert "\n" not in explain(refused.value)
    assert shown.received == b""


def test_a_database_without_tls_is_not_spoken_to_in_clear(database: str, certificates: Certificates) -> None:
    url = f"{at(database, port_of(database))}?sslmode=verify-full&sslrootcert={certificates.ours}"

    with pytest.raises(OperationalError) as refused:
        open_engine(url, application="test").connect()

    assert "the server offers no TLS, and is not spoken to in clear" in explain(refused.value)


def test_an_authority_file_that_is_not_there_is_said(database: str, certificates: Certificates, door: Doors) -> None:
    shown = door(port_of(database), certificates.good, asks=True)

    with pytest.raises(OperationalError) as refused:
        engine_of(database, shown, certificates.ours.with_name("none.pem")).connect()

    assert "sslrootcert in AKTIF_DATABASE_URL names a file that is not there" in explain(refused.value)
