"""What the address of a page may hold."""

import pytest

from services.console.addresses import is_personal


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ic", "850101030007"),
        ("text", "850101-03-0007"),
        ("text", "hr/850101030007/2"),
        ("subject", "pegawai@example.gov.my"),
        ("back", "status=open&text=850101-03-0007"),
        ("next", "/letters?text=850101030007"),
        ("next", "/letters?back=text%3D850101030007"),
        ("next", "/accounts/850101030007"),
    ],
)
def test_what_is_personal_may_not_stand_in_an_address(name: str, value: str) -> None:
    assert is_personal([("status", "open"), (name, value)])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text", "6f0c"),
        ("person", "12345678-1234-4234-8234-123456789012"),
        ("person", "17"),
        ("fingerprint", "a850101030007bcd"),
        ("back", "status=open&fingerprint=a850101030007bcd"),
        ("next", "/accounts/12345678-1234-4234-8234-123456789012"),
        ("after", "2026-01-05T08:00:00.123456+00:00/17"),
        ("who", "siti"),
    ],
)
def test_what_is_nobodys_may(name: str, value: str) -> None:
    assert not is_personal([(name, value)])
