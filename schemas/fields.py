"""One constrained type per idea, used by every event. What a pattern can say, the published schemas say too."""

import base64
import re
import unicodedata
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field
from pydantic_core import PydanticCustomError

IC_PATTERN = re.compile(r"[0-9]{12}", re.ASCII)
_IC_PUNCTUATION = str.maketrans("", "", "- \u00a0")
# Days that exist in 19YY or 20YY: YY00 counts as a leap year, since 2000 was one.
_DATED_IC = re.compile(
    r"^(?:[0-9]{2}(?:(?:0[1-9]|1[0-2])(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])(?:29|30)|(?:0[13578]|1[02])31)"
    r"|(?:[02468][048]|[13579][26])0229)[0-9]{6}$",
    re.ASCII,
)

# https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html: minimum memory (KiB) by passes,
# each with one lane.
OWASP_ARGON2ID_MEMORY = {1: 47104, 2: 19456, 3: 12288, 4: 9216, 5: 7168}
_MAX_ARGON2ID_MEMORY = 1 << 20
_PHC = re.compile(
    r"^\$argon2id\$v=19\$m=([1-9][0-9]{0,8}),t=([1-9][0-9]{0,3}),p=([1-9][0-9]{0,2})"
    r"\$([A-Za-z0-9+/]{22,86})\$([A-Za-z0-9+/]{43,86})$",
    re.ASCII,
)

# RFC 5321 §4.1.2 without quoted strings and address literals; lengths of §4.5.3.1.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(
    rf"^(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?=.{{1,253}}$)(?:{_LABEL}\.)+{_LABEL}$",
    re.ASCII,
)

# RFC 3339 §5.6, with an offset; pydantic alone would also take other separators, and no seconds.
_RFC3339 = re.compile(
    r"^(?:19[0-9]{2}|2[01][0-9]{2}|2200)-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})$",
    re.ASCII,
)

_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
_BIDI_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# As clean_text; lone surrogates are no JSON, and their range would refuse emoji where a regex reads UTF-16.
_CLEAN_SCHEMA = {"pattern": r"^(?=.*\S)[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+$"}


def ic_number(text: str) -> str:
    """Check 12 ASCII digits whose first six are a date (YYMMDD) of this century or the last.

    The last six digits carry no check digit, and the list of birth places grows, so neither is judged.
    Raises PydanticCustomError (a ValueError) that says what is wrong.
    """
    if _DATED_IC.fullmatch(text):
        return text
    if IC_PATTERN.fullmatch(text):
        raise PydanticCustomError("ic_date", "the first six digits must be a date of birth (YYMMDD)")
    raise PydanticCustomError("ic_number", "must be 12 digits without dashes or spaces")


def ic_number_from_input(text: str) -> str:
    """Take what a person types, with dashes and spaces, to the 12 digits of the wire; raises as `ic_number` does."""
    return ic_number(text.translate(_IC_PUNCTUATION))


def clean_text(text: str) -> str:
    """Refuse control characters, line separators, lone surrogates, overrides of direction, and blanks."""
    if not text.isprintable() or not text.isascii():
        for position, character in enumerate(text):
            if unicodedata.category(character) in _UNPRINTABLE or character in _BIDI_OVERRIDES:
                raise PydanticCustomError(
                    "control_character",
                    "must not hold control characters (U+{code} at position {position})",
                    {"code": f"{ord(character):04X}", "position": position},
                )
    if not text or text.isspace():
        raise PydanticCustomError("blank", "must not be blank")
    return text


def _staff_email(text: str) -> str:
    if not _EMAIL.fullmatch(text):
        raise PydanticCustomError("email", "must be a plain mail address such as pegawai@example.gov.my")
    return text


def _instant_from_text(value: object) -> object:
    if (isinstance(value, str) and _RFC3339.fullmatch(value)) or isinstance(value, datetime):
        return value
    raise PydanticCustomError(
        "instant",
        "must be a text in RFC 3339 form with seconds and offset, of the years 1900 to 2200, such as "
        "2021-01-11T08:00:00+08:00",
    )


