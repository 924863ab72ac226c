"""What `aktif up --demo` does besides: a sample staff list, its mails in the catcher's folder, the link in one."""

import email
import email.policy
import json
import re
import time
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

from schemas.envelope import Outgoing
from schemas.events import Lane, Resend
from services.cli.asking import ask
from services.cli.publishing import publishing
from services.cli.staff_list import StaffList, Terms, read
from shared.clock import now

if TYPE_CHECKING:
    from shared.settings import Settings

SOURCE: Final = "/hr/demo"
"""The HR system that registers the sample."""
FIRST: Final = "850101030007"
"""The IC number of the first person of the sample, whom the hints name."""
_FIRST_EMAIL: Final = "pegawai.satu@example.gov.my"
_LINK: Final = re.compile(r"https?://\S+/account/activation\?token=[\w-]+", re.ASCII)
_RECIPIENT: Final = re.compile(rb"^X-Envelope-To: <([^>\r\n]+)>", re.MULTILINE)
_HEAD_BYTES: Final = 2048
_LINK_SECONDS: Final = 20.0


class Demo:
    """The sample, registered, with what is published besides; and what the catcher has of its mails by now."""

    def __init__(self, of: "Settings", maildir: Path, besides: Sequence[Outgoing] = ()) -> None:
        self._settings, self._maildir, self._besides = of, maildir, besides
        self._people = list(sample("sample_staff.csv").events())
        self._emails = set(map(_email, self._people))
        self._seen = set[str]()
        self._caught = set[str]()
        self._begun = time.time()
        self._complete_at: float | None = None
        self.link: str | None = None

    @property
    def total(self) -> int:
        """How many people the sample has."""
        return len(self._emails)

    @property
    def caught(self) -> int:
        """How many of them have a mail in the catcher's folder."""
        return len(self._caught)

    @property
    def is_complete(self) -> bool:
        """Whether everybody's mail was caught, and a link that can be used."""
        return self.caught == self.total and self.link is not None

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be waited for: complete, or without a link since the first person is active."""
        waited = time.time() - self._complete_at if self._complete_at else 0.0
        return self.is_complete or waited > _LINK_SECONDS

    def begin(self) -> None:
        """Register the sample. Where an earlier demo did, that is a repeat, so the first person is mailed once more."""
        self.look()
        was_done_before = _FIRST_EMAIL in self._caught
        with publishing(self._settings.broker_urls()) as broker:
            broker.publish([*self._people, *self._besides])
        if was_done_before:
            ask(self._settings, Resend(reason="resend", ic_number=FIRST), "/aktif/operator/demo")

    def look(self) -> None:
        """Read the mails that are new; every mail is read once."""
        for mail in self._new():
            recipient = _recipient(mail)
            if recipient in self._emails:
                self._caught.add(recipient)
            if recipient == _FIRST_EMAIL and mail.stat().st_mtime >= self._begun:
                self.link = link_in(mail) or self.link
        if self.caught == self.total and self._complete_at is None:
            self._complete_at = time.time()

    def _new(self) -> Iterator[Path]:
        for folder in ("new", "cur"):
            for mail in sorted((self._maildir / folder).glob("*")):
                name = mail.name.partition(":")[0]
                if name not in self._seen:
                    self._seen.add(name)
                    yield mail


def link_in(mail: Path) -> str | None:
    """The activation link of a caught mail."""
    message = email.message_from_bytes(mail.read_bytes(), policy=email.policy.default)
    body = message.get_body(preferencelist=("plain",))
    found = _LINK.search(body.get_content()) if body is not None else None
    return found[0] if found else None


def sample(file: str) -> StaffList:
    """A staff list of invented people. Its lane is live, for somebody watches."""
    return read(sample_text(file), Terms(SOURCE, now(), Lane.LIVE))


def sample_text(file: str) -> str:
    """A sample as it is kept beside us."""
    return resources.files("services.cli").joinpath(file).read_text(encoding="utf-8")


def _email(event: Outgoing) -> str:
    return str(json.loads(event.body)["data"]["email"])


def _recipient(mail: Path) -> str:
    with mail.open("rb") as file:
        found = _RECIPIENT.search(file.read(_HEAD_BYTES))
    return found[1].decode(errors="replace").lower() if found else ""
