"""What a password must not be, beyond the guide's five rules: the person's own data, or one that many pick. Pure.

NIST SP 800-63B-4 asks for a list of common, expected and compromised passwords, among them words of the context such as
the service's and the user's name, and for the reason to be told. It compares whole passwords; this looks at parts too,
since an IC number, its date and a name are known to every colleague.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import chain, pairwise
from typing import Final

MIN_PART_LENGTH: Final = 4

PARENTAGE: Final = frozenset(
    {"bin", "bn", "b", "binti", "binte", "bte", "bt", "a/l", "a/p", "s/o", "d/o", "anak", "ak", "a/k"}
)
"""What stands in a Malaysian name between the person's own name and the father's; as `bare` gives it."""

_FORMS_OF_ADDRESS: Final = frozenset(
    {"haji", "hajah", "hajjah", "dato", "datuk", "datin", "tuan", "puan", "encik", "cikgu", "doktor", "prof", "seri"}
)
_LOOKALIKES: Final = str.maketrans("013457@$!l", "oieastasii")
_SIGNS: Final = ".,'’‘\"()"
_MONTHS: Final = tuple(
    frozenset(names.split())
    for names in (
        "jan januari january",
        "feb februari february",
        "mac mar march",
        "apr april",
        "mei may",
        "jun june",
        "jul julai july",
        "ogos aug august",
        "sep sept september",
        "okt oct oktober october",
        "nov november",
        "dis dec disember december",
    )
)


@dataclass(frozen=True, slots=True)
class Person:
    """Whose password or answer it is: 12 digits, the full name, the official mail address."""

    ic_number: str
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Objection:
    """One thing that speaks against a password: a key of the catalogue of words, and what its wording names."""

    key: str
    values: Mapping[str, str | int] = field(default_factory=dict)


def objections(password: str, person: Person) -> tuple[Objection, ...]:
    """All that speaks against a password for this person, however it is typed. `shared.credentials` has the five rules.

    A part of the name counts inside a longer word too ("Amin" in "Vitamin"), so each objection names its part.
    """
    typed = _Typed.of(password)
    return (*_numbers(typed, person.ic_number), *_names(typed, person), *_popularity(typed))


def folded(text: str) -> str:
    """Text without what typing changes: NFKD, lower case, no accents, every script's digits as 0 to 9."""
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    if letters.isascii():
        return letters
    return "".join(str(unicodedata.decimal(c, c)) for c in letters if not unicodedata.category(c).startswith("M"))


def bare(word: str) -> str:
    """A word of a name, folded, without the signs around it."""
    return folded(word).strip(_SIGNS)


def squeezed(text: str) -> str:
    """Letters and digits alone, without what stands between them."""
    return "".join(c for c in text if c.isalnum())


@dataclass(frozen=True, slots=True)
class _Typed:
    """A password in the forms in which it is searched. `words` and `shapes` match each other character by character."""

    plain: str
    words: str
    shapes: str

    @classmethod
    def of(cls, password: str) -> "_Typed":
        plain = folded(unicodedata.normalize("NFKC", password))
        return cls(plain, _spaced(plain), _spaced(_shape(plain)))

    def spells(self, word: str) -> bool:
        """Whether a folded word stands in it, as it is or in look-alikes; digits alone are nobody's name."""
        if word in self.words:
            return True
        shape = _shape(word)
        start = self.shapes.find(shape)
        while start >= 0:
            if any(c.isalpha() for c in self.words[start : start + len(shape)]):
                return True
            start = self.shapes.find(shape, start + 1)
        return False


def _shape(text: str) -> str:
    """Look-alikes as one letter: 0 o, 1 ! l i, 3 e, 4 @ a, 5 $ s, 7 t. As long as the text."""
    return text.translate(_LOOKALIKES)


def _spaced(text: str) -> str:
    return "".join(c if c.isalnum() else " " for c in text)


def _numbers(typed: _Typed, ic_number: str) -> Iterator[Objection]:
    digits = squeezed(typed.plain)
    if ic_number in digits:
        yield Objection("password.contains_ic")
    elif _holds_date(typed.plain, digits, ic_number[:2], ic_number[2:4], ic_number[4:6]):
        yield Objection("password.contains_birth_date")


