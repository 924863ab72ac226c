"""The words of the pages, Malay and English, from `words.toml` beside this file. Pure."""

import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any, Final

from markupsafe import Markup

LANGUAGES: Final = ("ms", "en")
"""Malay first: the language of whoever asks for none."""


def say(language: str, key: str, **values: object) -> Markup:
    """The words of a key in one of LANGUAGES, with values in place of `{name}`.

    The words themselves are HTML; values are escaped. Raises KeyError for an unknown language or key, and for a value
    that the words want and do not get.
    """
    return WORDS[key][language].format(**values)


def _entries(table: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Markup]]]:
    """A table whose values are texts is an entry, any other holds more tables."""
    for name, inner in table.items():
        if all(isinstance(words, str) for words in inner.values()):
            yield path + name, {language: Markup(words) for language, words in inner.items()}  # noqa: S704
        else:
            yield from _entries(inner, f"{path}{name}.")


WORDS: Final[Mapping[str, Mapping[str, Markup]]] = dict(
    _entries(tomllib.loads((files(__package__) / "words.toml").read_text("utf-8")))
)
"""Key → language → words."""
