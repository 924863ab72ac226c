"""Pages of the samples, read back as a browser would."""

from html.parser import HTMLParser
from typing import Any

from services.portal.words import LANGUAGES
from tests.unit.portal.samples import rendered, samples

VOID = {"meta", "link", "input", "br", "img"}


class Element:
    """An element with what a test asks of it."""

    def __init__(self, tag: str, attributes: dict[str, str], parent: "Element | None") -> None:
        self.tag, self.attributes, self.parent = tag, attributes, parent
        self.contents: list[str | Element] = []

    @property
    def text(self) -> str:
        return " ".join(self._whole_text().split())

    @property
    def inner(self) -> "list[Element]":
        return [one for one in self.contents if isinstance(one, Element)]

    def inside(self, tag: str) -> bool:
        return self.parent is not None and (self.parent.tag == tag or self.parent.inside(tag))

    def _whole_text(self) -> str:
        return "".join(one if isinstance(one, str) else one._whole_text() for one in self.contents)


class Page(HTMLParser):
    """Elements of a page. Fails on an end tag that ends something else."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.elements: list[Element] = []
        self._open = Element("", {}, None)
        self.feed(html)
        assert self._open.tag == "", f"<{self._open.tag}> is never closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice: {names}"
        element = Element(tag, {name: value or "" for name, value in attrs}, self._open)
        self._open.contents.append(element)
        self.elements.append(element)
        if tag not in VOID:
            self._open = element

    def handle_endtag(self, tag: str) -> None:
        assert self._open.tag == tag, f"</{tag}> ends <{self._open.tag}>"
        assert self._open.parent is not None
        self._open = self._open.parent

    def handle_data(self, data: str) -> None:
        self._open.contents.append(data)

    @property
    def text(self) -> str:
        return self._open.text

    def all(self, *tags: str, **attributes: str) -> list[Element]:
        wanted = attributes.items()
        return [one for one in self.elements if one.tag in tags and wanted <= one.attributes.items()]

    def ids(self) -> list[str]:
        return [one.attributes["id"] for one in self.elements if "id" in one.attributes]

    def with_id(self, name: str) -> Element:
        return next(one for one in self.elements if one.attributes.get("id") == name)

    def fields(self) -> list[Element]:
        hidden = [one for one in self.all("input") if one.attributes.get("type") == "hidden"]
        return [one for one in self.all("input", "select") if one not in hidden and "hidden" not in one.attributes]


def page(name: str, language: str = "ms", **changes: Any) -> Page:
    return Page(rendered(samples(language)[name], language, **changes))


def in_both_languages(name: str) -> list[tuple[str, Page]]:
    return [(language, page(name, language)) for language in LANGUAGES]


def summary(of: Page) -> list[Element]:
    return [one for one in of.elements if "data-summary" in one.attributes]
