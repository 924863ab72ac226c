"""A browser without a screen: keeps cookies, follows redirects, reads the forms of pages and posts them filled in."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from html.parser import HTMLParser
from threading import Barrier
from typing import Any, TypeVar

import httpx

Result = TypeVar("Result")

_SECONDS = 60
_KEPT_OPEN = 2  # less than the portal's five: a browser would ask again where a connection ends under its hands


@dataclass
class Form:
    """A form as it stands on a page: where it goes, and what it carries before anybody types."""

    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)

    @property
    def csrf(self) -> str:
        """What proves that the form is the portal's."""
        return dict(self.fields)["csrf"]

    def filled(self, action: str | None, typed: Mapping[str, str | Sequence[str]]) -> dict[str, str | Sequence[str]]:
        """What a browser sends: what was typed takes the place of what stood there, and the button that was pressed."""
        sent: dict[str, list[str]] = {}
        for name, value in self.fields:
            sent.setdefault(name, []).append(value)
        return {**sent, **typed, **({"action": action} if action else {})}


class _Reader(HTMLParser):
    """Collects the forms, the heading and what links lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.forms = list[Form]()
        self.heading, self.links = "", list[str]()
        self._in_heading, self._in_form, self._select = False, False, ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.forms.append(Form(given.get("action", "")))
            self._in_form = True
        elif tag == "h1":
            self._in_heading = True
        elif tag == "a":
            self.links.append(given.get("href", ""))
        elif tag == "select":
            self._select = given["name"]
        elif self._in_form and tag == "input" and given.get("name"):
            self.forms[-1].fields.append((given["name"], given.get("value", "")))
        elif self._in_form and tag == "option" and "selected" in given:
            self.forms[-1].fields.append((self._select, given["value"]))

    def handle_endtag(self, tag: str) -> None:
        self._in_heading = self._in_heading and tag != "h1"
        self._in_form = self._in_form and tag != "form"

    def handle_data(self, data: str) -> None:
        self.heading += data if self._in_heading else ""


@dataclass(frozen=True)
class Page:
    """What a browser shows after a request and its redirects."""

    answer: httpx.Response
    _read: _Reader = field(repr=False)

    @classmethod
    def of(cls, answer: httpx.Response) -> "Page":
        """The page of an answer."""
        reader = _Reader()
        reader.feed(answer.text)
        return cls(answer, reader)

    @property
    def status(self) -> int:
        """The status of the answer that it came with."""
        return self.answer.status_code

    @property
    def path(self) -> str:
        """Where it is."""
        return self.answer.url.path

    @property
    def html(self) -> str:
        """As it was sent."""
        return self.answer.text

    @property
    def heading(self) -> str:
        """Its first-order heading."""
        return self._read.heading.strip()

    @property
    def links(self) -> list[str]:
        """Where its links lead."""
        return self._read.links

    @property
    def form(self) -> Form:
        """Its only form."""
        (form,) = self._read.forms
        return form

    @property
    def has_form(self) -> bool:
        """Whether there is something to fill in."""
        return bool(self._read.forms)


class Visitor:
    """A person's browser. May be used from several threads, as a browser's windows are."""

    def __init__(self, url: str, *, address: str | None = None, language: str = "en") -> None:
        headers = {"Accept-Language": language} | ({"X-Forwarded-For": address} if address else {})
        self.http = httpx.Client(
            base_url=url,
            headers=headers,
            timeout=_SECONDS,
            limits=httpx.Limits(keepalive_expiry=_KEPT_OPEN),
            trust_env=False,
            verify=False,
            follow_redirects=True,
        )

    def close(self) -> None:
        """Closes the browser."""
        self.http.close()

    def goes_to(self, path: str) -> Page:
        """Types an address, or follows a link."""
        return Page.of(self.http.get(path))

    def submits(self, page: Page, action: str | None = None, **typed: str | Sequence[str]) -> Page:
        """Fills in the form of a page and presses a button."""
        return Page.of(self.http.post(page.form.action, data=page.form.filled(action, typed)))

    def posts(self, path: str, **options: Any) -> Page:
        """Posts something that no form of ours would, and follows no redirect."""
        return Page.of(self.http.post(path, follow_redirects=False, **options))


def at_once(what: Sequence[Callable[[], Result]]) -> list[Result]:
    """Does several things, each in a thread of its own, that begin together; gives what came out, in their order."""
    ready = Barrier(len(what))

    def begin(one: Callable[[], Result]) -> Result:
        ready.wait()
        return one()

    with ThreadPoolExecutor(len(what)) as pool:
        return list(pool.map(begin, what))
