"""A mail for an IC number: the activation mail again (steps 2 to 5 of the guide), or that of *Lupa Kata Laluan*.

Every well-formed IC number is answered with the same words and the same work, known or not: the account is never looked
up here. What is malformed is told at once, which says nothing about anybody.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from schemas.events import EventData, Recovery, Resend
from schemas.fields import ic_number_from_input
from services.portal import limits
from services.portal.limits import Limit
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
    of_account: Limit
    from_address: Limit

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
        wait = (await visit.count(self.of_account, self.from_address, ic_number)).wait
        if wait is not None:
            minutes = ceil(wait.total_seconds() / 60)
            values = {"minutes": minutes}
            problem = "problem.too_often"
            return visit.page(self.template, 429, ic_number=typed, problem=problem, problem_values=values)
        await visit.desk.publish(self.event(ic_number), clock.now())
        return visit.pages.to(f"{self.path}/sent")

    async def sent(self, request: Request) -> Response:
        """That the mail is on its way, if there is an account for it; the same for everybody."""
        return Visit.of(request).page(f"{self.template}_sent")


RESEND: Final = Ask(
    "/account/resend",
    "resend",
    lambda ic_number: Resend(reason="resend", ic_number=ic_number),
    limits.RESEND_OF_ACCOUNT,
    limits.RESEND_FROM_ADDRESS,
)
RECOVERY: Final = Ask(
    "/account/recovery",
    "recover",
    lambda ic_number: Recovery(reason="recovery", ic_number=ic_number),
    limits.RECOVERY_OF_ACCOUNT,
    limits.RECOVERY_FROM_ADDRESS,
)
