"""A context for every page and state of the portal, and the pages made of them. All people are invented."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from services.portal.words import say
from shared.credentials import MAX_PASSWORD_LENGTH, PASSWORD_RULES
from shared.questions import QUESTIONS

IC_NUMBER: Final = "850101030007"
CSRF: Final = "a-csrf-token"
HOME: Final = "https://sistem.example.gov.my/masuk?a=1&b=2"
DETAILS: Final = {
    "ic_number": IC_NUMBER,
    "name": "PEGAWAI CONTOH BINTI TELADAN",
    "email": "pegawai.contoh@example.gov.my",
    "registered_at": "13/07/2020 10:45:50 AM",
}
CHOSEN: Final = (("mother_name", "ibu"), ("first_school", "sekolah"), ("first_superior", "kereta merah tua"))
_RULE_CODES: Final = frozenset(rule.code for rule in PASSWORD_RULES)
_NOTHING_WRONG: Final[Mapping[str, Any]] = {"problem": None, "problem_values": {}}
_NO_RETRY: Final[Mapping[str, Any]] = {"minutes": None, "retry": None}
REASONS: Final = (
    *("expired", "superseded", "elsewhere", "active", "withdrawn", "forged", "session_over"),
    *("no_link", "locked", "other_password", "failed"),
)
STATUSES: Final = (400, 403, 404, 405, 413, 429, 500, 503)

ENTRY_PROBLEMS: Final[Mapping[str, tuple[str, Mapping[str, int]]]] = {
    "problem.question_missing": ("next_question", {}),
    "problem.question_unknown": ("next_question", {}),
    "problem.question_twice": ("next_question", {}),
    "problem.answer_missing": ("next_answer", {}),
    "problem.answer_short": ("next_answer", {"length": 2}),
    "problem.answer_long": ("next_answer", {"length": 100}),
    "problem.answer_twice": ("next_answer", {}),
    "problem.answer_is_ic": ("next_answer", {}),
    "problem.answer_is_name": ("next_answer", {}),
    "problem.answers_three": ("add", {}),
}
"""What can be wrong with a chosen question: key → field, values."""

OBJECTIONS: Final[Mapping[str, Mapping[str, object]]] = {
    "password.too_long": {"length": MAX_PASSWORD_LENGTH},
    "password.contains_ic": {},
    "password.contains_birth_date": {},
    "password.contains_name": {"part": "CONTOH"},
    "password.contains_mail_name": {"part": "pegawai"},
    "password.equals_answer": {},
    "password.common": {},
}
"""What speaks against a password beyond the five rules: key → values. The code says these, not a template."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A page in one state."""

    template: str
    context: Mapping[str, Any] = field(default_factory=dict)

    def but(self, **changes: Any) -> "Sample":
        """The same with something else."""
        return replace(self, context={**self.context, **changes})


def samples(language: str) -> dict[str, Sample]:
    """Name of the state → page, in one language."""
    return {
        **_forms(),
        **_questions(language),
        **_answers(language),
        **_passwords(language),
        "welcome": Sample("welcome", {"home": None}),
        "welcome_home": Sample("welcome", {"home": HOME}),
        "resend_sent": Sample("resend_sent"),
        "recover_sent": Sample("recover_sent"),
        "activation_done": Sample("done", {"kind": "activation", "details": DETAILS}),
        "recovery_done": Sample("done", {"kind": "recovery", "details": None}),
        **{
            f"wait_{kind}_{waited}": Sample("wait", {"kind": kind, "seconds": 2, "waited": waited})
            for kind in ("activation", "recovery")
            for waited in (0, 75)
        },
        **{
            f"bad_link_{kind}_{reason}": Sample("bad_link", {"kind": kind, "reason": reason, "at": None})
            for kind in ("activation", "recovery")
            for reason in REASONS
        },
        "bad_link_superseded_at": Sample(
            "bad_link", {"kind": "activation", "reason": "superseded", "at": Markup("13/07/2020 10:50:00 AM")}
        ),
        **{f"error_{status}": Sample("error", {**_NO_RETRY, "status": status}) for status in STATUSES},
        "error_429_minutes": Sample("error", {**_NO_RETRY, "status": 429, "minutes": 12}),
        "error_503_retry": Sample("error", {"status": 503, "minutes": 1, "retry": "/account/activation"}),
        "error_unexpected": Sample("error", {**_NO_RETRY, "status": 418}),
    }


