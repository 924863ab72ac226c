"""The mails, read back with the standard library's parser."""

import email
import re
from dataclasses import replace
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from html.parser import HTMLParser
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import SecretStr, TypeAdapter, ValidationError

from schemas.events import MailKind
from schemas.fields import PersonName
from services.mailer.render import Mail, Renderer, moment
from shared.links import Purpose, parse
from shared.settings import Settings

KEY = "k" * 32
LINK = UUID("0b7c1f2e-6b0a-5c1e-9a57-0f5d6f1a3c21")
MAIL = Mail(
    mail_id=UUID("6f0c1f2e-6b0a-5c1e-9a57-0f5d6f1a3c21"),
    kind=MailKind.ACTIVATION,
    address="pegawai.contoh@example.gov.my",
    name="PEGAWAI CONTOH",
    moment=datetime(2020, 7, 13, 2, 45, 50, tzinfo=UTC),
    link_id=LINK,
    requested_at=datetime(2021, 1, 11, 0, 0, 0, tzinfo=UTC),
)
WITH_LINK = [MailKind.ACTIVATION, MailKind.RECOVERY]


def settings(**changes: object) -> Settings:
    return Settings(link_keys=SecretStr(KEY), portal_url="https://portal.example.gov.my", **changes)  # type: ignore[arg-type]


RENDERER = Renderer(settings())


def read(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=policy.SMTP)
    assert isinstance(message, EmailMessage)
    assert message.defects == []
    return message


def parts(message: EmailMessage) -> tuple[str, str]:
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.defects == html.defects == []
    return text.get_content(), html.get_content()


