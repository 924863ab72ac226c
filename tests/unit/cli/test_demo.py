"""The demo: its sample staff list, and the link in a caught mail."""

from email.message import EmailMessage
from pathlib import Path

import pytest

from services.cli.demo import FIRST, Demo, link_in, sample
from shared.settings import Settings

LINK = "http://localhost:8080/account/activation?token=" + "aB-_" * 16


def _put(maildir: Path, name: str, recipient: str, text: str = "no link") -> Path:
    message = EmailMessage()
    message["Subject"] = "Pendaftaran Akaun iSPEKS"
    message.set_content(text)
    message.add_alternative(f"<a href='{LINK}x'>Pengaktifan Akaun</a>", subtype="html")
    path = maildir / "new" / name
    path.write_bytes(f"Return-Path: <a@b>\r\nX-Envelope-To: <{recipient}>\r\n".encode() + message.as_bytes())
    return path


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    """An empty Maildir."""
    for name in ("new", "cur"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_the_sample_is_valid_and_plainly_invented() -> None:
    found = sample("sample_staff.csv")

    assert found.faults == []
    events = list(found.events())
    assert len(events) == 20
    assert FIRST.encode() in events[0].body
    assert all(b"CONTOH" in event.body and b"@example.gov.my" in event.body for event in events)


def test_the_link_of_a_mail_is_found_in_its_text(maildir: Path) -> None:
    assert link_in(_put(maildir, "1", "a@b", f"Sila klik\n\n{LINK}\n\nTerima kasih")) == LINK
    assert link_in(_put(maildir, "2", "a@b")) is None


def test_mails_are_counted_by_person_and_strangers_not_at_all(maildir: Path) -> None:
    demo = Demo(Settings(), maildir)
    _put(maildir, "1", "pegawai.dua@example.gov.my")
    _put(maildir, "2", "pegawai.dua@example.gov.my")
    _put(maildir, "3", "stranger@example.gov.my")
    _put(maildir, "4", "pegawai.satu@example.gov.my", LINK)

    demo.look()
    demo.look()

    assert demo.total == 20
    assert demo.caught == 2
    assert demo.link == LINK
    assert not demo.is_over