def rendered(sample: Sample, language: str, speaking: Callable[..., Markup] = say, **changes: Any) -> str:
    """The HTML of a page, with what the portal gives every page."""
    context: dict[str, Any] = {
        **_NOTHING_WRONG,
        "language": language,
        "other_language_url": f"/?lang={'en' if language == 'ms' else 'ms'}",
        "csrf": CSRF,
        "system": "iSPEKS",
        "minutes": 30,
        "url": lambda path: path,
        "asset": lambda name: f"/static/0123456789ab/{name}",
        "say": lambda key, **values: speaking(language, key, **values),
    }
    return _ENVIRONMENT.get_template(f"{sample.template}.html.j2").render({**context, **sample.context, **changes})


_ENVIRONMENT: Final = Environment(
    loader=PackageLoader("services.portal"),
    undefined=StrictUndefined,
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _forms() -> dict[str, Sample]:
    """The three pages that ask for an IC number, with all that can be wrong on them."""
    too_often = {"problem": "problem.too_often", "problem_values": {"minutes": 7}}
    found: dict[str, Sample] = {}
    for template in ("sign_in", "resend", "recover"):
        page = Sample(template, {**_NOTHING_WRONG, "ic_number": ""})
        found[template] = page
        found[f"{template}_ic_number"] = page.but(ic_number="8501", problem="problem.ic_number")
        found[f"{template}_too_often"] = page.but(ic_number=IC_NUMBER, **too_often)
    page = found["sign_in"].but(ic_number=IC_NUMBER)
    return found | {
        "sign_in_wrong": page.but(problem="problem.sign_in"),
        "sign_in_without_password": page.but(problem="problem.password_missing", judged=True),
    }


def _questions(language: str) -> dict[str, Sample]:
    def page(count: int, **changes: Any) -> Sample:
        chosen = CHOSEN[:count]
        context = {
            **_NOTHING_WRONG,
            "kind": "activation",
            "details": DETAILS,
            "chosen": [(code, _wording(code, language), answer) for code, answer in chosen],
            "choices": [(code, _wording(code, language)) for code in QUESTIONS if code not in dict(chosen)],
            "next_question": "",
            "next_answer": "",
            "problem_field": None,
            "is_full": count == len(CHOSEN),
            "again": False,
        }
        return Sample("questions", {**context, **changes})

    entry = {"next_question": "first_car", "next_answer": "kancil"}
    return {
        **{f"questions_{count}": page(count) for count in range(4)},
        "questions_again": page(1, again=True, **entry),
        "questions_full_again": page(3, again=True),
        "questions_full_wrong": page(3, problem="problem.answer_twice", problem_field="next_answer"),
        **{
            f"questions_{key.removeprefix('problem.')}": page(
                1, problem=key, problem_field=field, problem_values=values, **entry
            )
            for key, (field, values) in ENTRY_PROBLEMS.items()
        },
    }


def _answers(language: str) -> dict[str, Sample]:
    questions = [(code, _wording(code, language)) for code, _ in CHOSEN]
    page = Sample(
        "answer",
        {
            **_NOTHING_WRONG,
            **{"kind": "recovery", "questions": questions, "tries_left": 5},
            **{"again": False, "answers": [], "missing": []},
        },
    )
    wrong = {"problem": "problem.wrong_answers", "problem_values": {"tries": 4}}
    return {
        "answer": page,
        "answer_last": page.but(tries_left=1),
        "answer_wrong": page.but(tries_left=4, **wrong),
        "answer_missing": page.but(problem="problem.answer_missing", answers=["", "sekolah", " "], missing=[0, 2]),
        "answer_again": page.but(again=True, answers=["ibu", "sekolah", "kereta"]),
        "answer_again_untold": page.but(again=True),
    }


def _passwords(language: str) -> dict[str, Sample]:
    rules = [(rule.code, rule.malay if language == "ms" else rule.english) for rule in PASSWORD_RULES]
    page = Sample(
        "password",
        {
            **_NOTHING_WRONG,
            **{"kind": "activation", "details": DETAILS, "rules": rules},
            **{"unmet": _RULE_CODES, "problems": [], "mismatch": False, "judged": False},
        },
    )
    met = page.but(unmet=frozenset())
    return {
        "password": page,
        "password_recovery": page.but(kind="recovery", details=None),
        "password_unmet": page.but(unmet=frozenset({"digit", "special"}), judged=True),
        "password_all_unmet": page.but(judged=True),
        "password_mismatch": met.but(mismatch=True, judged=True),
        "password_missing": page.but(problem="problem.password_missing"),
        "password_objections": met.but(
            judged=True, problems=[say(language, key, **values) for key, values in OBJECTIONS.items()]
        ),
    }


def _wording(code: str, language: str) -> str:
    question = QUESTIONS[code]
    return question.malay if language == "ms" else question.english