class _Page(HTMLParser):
    """Text outside `<style>` and `<title>`, and what elements point to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.links, self.tags, self.languages = "", [], [], []  # type: ignore[var-annotated]
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._open.append(tag)
        self.links += [value for name, value in attrs if name in {"href", "src", "background"}]
        self.languages += [value for name, value in attrs if name == "lang"]

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "style" not in self._open and "title" not in self._open:
            self.text += data


@pytest.mark.parametrize("kind", WITH_LINK)
def test_text_and_html_carry_the_same_genuine_link_and_minutes(kind: MailKind) -> None:
    text, html = parts(read(Renderer(settings(link_minutes=45)).render(replace(MAIL, kind=kind))))
    page = _Page(html)
    links = re.findall(r"https://\S+token=\S+", text)

    assert len(links) == 1
    assert {link for link in page.links if "token=" in link} == set(links)
    assert links[0] in page.text
    assert parse(links[0].partition("token=")[2], Purpose(kind), [KEY.encode()]) == LINK
    assert "dalam tempoh 45 minit sahaja" in text
    assert "dalam tempoh 45 minit sahaja" in page.text


def test_where_the_links_lead() -> None:
    assert RENDERER.link(MailKind.ACTIVATION, LINK).startswith(
        "https://portal.example.gov.my/account/activation?token="
    )
    assert RENDERER.link(MailKind.RECOVERY, LINK).startswith(
        "https://portal.example.gov.my/account/recovery/link?token="
    )
    assert RENDERER.link(MailKind.ACTIVATED, None) == "https://portal.example.gov.my/"
    with pytest.raises(ValueError, match="needs a link"):
        RENDERER.link(MailKind.ACTIVATION, None)


def test_the_activation_mail_says_what_the_guide_shows() -> None:
    message = read(RENDERER.render(MAIL))
    text, html = parts(message)
    page = " ".join(_Page(html).text.split())

    assert message["Subject"] == "Pendaftaran Akaun iSPEKS"
    for body in (" ".join(text.split()), page):
        assert "Notifikasi iSPEKS" in body
        assert "Pendaftaran akaun iSPEKS anda telah berjaya pada 13 Julai 2020 10:45:50 AM." in body
        assert "untuk mengaktifkan akaun anda" in body
        assert "Pengaktifan Akaun" in body
        assert "Sila ambil maklum bahawa pautan ini sah dalam tempoh 30 minit sahaja." in body
    assert "Sekiranya butang di atas tidak berfungsi, sila klik pada pautan di bawah." in page


@pytest.mark.parametrize("kind", MailKind)
def test_malay_stands_before_english(kind: MailKind) -> None:
    message = read(RENDERER.render(replace(MAIL, kind=kind)))
    text, html = parts(message)

    for body in (text, _Page(html).text):
        assert 0 < body.index("Tuan/Puan") < body.index("Dear PEGAWAI CONTOH")
        assert body.index("13 Julai 2020") < body.index("13 July 2020") if kind is not MailKind.RECOVERY else True
    assert _Page(html).languages[0] == "ms"
    assert "en" in _Page(html).languages
    assert message["Content-Language"] == "ms, en"


@pytest.mark.parametrize("kind", MailKind)
def test_nothing_remote_is_loaded_and_nothing_is_large(kind: MailKind) -> None:
    raw = RENDERER.render(replace(MAIL, kind=kind))
    page = _Page(parts(read(raw))[1])

    assert not {"img", "script", "link", "iframe", "form"} & set(page.tags)
    assert "url(" not in raw.decode()
    assert len(raw) < 20_000


@pytest.mark.parametrize("kind", MailKind)
def test_each_kind_says_what_to_do_if_it_was_not_you(kind: MailKind) -> None:
    text, _ = parts(read(RENDERER.render(replace(MAIL, kind=kind))))

    assert "abaikan" in text if kind in WITH_LINK else "account/recovery" in text


@pytest.mark.parametrize("kind", MailKind)
def test_the_headers(kind: MailKind) -> None:
    message = read(RENDERER.render(replace(MAIL, kind=kind)))

    assert message["From"] == "iSPEKS <no-reply@ispeks.localhost>"
    assert message["To"] == MAIL.address
    assert message["Date"].datetime == MAIL.requested_at
    assert message["Message-ID"] == f"<{MAIL.mail_id}@ispeks.localhost>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message.get_content_type() == "multipart/alternative"
    assert len(message.keys()) == len({name.lower() for name in message})


def test_a_mail_is_the_same_each_time() -> None:
    assert RENDERER.render(MAIL) == RENDERER.render(MAIL)


@pytest.mark.parametrize("kind", MailKind)
def test_the_frame_equals_what_the_standard_library_would_build(kind: MailKind) -> None:
    ours = read(RENDERER.render(replace(MAIL, kind=kind)))
    text, html = parts(ours)
    theirs = EmailMessage(policy=policy.SMTP)
    for name, value in ours.items():
        if not name.lower().startswith(("content-type", "mime-version")):
            theirs[name] = value
    theirs.set_content(text, cte="quoted-printable")
    theirs.add_alternative(html, subtype="html", cte="quoted-printable")
    again = read(theirs.as_bytes())

    assert parts(again) == (text, html)
    assert [p.get_content_type() for p in again.walk()] == [p.get_content_type() for p in ours.walk()]
    assert [p.get_content_charset() for p in again.walk()] == [p.get_content_charset() for p in ours.walk()]


@pytest.mark.parametrize(
    "name", ["NUR ‘AISYAH ÇELİK", "陈大文", "A/L மாறன்", "x" * 200, "𝒜" * 200, ".", "....", "%s %(to)b"]
)
def test_any_name_is_read_as_it_was_written(name: str) -> None:
    text, html = parts(read(RENDERER.render(replace(MAIL, name=name))))

    assert f"Tuan/Puan {name}," in text
    assert f"Tuan/Puan {name}," in _Page(html).text


def test_html_in_a_name_is_text() -> None:
    name = "<script>alert(\"x\")</script> & Anak 'B'"
    text, html = parts(read(RENDERER.render(replace(MAIL, name=name))))

    assert name in text
    assert name in _Page(html).text
    assert "script" not in _Page(html).tags


def _is_name(text: str) -> bool:
    try:
        TypeAdapter(PersonName).validate_python(text)
    except ValidationError:
        return False
    return True


@given(name=st.text(min_size=1, max_size=200).filter(_is_name))
@example(name="\ue000name\ue001")
@example(name="a" * 75 + " ")
@example(name=" .b" * 60)
def test_whatever_the_name_the_message_is_well_formed(name: str) -> None:
    raw = RENDERER.render(replace(MAIL, name=name))
    text, html = parts(read(raw))

    assert f"Tuan/Puan {name}," in text
    assert f"Tuan/Puan {name}," in _Page(html).text
    assert raw.isascii()
    assert all(len(line) <= 76 for line in raw.partition(b"\r\n\r\n")[2].split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    "system", ['iSPEKS & Rakan "A"', "Sistem Perakaunan Kerajaan Negeri – Contoh Äöü 100%", "X" * 60]
)
def test_any_system_name_is_encoded_in_the_headers_and_escaped_in_the_pages(system: str) -> None:
    message = read(Renderer(settings(system_name=system)).render(MAIL))
    text, html = parts(message)

    assert message["Subject"] == f"Pendaftaran Akaun {system}"
    assert f"Notifikasi {system}" in text
    assert f"Notifikasi {system}" in _Page(html).text


def test_a_sender_with_any_display_name() -> None:
    message = read(Renderer(settings(mail_from='"Unit Sistem, Négeri" <no-reply@example.gov.my>')).render(MAIL))

    assert message["From"].addresses[0].display_name == "Unit Sistem, Négeri"
    assert message["From"].addresses[0].addr_spec == "no-reply@example.gov.my"
    assert message["Message-ID"].endswith("@example.gov.my>")


@pytest.mark.parametrize(
    ("at", "malay", "english"),
    [
        (datetime(2020, 7, 13, 2, 45, 50, tzinfo=UTC), "13 Julai 2020 10:45:50 AM", "13 July 2020 10:45:50 AM"),
        (datetime(2020, 2, 29, 16, 0, 0, tzinfo=UTC), "1 Mac 2020 12:00:00 AM", "1 March 2020 12:00:00 AM"),
        (datetime(2021, 8, 31, 4, 5, 6, tzinfo=UTC), "31 Ogos 2021 12:05:06 PM", "31 August 2021 12:05:06 PM"),
        (datetime(2021, 12, 1, 5, 0, 9, tzinfo=UTC), "1 Disember 2021 01:00:09 PM", "1 December 2021 01:00:09 PM"),
    ],
)
def test_times_as_the_guide_prints_them(at: datetime, malay: str, english: str) -> None:
    assert moment(at, "ms") == malay
    assert moment(at, "en") == english
