"""Pages from templates: what they may say, and how times, numbers and people are written on them."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from shared import wording
from shared.clock import now
from shared.logs import mask_email, mask_ic, unpersonal
from shared.settings import Settings
from shared.web.assets import Assets
from shared.web.cookies import Cookies
from shared.web.templates import environment

_SEE_OTHER: Final = 303


class Pages:
    """Renders pages and serves what they need; one for each process."""

    def __init__(self, settings: Settings) -> None:
        self._assets = Assets("services.console")
        self._templates = environment("services.console")
        self._templates.globals.update(system=settings.system_name, asset=self._assets.path)
        self._templates.filters.update(
            at=wording.at, ago=_ago, age=wording.age, number="{:,}".format, count=wording.count, event=event_name,
            ic=_ic, email=_email, name=_name, unpersonal=unpersonal, pretty=_pretty, query=query, rate=_rate,
            query_with=_query_with, ticked=_ticked, seconds=_seconds, words=lambda word: str(word).replace("_", " "),
        )  # fmt: skip

    def page(self, template: str, code: int = 200, **context: Any) -> HTMLResponse:
        """A page. What every page may show need not be given: `faults`, `person`."""
        always: dict[str, Any] = {"faults": {}, "person": None, "csrf": "", "now": now(), "here": ""}
        given = {**always, "news": None, "lost": None, **context}
        return HTMLResponse(self._templates.get_template(f"{template}.html.j2").render(given), code)

    def static(self, request: Request) -> Response:
        """A static file."""
        return self._assets.answer(request.path_params["version"], request.path_params["name"])


def cookies_of(request: Request) -> Cookies:
    """How cookies are set towards this browser: the console may be reached by https or through a tunnel."""
    return Cookies(request.url.scheme == "https")


def to(path: str, **parameters: object) -> Response:
    """Lead on to a page of ours, so that a reload repeats nothing."""
    return RedirectResponse(f"{path}{query(parameters)}", _SEE_OTHER)


def query(parameters: Mapping[str, object] | Sequence[tuple[str, object]]) -> str:
    """`?a=1&b=2`, or nothing; what is None or empty is left out."""
    pairs = parameters.items() if isinstance(parameters, Mapping) else parameters
    kept = [(name, value) for name, value in pairs if value not in (None, "")]
    return f"?{urlencode(kept)}" if kept else ""


def _query_with(fields: list[tuple[str, object]], back: str) -> str:
    return query([*fields, ("back", back)])


def _ticked(words: str) -> Markup:
    """Words for a terminal, with what stands between backticks as code."""
    code = Markup("<code>{}</code>").format
    return Markup("").join(code(part) if index % 2 else part for index, part in enumerate(words.split("`")))


def _seconds(span: float) -> str:
    return wording.age(timedelta(seconds=span))


def event_name(type_: str | None) -> str:
    """`aktif.MailRequested.v1` → `MailRequested`."""
    return type_.removeprefix("aktif.").removesuffix(".v1") if type_ else "unreadable"


def _ic(ic_number: str | None, clear: bool = False) -> str:
    if not ic_number:
        return "–"
    return wording.dashed(ic_number) if clear else mask_ic(ic_number)


def _email(email: str | None, clear: bool = False) -> str:
    return (email if clear else mask_email(email)) if email else "–"


def _name(name: str | None, clear: bool = False) -> str:
    return (name if clear else f"{name[:1]}***") if name else "–"


def _ago(moment: datetime | None) -> str:
    return f"{wording.age(now() - moment)} ago" if moment else "–"


def _pretty(data: Any) -> str:
    return data if isinstance(data, str) else json.dumps(data, indent=2, ensure_ascii=False, default=str)


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 or not rate else f"{rate:.1f}"