def _holds_date(plain: str, digits: str, year: str, month: str, day: str) -> bool:
    """YMD, DMY and MDY: in digits with anything between, and with months in words or without leading zeros.

    An IC number does not tell the century, so both count. YYYYMMDD holds YYMMDD. Nobody here writes YDM.
    """
    years = (year, f"19{year}", f"20{year}")
    orders = [year + month + day, *(order + y for order in (day + month, month + day) for y in years)]
    if any(order in digits for order in orders):
        return True
    days, months = {day, day.lstrip("0")}, {month, month.lstrip("0"), *_MONTHS[int(month) - 1]}
    runs = re.findall(r"[0-9]+|[^\W\d_]+", plain)
    return any(
        (a in days and b in months and c in years)
        or (a in months and b in days and c in years)
        or (a in years and b in months and c in days)
        for a, b, c in zip(runs, runs[1:], runs[2:], strict=False)
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a name: as the person knows it, and folded in each way in which it may be typed."""

    shown: str
    spellings: frozenset[str]


def _names(typed: _Typed, person: Person) -> Iterator[Objection]:
    """Each part once: what is said of the name, or of the whole mail name, is not said of its pieces again."""
    in_name = (("password.contains_name", part) for part in _parts_of_name(person.name))
    in_mail = (("password.contains_mail_name", part) for part in _parts_of_mail_name(person.email))
    said: set[str] = set()
    for key, part in chain(in_name, in_mail):
        is_said = any(spelling in longer for spelling in part.spellings for longer in said)
        if not is_said and any(typed.spells(spelling) for spelling in part.spellings):
            said |= part.spellings
            yield Objection(key, {"part": part.shown})


def _parts_of_name(name: str) -> Iterator[_Part]:
    """Words of four letters or more, and pairs of shorter ones ("WEI JIE"): those are all that many names have."""
    words = [word.strip(_SIGNS) for word in name.replace("@", " ").split()]
    for word in words:
        letters = re.findall(r"[^\W\d_]+", bare(word))
        spellings = {text for text in (*letters, "".join(letters)) if len(text) >= MIN_PART_LENGTH}
        if spellings and _is_name(word):
            yield _Part(word, frozenset(spellings))
    for pair in pairwise(words):
        first, second = (squeezed(bare(word)) for word in pair)
        is_short = all(1 < len(text) < MIN_PART_LENGTH for text in (first, second))
        if is_short and all(map(_is_name, pair)):
            yield _Part(" ".join(pair), frozenset({first + second, f"{first} {second}"}))


def _is_name(word: str) -> bool:
    return bare(word) not in PARENTAGE | _FORMS_OF_ADDRESS


def _parts_of_mail_name(email: str) -> Iterator[_Part]:
    local = email.partition("@")[0]
    pieces = re.findall(r"[^\W_]+", folded(local))
    if len("".join(pieces)) >= MIN_PART_LENGTH:
        yield _Part(local, frozenset({"".join(pieces), " ".join(pieces)}))
    for letters in re.findall(r"[^\W\d_]+", folded(local)):
        if len(letters) >= MIN_PART_LENGTH:
            yield _Part(letters, frozenset({letters}))


@dataclass(frozen=True, slots=True)
class _Listed:
    """The offline list, and the shapes of those of its entries that are letters alone."""

    entries: frozenset[str]
    shapes: frozenset[str]
    longest: int


@cache
def _listed() -> _Listed:
    text = files("services.portal").joinpath("common_passwords.txt").read_text("utf-8")
    entries = frozenset(line for line in text.splitlines() if not line.startswith("#"))
    return _Listed(entries, frozenset(_shape(entry) for entry in entries if entry.isalpha()), max(map(len, entries)))


def _popularity(typed: _Typed) -> Iterator[Objection]:
    """Listed as it is, or with nothing but digits and signs around and nothing but signs within."""
    together = "".join(c for c in typed.plain if c.isalnum() or c in "@$!")
    if typed.plain in _listed().entries or any(map(_is_dressed_up, (typed.plain, together))):
        yield Objection("password.common")


def _is_dressed_up(text: str) -> bool:
    """Whether all its letters are in one listed entry. A digit or sign at its ends may be a look-alike or not."""
    listed, shape = _listed(), _shape(text)
    letters = [place for place, c in enumerate(text) if c.isalpha()]
    if not letters:
        return False
    first, last = letters[0], letters[-1] + 1
    cores = (
        slice(start, end)
        for start in range(max(0, last - listed.longest), first + 1)
        for end in range(last, min(len(text), start + listed.longest) + 1)
    )
    return any(
        text[core] in listed.entries or (not text[core].isalpha() and shape[core] in listed.shapes) for core in cores
    )
