"""The person: reads the mail, follows the link, and takes the guide's steps by publishing their events by hand."""

import email
import email.policy
import re
import secrets
import uuid
from dataclasses import dataclass, field
from email.message import EmailMessage
from uuid import UUID

from schemas.envelope import encode
from schemas.events import (
    Answer,
    EventData,
    Exchange,
    Lane,
    PasswordSet,
    QuestionsAnswered,
    QuestionsSet,
    Recovery,
    TokenRedeemed,
    routing_key,
)
from shared import clock, credentials, links
from shared.broker.publisher import Message
from shared.links import Purpose
from tests.support.registrations import publish
from tests.support.waiting import eventually
from tests.support.world import KEYS, World

_LINK = re.compile(r"https?://\S+\?token=(\S+)")
_KEYS = [KEYS["AKTIF_LINK_KEYS"].encode()]
_PEPPERS = [KEYS["AKTIF_PEPPER_KEYS"].encode()]


@dataclass
class Person:
    """Someone with a mailbox and a browser."""

    world: World
    address: str
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def browser(self) -> str:
        """What an event may say of the session that this browser holds."""
        return credentials.session_digest(self.secret)

    def mails(self) -> list[EmailMessage]:
        """The mails in this person's mailbox, oldest first."""
        files = sorted((self.world.catcher.maildir / "new").iterdir())
        # Parsed only when it is this person's: parsing all of them at every look took most of a test's time.
        ours = [raw for raw in (file.read_bytes() for file in files) if f"<{self.address}>".encode() in raw]
        parsed = [email.message_from_bytes(raw, policy=email.policy.default) for raw in ours]
        return [mail for mail in parsed if mail["To"] == self.address]

    def waits_for_mail(self, number: int = 1) -> EmailMessage:
        """The n-th mail, once it is there."""
        eventually(f"mail {number} for {self.address}", lambda: len(self.mails()) >= number)
        return self.mails()[number - 1]

    def link_in(self, mail: EmailMessage, purpose: Purpose = Purpose.ACTIVATION) -> UUID:
        """The id of the link in a mail, which both parts must carry."""
        found = [_LINK.findall(part.get_content()) for part in mail.walk() if part.get_content_maintype() == "text"]
        tokens = {token.strip('"<>') for part in found for token in part[:1]}
        assert len(found) == 2
        assert len(tokens) == 1
        link_id = links.parse(tokens.pop(), purpose, _KEYS)
        assert link_id is not None
        return link_id

    def redeems(self, link_id: UUID) -> None:
        """The first POST through the link."""
        self.does(TokenRedeemed(link_id=link_id, session_digest=self.browser, redeemed_at=clock.now()))

    def sets_questions(self, link_id: UUID, **answers: str) -> None:
        """Picks three questions."""
        first, second, third = (
            Answer(question=code, digest=credentials.answer_digest(answer, _PEPPERS))
            for code, answer in answers.items()
        )
        self.does(QuestionsSet(link_id=link_id, session_digest=self.browser, answers=(first, second, third)))

    def answers_questions(self, link_id: UUID) -> None:
        """Has answered all three right."""
        self.does(QuestionsAnswered(link_id=link_id, session_digest=self.browser))

    def sets_password(self, link_id: UUID, password: str) -> None:
        """Chooses a password."""
        digest = credentials.password_digest(password)
        self.does(PasswordSet(link_id=link_id, session_digest=self.browser, password_digest=digest))

    def forgot(self, ic_number: str) -> None:
        """Asks for a recovery mail."""
        self.does(Recovery(reason="recovery", ic_number=ic_number))

    def does(self, data: EventData) -> None:
        """Publishes what the portal would."""
        body = encode(data, id=str(uuid.uuid4()), source="/portal", time=clock.now())
        publish(self.world.amqp_url, [Message(Exchange.PORTAL, routing_key(Lane.LIVE, data), body)])
