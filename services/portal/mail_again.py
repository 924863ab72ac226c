"""A mail for an IC number: the activation mail again (steps 2 to 5 of the guide), or that of *Lupa Kata Laluan*.

Every well-formed IC number is answered with the same words and the same work, known or not: the account is never looked
up here. What is malformed is told at once, which says nothing about anybody.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from schemas.events import EventData, Recovery, Resend
from schemas.fields import ic_number_from_input
from services.portal.desk import Desk
from services.portal.limits import Bounds
from services.portal.visit import Visit
from shared import clock
from shared.web.forms import text

_MAX_TYPED: Final = 40


@dataclass(frozen=True, slots=True)
class Ask:
    """One kind of mail that can be asked for."""

    path: str
    template: str
    event: Callable[[str], EventData]
    limits: Callable[[Desk], Bounds]

    async def show(self, request: Request) -> Response:
        """The form."""
        return Visit.of(request).page(self.template, ic_number="")

    async def submit(self, request: Request) -> Response:
        """Ask state for the mail; it decides whether there is one."""
        visit = Visit.of(request)
        form = await visit.form()
        typed = text(form, "ic_number")[:_MAX_TYPED]
        try:
            ic_number = ic_number_from_input(typed.strip())
        except ValueError:
            return visit.page(self.template, 422, ic_number=typed, problem="problem.ic_number")
        if (wait := await visit.count(self.limits(visit.desk), ic_number)) is not None:
            return visit.too_often(self.template, wait, typed)
        await visit.desk.publish(self.event(ic_number), clock.now())
        return visit.pages.to(f"{self.path}/sent")

    async def sent(self, request: Request) -> Response:
        """That the mail is on its way, if there is an account for it; the same for everybody."""
        return Visit.of(request).page(f"{self.template}_sent")


RESEND: Final = Ask(
    "/account/resend",
    "resend",
    lambda ic_number: Resend(reason="resend", ic_number=ic_number),
    lambda desk: desk.resends,
)
RECOVERY: Final = Ask(
    "/account/recovery",
    "recover",
    lambda ic_number: Recovery(reason="recovery", ic_number=ic_number),
    lambda desk: desk.recoveries,
)
