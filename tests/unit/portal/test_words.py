"""The words of the pages: complete, the same in both languages, and all of them needed."""

import re
from collections import Counter
from pathlib import Path
from string import Formatter

import pytest
from markupsafe import Markup

from services.portal import words
from services.portal.words import LANGUAGES, WORDS, say
from tests.unit.portal.samples import OBJECTIONS, rendered, samples

PORTAL = Path(words.__file__).parent
SAID_BY_CODE = {*OBJECTIONS}
"""Keys that no template says: the code gives the sentence to the password page."""


def said_by_templates() -> set[str]:
    said = set()

    def noting(language: str, key: str, **values: object) -> Markup:
        said.add(key)
        return say(language, key, **values)

    for sample in samples("ms").values():
        rendered(sample, "ms", noting)
    return said


def values_in(text: str) -> Counter[str]:
    return Counter(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def tags_in(text: str) -> Counter[str]:
    return Counter(re.findall(r"</?\w+", text))


def test_every_key_is_said_somewhere_and_everything_said_has_words() -> None:
    assert said_by_templates() | SAID_BY_CODE == set(WORDS)


def test_every_key_that_a_template_or_the_code_names_has_words() -> None:
    templates = "\n".join(path.read_text("utf-8") for path in PORTAL.rglob("*.j2"))
    code = "\n".join(path.read_text("utf-8") for path in PORTAL.glob("*.py"))
    named = {
        *re.findall(r"""say\(["']([a-z_.]+[a-z_])["'][,)]""", templates),
        *re.findall(r'"((?:problem|password)\.[a-z_]+)"', code),
    }

    assert len(named) > 60
    assert named - set(WORDS) == set()


def test_both_languages_say_the_same() -> None:
    for key, entry in WORDS.items():
        assert set(entry) == set(LANGUAGES), key
        assert all(text and text == text.strip() for text in entry.values()), key
        assert values_in(entry["ms"]) == values_in(entry["en"]), key
        assert tags_in(entry["ms"]) == tags_in(entry["en"]), key


def test_words_are_whole_html() -> None:
    for key, entry in WORDS.items():
        for text in entry.values():
            opened, closed = re.findall(r"<(\w+)[^>]*>", text), re.findall(r"</(\w+)>", text)

            assert set(opened) <= {"a", "strong"}, key
            assert opened == closed, key
            assert re.search(r"&(?!\w+;)", text) is None, key


def test_the_catalogue_names_both_languages_malay_first() -> None:
    assert LANGUAGES == ("ms", "en")
    assert say("ms", "page.send") == "Hantar"
    assert say("en", "page.send") == "Send"


def test_a_value_is_escaped_and_the_words_are_not() -> None:
    said = say("ms", "password.contains_name", part="<b>&\"'")
    link = say("ms", "sign_in.resend", link='/x?a=1&b="')

    assert "“&lt;b&gt;&amp;&#34;&#39;”" in said
    assert '<a href="/x?a=1&amp;b=&#34;">di sini</a>' in link


@pytest.mark.parametrize(
    ("language", "key", "values"),
    [("ms", "page.nothing_of_the_kind", {}), ("de", "page.send", {}), ("ms", "problem.too_often", {})],
)
def test_what_cannot_be_said_raises(language: str, key: str, values: dict[str, object]) -> None:
    with pytest.raises(KeyError):
        say(language, key, **values)
