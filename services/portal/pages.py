"""Pages from templates, in the language of their reader."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.portal.browser import keep_language, language_cookie
from services.portal.words import LANGUAGES, say
from shared.clock import MALAYSIA
from shared.settings import Settings
from shared.web.assets import Assets
from shared.web.cookies import Cookies
from shared.web.templates import environment

_SEE_OTHER: Final = 303
LANGUAGE_SWITCH: Final = "lang"
"""The query by which a page is asked for in a language; answered with the page's own address and a cookie."""


class Pages:
    """Renders pages and serves what they need; one for each process."""

    def __init__(self, settings: Settings) -> None:
        self.cookies = Cookies.of(settings.portal_url)
        self.path = urlsplit(settings.portal_url).path
        self._assets = Assets("services.portal")
        self._templates = environment("services.portal")
        self._templates.globals.update(
            system=settings.system_name, minutes=settings.link_minutes, url=self.url, asset=self.asset
        )

    def page(self, request: Request, name: str, code: int = 200, **context: Any) -> HTMLResponse:
        """A page in the reader's language. What every page may show need not be given: `problem`, `csrf`."""
        language = self.language(request)
        html = self._templates.get_template(f"{name}.html.j2").render(
            {
                "problem": None,
                "problem_values": {},
                "csrf": "",
                "language": language,
                "say": _speaking(language),
                "other_language_url": f"?{LANGUAGE_SWITCH}={_other(language)}",
                **context,
            }
        )
        return HTMLResponse(html, code)

    def url(self, path: str) -> str:
        """A path of ours below AKTIF_PORTAL_URL's own."""
        return f"{self.path}{path}"

    def to(self, path: str) -> Response:
        """Lead on to a page of ours, so that a reload repeats nothing."""
        return RedirectResponse(self.url(path), _SEE_OTHER)

    def asset(self, name: str) -> str:
        """Where a static file is; the address changes with the content of any."""
        return self.url(self._assets.path(name))

    async def static(self, request: Request) -> Response:
        """A static file. Raises HTTPException 404."""
        return self._assets.answer(request.path_params["version"], request.path_params["name"])

    def language(self, request: Request) -> str:
        """The language that the reader chose, else the first that the browser asks for and we have, else Malay."""
        chosen = getattr(request.state, "language", "") or language_cookie(request, self.cookies)
        if chosen in LANGUAGES:
            return chosen
        return _asked_for(request.headers.get("accept-language", ""))

    def speak(self, request: Request, language: str) -> None:
        """Answer this request in another language than it asks for."""
        request.state.language = language

    def switch_language(self, request: Request, language: str) -> Response:
        """The same page, from now on in another language."""
        response = RedirectResponse(request.url.path, _SEE_OTHER)
        if language in LANGUAGES:
            keep_language(response, self.cookies, language)
        return response


def moment(at: datetime) -> str:
    """A time as the guide's pages print it: `13/07/2020 10:45:50 AM`, in Malaysia's time."""
    local = at.astimezone(MALAYSIA)
    hour, half = (local.hour - 1) % 12 + 1, "AM" if local.hour < 12 else "PM"
    return f"{local:%d/%m/%Y} {hour:02}:{local:%M:%S} {half}"


def _speaking(language: str) -> Any:
    def speak(key: str, **values: object) -> Markup:
        return say(language, key, **values)

    return speak


def _other(language: str) -> str:
    return next(code for code in LANGUAGES if code != language)


def _asked_for(accepted: str) -> str:
    """The best of a header of RFC 9110 §12.5.4, as far as it need be read: order by weight, first part of the tag."""
    wishes: Mapping[str, float] = {
        tag.partition("-")[0].strip().lower(): _weight(rest)
        for tag, _, rest in reversed([part.partition(";") for part in accepted[:200].split(",")])
    }
    known = [(weight, -LANGUAGES.index(tag), tag) for tag, weight in wishes.items() if tag in LANGUAGES and weight > 0]
    return max(known)[2] if known else LANGUAGES[0]


def _weight(parameter: str) -> float:
    try:
        return float(parameter.strip().removeprefix("q=") or 1)
    except ValueError:
        return 0.0
