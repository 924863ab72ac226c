"""`python -m services.mailer.check`: what `aktif check` has to know of relay and templates, as JSON lines."""

import email
import json
import ssl
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Final
from uuid import UUID

from schemas.events import MailKind
from services.mailer.connection import Connection, Lost
from services.mailer.relay import RelayAddress, RelayDown
from services.mailer.render import Mail, Renderer
from services.mailer.replies import Step
from shared.findings import Finding, Part, certificate, in_clear
from shared.settings import BadSettings, Settings, read_settings

_MAIL: Final = Part("mail")
_SECONDS: Final = 5
_SOMEBODY: Final = UUID(int=1)
_THEN: Final = datetime(2021, 1, 11, tzinfo=UTC)


def findings(settings: Settings) -> Iterator[Finding]:
    """Relay and templates. Each that cannot be looked at says why, and hides nothing of the other."""
    for what, look in (("relay", _relay), ("templates", _templates)):
        try:
            yield from look(settings)
        except BadSettings:
            pass  # what is not set is said of the settings
        except Exception as error:
            yield _MAIL.failed(what, f"{type(error).__name__}: {error}", "this is a fault of ours; please report it")


def _relay(settings: Settings) -> Iterator[Finding]:
    relay = RelayAddress.parse(settings.require("smtp_url"))
    sender = parseaddr(settings.mail_from)[1]
    try:
        connection = Connection(relay, timeout=_SECONDS, tls=ssl.create_default_context())
    except RelayDown as error:
        found, _, do = str(error).removeprefix(f"{relay!r}: ").partition("; ")
        yield _MAIL.failed("relay", f"{relay!r}: {found}", do or _advice(error.attempt.step))
        return
    try:
        peer, reply = connection.peer, connection.ask(sender, [])
    except Lost as error:
        yield _MAIL.failed("relay", f"{relay!r}: {error}", "look at the relay's log at this time")
        return
    finally:
        connection.quit()
    login = f"logged in as {relay.user}" if relay.user else "without a login"
    if reply.code // 100 == 2:
        yield _MAIL.ok("relay", f"{relay!r}, {login}, takes mail from {sender}")
    else:
        do = "set AKTIF_MAIL_FROM to a sender that the relay takes from this login, or have it allowed there"
        yield _MAIL.failed("relay", f"{relay!r}, {login}, refuses {sender}: {reply.without('')}", do)
    if peer is not None:
        yield certificate(_MAIL, "TLS", peer)
    else:
        yield from in_clear(_MAIL, relay.host, "use smtp+starttls:// or smtps:// in AKTIF_SMTP_URL")


def _advice(step: Step) -> str:
    if step is Step.LOGIN:
        return "correct user and password in AKTIF_SMTP_URL"
    return "see that it runs and lets this machine in, and that AKTIF_SMTP_URL names it"


def _templates(settings: Settings) -> Iterator[Finding]:
    renderer = Renderer(settings)
    for kind in MailKind:
        rendered = renderer.render(Mail(_SOMEBODY, kind, "a@example.com", "PEGAWAI CONTOH", _THEN, _SOMEBODY, _THEN))
        message = email.message_from_bytes(rendered, policy=policy.default)
        if not _is_whole(message, renderer.link(kind, _SOMEBODY)):
            do = "mend the templates in services/mailer/templates: both parts carry the link, and there is a subject"
            yield _MAIL.failed("templates", f"the mail `{kind}` is not whole", do)
            return
    yield _MAIL.ok("templates", f"{len(MailKind)} kinds render, from {settings.mail_from}")


def _is_whole(message: EmailMessage, link: str) -> bool:
    parts = [message.get_body((kind,)) for kind in ("plain", "html")]
    return bool(message["Subject"]) and all(part is not None and link in part.get_content() for part in parts)


def main() -> None:
    """Print the findings."""
    settings, _ = read_settings()
    for finding in findings(settings):
        sys.stdout.write(json.dumps(finding.as_json()) + "\n")


if __name__ == "__main__":
    main()