def argon2id_digest(text: str) -> str:
    """Check a PHC string: Argon2id with at least one of OWASP's parameter sets, a salt of 16 bytes, a hash of 32.

    Also bounds what verifying it may cost. Raises PydanticCustomError with type `weak_digest` where the string is
    well-formed and too weak, `digest` where it is no such string.
    """
    match = _PHC.fullmatch(text)
    if match is None or not (_is_base64(match[4]) and _is_base64(match[5])):
        raise PydanticCustomError("digest", "must be an Argon2id PHC string ($argon2id$v=19$…)")
    memory, passes, lanes = int(match[1]), int(match[2]), int(match[3])
    if memory > _MAX_ARGON2ID_MEMORY or passes > 64 or lanes > 16:
        raise PydanticCustomError("digest", "asks for more memory, passes or lanes than are allowed")
    if memory < OWASP_ARGON2ID_MEMORY[min(passes, max(OWASP_ARGON2ID_MEMORY))]:
        raise PydanticCustomError("weak_digest", "must have at least OWASP's parameters, such as m=19456,t=2,p=1")
    return text


def _is_base64(text: str) -> bool:
    """Whether the reference decoder takes it: no stray character at the end, unused bits zero."""
    if len(text) % 4 == 1:
        return False
    padded = text + "=" * (-len(text) % 4)
    return base64.b64encode(base64.b64decode(padded)).decode("ascii") == padded


_Clean = AfterValidator(clean_text)

IcNumber = Annotated[
    str,
    AfterValidator(ic_number),
    Field(
        description="12 digits, of which the first six are a date of birth (YYMMDD)",
        json_schema_extra={"pattern": _DATED_IC.pattern},
    ),
]
PersonName = Annotated[
    str,
    Field(description="a person's full name", min_length=1, max_length=200, json_schema_extra=_CLEAN_SCHEMA),
    _Clean,
]
StaffEmail = Annotated[
    str,
    Field(
        description="the person's official mail address",
        max_length=254,
        json_schema_extra={"format": "email", "pattern": _EMAIL.pattern},
    ),
    AfterValidator(_staff_email),
]
Instant = Annotated[
    AwareDatetime,
    BeforeValidator(_instant_from_text),
    Field(
        description="a time with seconds and offset (RFC 3339), of the years 1900 to 2200",
        json_schema_extra={"pattern": _RFC3339.pattern},
    ),
]
LinkId = Annotated[UUID, Field(description="the link, as its token names it")]
AccountId = Annotated[UUID, Field(description="the person's account")]
MailId = Annotated[UUID, Field(description="one mail to one person")]
PublisherId = Annotated[
    str,
    Field(
        description="any text; source and id together identify an event",
        min_length=1,
        max_length=128,
        json_schema_extra=_CLEAN_SCHEMA,
    ),
    _Clean,
]
Source = Annotated[
    str,
    Field(
        description="who published it, a URI reference such as /hr/kelantan",
        min_length=1,
        max_length=200,
        pattern=r"^/?[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]+$",
    ),
]
Argon2idDigest = Annotated[
    str,
    Field(
        description="an Argon2id PHC string with at least OWASP's parameters, such as m=19456,t=2,p=1",
        max_length=255,
        json_schema_extra={"pattern": _PHC.pattern},
    ),
    AfterValidator(argon2id_digest),
]
SessionDigest = Annotated[
    str, Field(description="SHA-256 of the browser's session secret, in hexadecimal", pattern=r"^[0-9a-f]{64}$")
]
QuestionCode = Annotated[
    str, Field(description="a code of the catalogue, such as mother_name", pattern=r"^[a-z][a-z0-9_]{1,39}$")
]
ReasonWord = Annotated[str, Field(description="a fixed word for the reason", pattern=r"^[a-z][a-z0-9_]{1,39}$")]
Detail = Annotated[
    str,
    Field(description="the reason in words; repeats no value", max_length=500, json_schema_extra=_CLEAN_SCHEMA),
    _Clean,
]
SmtpReply = Annotated[
    str,
    Field(description="the mail server's last reply", max_length=500, json_schema_extra=_CLEAN_SCHEMA),
    _Clean,
]
