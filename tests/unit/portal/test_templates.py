"""Every page in every state and both languages, read back as a browser would."""

import re
from pathlib import Path

import pytest
from markupsafe import escape

from services.portal import words
from services.portal.words import LANGUAGES, say
from shared.credentials import MIN_PASSWORD_LENGTH, PASSWORD_RULES
from tests.unit.portal.read_back import in_both_languages, page, summary
from tests.unit.portal.samples import CSRF, DETAILS, HOME, IC_NUMBER, REASONS, samples

STATIC = Path(words.__file__).parent / "static"
NAMES = list(samples("ms"))

DETAILS_LABELS = ["No Kad Pengenalan", "Nama", "Emel", "Tarikh Pendaftaran", *DETAILS.values()]
GUIDE = {
    "sign_in": ["Log Masuk", "No Kad Pengenalan", "Kata Laluan", "Lupa Kata Laluan"],
    "resend": ["Emel Pengaktifan Akaun", "Sila nyatakan ID Pengguna akaun anda", "Hantar", "Kembali Ke Log Masuk"],
    "questions_2": [
        *DETAILS_LABELS,
        *("Tetapan Soalan Keselamatan", "Anda perlu memilih TIGA(3) soalan keselamatan dibawah :"),
        *("Soalan", "Sila Pilih", "Jawapan", "Tambah", "#", "Padam", "Seterusnya", "Nama Ibu?", "ibu"),
    ],
    "password": [
        *DETAILS_LABELS,
        *("Tetapan Kata Laluan", "Kata Laluan", "Ulang Kata Laluan", "Tunjuk Kata Laluan", "Selesai"),
        "Kata laluan anda tidak menepati syarat-syarat berikut :",
    ],
    "activation_done": [
        *DETAILS_LABELS,
        *("Tahniah. Akaun anda telah berjaya diaktifkan. Anda boleh log masuk ke sistem.", "Log Masuk"),
    ],
    "recover": ["Lupa Kata Laluan", "No Kad Pengenalan", "Hantar"],
}
"""Labels and sentences that are an element each, for a person, a screen reader and a test to find."""
SENTENCES = {
    "sign_in": [
        "Sekiranya anda telah membuat pendaftaran dan tidak menerima emel pengaktifan, sila klik di sini untuk "
        "penghantaran semula emel pengaktifan."
    ],
    "resend": [f"cth: {IC_NUMBER}"],
    "password": [rule.malay for rule in PASSWORD_RULES],
}


@pytest.mark.parametrize("name", NAMES)
def test_every_page_is_whole_and_says_its_language_title_and_one_heading(name: str) -> None:
    for language, shown in in_both_languages(name):
        title = shown.all("title")[0].text

        assert shown.html.startswith("<!DOCTYPE html>")
        assert shown.all("html")[0].attributes["lang"] == language
        assert title.endswith(" · iSPEKS")
        assert title.startswith(("Ralat: ", "Error: ")) == bool(summary(shown))
        assert len(shown.all("h1")) == len(shown.all("main")) == 1
        assert len(shown.ids()) == len(set(shown.ids()))


@pytest.mark.parametrize("name", NAMES)
def test_every_field_and_button_has_a_name_that_can_be_read_out(name: str) -> None:
    for _, shown in in_both_languages(name):
        labels = {label.attributes["for"]: label.text for label in shown.all("label")}

        assert set(labels) == {one.attributes["id"] for one in shown.fields()}
        assert all(labels.values())
        assert all(one.text for one in shown.all("button", "a"))
        assert all(one.attributes.get("type") == "submit" for one in shown.all("button"))


@pytest.mark.parametrize("name", NAMES)
def test_everything_that_is_pointed_to_is_there(name: str) -> None:
    for _, shown in in_both_languages(name):
        pointed = [
            target
            for one in shown.elements
            for attribute in ("for", "aria-describedby", "aria-labelledby")
            for target in one.attributes.get(attribute, "").split()
        ]
        pointed += [one.attributes["href"][1:] for one in shown.all("a") if one.attributes["href"].startswith("#")]

        assert set(pointed) - set(shown.ids()) == set()


@pytest.mark.parametrize("name", NAMES)
def test_a_strict_content_security_policy_refuses_nothing_of_a_page(name: str) -> None:
    for _, shown in in_both_languages(name):
        assert shown.all("style") == []
        assert [one.text for one in shown.all("script")] == [""]
        assert [one for one in shown.elements if "style" in one.attributes] == []
        assert [key for one in shown.elements for key in one.attributes if key.startswith("on")] == []
        assert re.findall(r"(?i)https?:|javascript:|(?<=[\"'])//", shown.html.replace(escape(HOME), "")) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_form_is_posted_with_its_token_and_fills_in_no_password(name: str) -> None:
    for _, shown in in_both_languages(name):
        tokens = shown.all("input", name="csrf", type="hidden", value=CSRF)

        assert [form.attributes["method"] for form in shown.all("form")] == ["post"] * len(tokens)
        forms = {form.attributes.get("id") for form in shown.all("form")}
        assert all(one.inside("form") for one in tokens)
        assert all(one.inside("form") or one.attributes.get("form") in forms for one in shown.all("button"))
        assert all(one.attributes["value"] == "" for one in shown.all("input", type="password"))


@pytest.mark.parametrize("name", NAMES)
def test_whoever_knows_the_other_language_can_switch(name: str) -> None:
    for language, shown in in_both_languages(name):
        other, label = ("en", "English") if language == "ms" else ("ms", "Bahasa Melayu")
        (switch,) = shown.all("a", "button", lang=other)

        assert switch.text == label
        if name.startswith("questions"):
            assert (
                switch.attributes.items() >= {"form": "questions", "name": "action", "value": f"lang-{other}"}.items()
            )
        else:
            assert switch.attributes.items() >= {"hreflang": other, "href": f"/?lang={other}"}.items()


@pytest.mark.parametrize(("name", "label"), [(name, label) for name, labels in GUIDE.items() for label in labels])
def test_what_the_guide_shows_is_there(name: str, label: str) -> None:
    assert label in [one.text for one in page(name).elements]


@pytest.mark.parametrize(("name", "sentence"), [(name, one) for name, all_of in SENTENCES.items() for one in all_of])
def test_what_the_guide_says_is_said(name: str, sentence: str) -> None:
    assert sentence in page(name).text


def test_guide_links_lead_where_they_say() -> None:
    links = {one.text: one.attributes["href"] for one in page("sign_in").all("a")}

    assert links["di sini"] == "/account/resend"
    assert links["Lupa Kata Laluan"] == "/account/recovery"
    assert page("activation_done").all("a", href="/")[-1].text == "Log Masuk"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_wrong_is_said_above_and_at_its_field(language: str) -> None:
    error = say(language, "page.error")
    for name, field in [
        *(("sign_in_ic_number", "ic_number"), ("sign_in_without_password", "password"), ("sign_in_wrong", "password")),
        *(("resend_ic_number", "ic_number"), ("recover_ic_number", "ic_number")),
        *(("questions_question_missing", "next_question"), ("questions_answer_short", "next_answer")),
        *(("password_objections", "password"), ("password_mismatch", "again"), ("password_unmet", "password")),
    ]:
        shown = page(name, language)
        (above,) = summary(shown)
        sentences = [one.text for one in above.inner[-1].inner]
        at_field = shown.with_id(field).attributes
        described = [shown.with_id(one).text for one in at_field["aria-describedby"].split()]

        assert above.attributes.items() >= {"role": "alert", "tabindex": "-1"}.items()
        assert [one.inner[0].attributes["href"] for one in above.inner[-1].inner] == [f"#{field}"] * len(sentences)
        assert at_field["aria-invalid"] == "true"
        assert all(f"{error} {sentence}" in described for sentence in sentences)


@pytest.mark.parametrize("name", ["sign_in", "resend", "recover", "questions_0", "answer", "password"])
def test_nothing_is_wrong_before_anything_was_sent(name: str) -> None:
    shown = page(name)

    assert summary(shown) == []
    assert [one for one in shown.elements if "aria-invalid" in one.attributes] == []


def test_a_problem_of_no_field_is_said_without_a_link() -> None:
    (above,) = summary(page("resend_too_often"))

    assert above.text == "Terdapat masalah Terlalu banyak percubaan. Sila cuba lagi selepas 7 minit."
    assert not any(one.tag == "a" for one in above.inner[-1].inner[0].inner)


def test_what_browsers_may_fill_in() -> None:
    def wish(name: str, field: str) -> str:
        return page(name).with_id(field).attributes["autocomplete"]

    assert wish("sign_in", "ic_number") == wish("resend", "ic_number") == "username"
    assert wish("sign_in", "password") == "current-password"
    assert wish("password", "password") == wish("password", "again") == "new-password"
    assert wish("questions_1", "next_answer") == wish("answer", "answer-0") == "off"
    assert page("sign_in").with_id("ic_number").attributes["inputmode"] == "numeric"


def test_chosen_questions_come_back_in_order_and_can_be_taken_out() -> None:
    shown = page("questions_3")

    assert [one.attributes["value"] for one in shown.all("input", name="question")] == [
        *("mother_name", "first_school", "first_superior")
    ]
    assert [one.attributes["value"] for one in shown.all("input", name="answer")] == [
        *("ibu", "sekolah", "kereta merah tua")
    ]
    buttons = [one for one in shown.all("button") if one.inside("form")]
    assert [one.attributes["value"] for one in buttons] == ["remove-0", "remove-1", "remove-2", "next"]
    assert shown.all("select") == []


def test_the_enter_key_in_an_answer_adds_it() -> None:
    """Whichever submit button of a form comes first is pressed by Enter, also one that stands outside of it."""
    first, switch, *_ = page("questions_2").all("button")

    assert first.attributes.items() >= {"value": "add", "form": "questions", "tabindex": "-1"}.items()
    assert "hidden" not in first.attributes, "Safari passes over one that is not drawn"
    assert switch.attributes["value"] == "lang-en"


def test_what_was_typed_stands_in_the_row_again_after_an_error() -> None:
    shown = page("questions_answer_short")

    assert shown.with_id("next_answer").attributes["value"] == "kancil"
    assert [one.attributes["value"] for one in shown.all("option") if "selected" in one.attributes] == ["first_car"]


def test_what_people_typed_and_hr_sent_is_text_and_never_markup() -> None:
    nasty = '"><script>alert(1)</script>'
    chosen = [("mother_name", "Nama Ibu?", nasty)]
    details = {**DETAILS, "name": nasty}

    for shown in (
        page("sign_in", ic_number=nasty),
        page("questions_1", chosen=chosen, details=details, next_answer=nasty),
        page("answer_again", answers=[nasty] * 3),
    ):
        assert len(shown.all("script")) == 1
        assert nasty in [one.attributes.get("value") for one in shown.all("input")]


@pytest.mark.parametrize(
    ("name", "present", "gone"),
    [
        *(("questions_0", "Soalan", 1), ("answer", "Soalan", 1)),
        *(("password", "Kata Laluan", 2), ("password_recovery", "Kata Laluan", 2)),
        *(("activation_done", "Selesai", 3), ("recovery_done", "Selesai", 3)),
    ],
)
def test_the_step_at_hand_is_marked(name: str, present: str, gone: int) -> None:
    shown = page(name)
    (step,) = [one for one in shown.elements if one.attributes.get("aria-current") == "step"]

    assert present in step.text
    assert len(shown.all("li", **{"class": "gone"})) == gone


def test_rules_that_are_met_are_ticked_also_for_who_cannot_see_it() -> None:
    states = {
        one.attributes["data-rule"]: (one.attributes["class"], one.text.rpartition(" (")[2])
        for one in page("password_unmet").all("li")
        if "data-rule" in one.attributes
    }

    assert states == {
        **dict.fromkeys(("length", "lower", "upper"), ("met", "dipenuhi)")),
        **dict.fromkeys(("digit", "special"), ("unmet", "belum dipenuhi)")),
    }
    assert "tidak menepati" not in page("password_mismatch").with_id("rules").text


def test_the_notice_is_the_same_for_every_number_and_says_how_long() -> None:
    shown = page("resend_sent", minutes=45).text

    assert "2 hingga 5 minit" in shown
    assert "sah selama 45 minit sahaja" in shown
    assert IC_NUMBER not in shown


@pytest.mark.parametrize("kind", ["activation", "recovery"])
@pytest.mark.parametrize("reason", REASONS)
def test_a_link_that_cannot_be_used_leads_on(kind: str, reason: str) -> None:
    (actions,) = page(f"bad_link_{kind}_{reason}").all("p", **{"class": "actions"})
    leads = [one.attributes["href"] for one in actions.inner]
    ask = "/account/resend" if kind == "activation" else "/account/recovery"

    if reason in {"active", "other_password"}:
        assert leads == ["/", "/account/recovery"]
    else:
        assert leads == (["/"] if reason == "withdrawn" else [ask, "/"])


def test_a_superseded_link_says_when_the_newer_mail_was_sent() -> None:
    assert "Emel yang lebih baharu dihantar pada 13/07/2020 10:50:00 AM." in page("bad_link_superseded_at").text


@pytest.mark.parametrize(("waited", "seconds"), [(0, "2"), (59, "2"), (60, "30")])
def test_the_waiting_page_refreshes_itself_without_a_script(waited: int, seconds: str) -> None:
    """Less often, once there is something to read."""
    (refresh,) = page("wait_activation_0", waited=waited).all("meta", **{"http-equiv": "refresh"})

    assert refresh.attributes["content"] == seconds
    assert refresh.inside("noscript")


def test_who_waits_for_a_minute_is_told_that_the_page_may_be_closed() -> None:
    for kind, ask in (("activation", "/account/resend"), ("recovery", "/account/recovery")):
        for waited, left in ((0, "60"), (59, "1"), (60, "0"), (3600, "0")):
            shown = page(f"wait_{kind}_0", waited=waited)
            (late,) = [one for one in shown.elements if "data-late" in one.attributes]

            assert late.attributes["data-late"] == left
            assert ("hidden" in late.attributes) == (waited < 60)
            assert late.parent is not None
            assert late.parent.attributes["role"] == "status"
            assert "Anda boleh menutup halaman ini" in late.text
            assert [one.attributes["href"] for one in shown.all("a") if one.inside("div")][-2:] == ["/", ask]


def test_a_right_password_leads_to_the_system_also_without_a_script() -> None:
    (refresh,) = page("welcome_home").all("meta", **{"http-equiv": "refresh"})
    (link,) = page("welcome_home").all("a", href=HOME)

    assert refresh.attributes["content"] == f"0; url={HOME}"
    assert not refresh.inside("noscript")
    assert link.text == "Teruskan ke iSPEKS"
    assert page("welcome").all("meta", **{"http-equiv": "refresh"}) == []


def test_a_service_that_is_away_offers_the_same_page_again() -> None:
    (again,) = page("error_503_retry").all("a", href="/account/activation")

    assert again.text == "Cuba lagi"
    assert "Cuba lagi" not in [one.text for one in page("error_500").all("a")]


def test_the_script_has_words_for_a_form_that_did_not_arrive() -> None:
    for name in ("questions_0", "questions_3", "answer"):
        for language, shown in in_both_languages(name):
            (notice,) = [one for one in shown.elements if "data-unavailable" in one.attributes]

            assert notice.inside("template")
            assert notice.attributes.items() >= {"role": "alert", "tabindex": "-1"}.items()
            assert say(language, "unavailable.text") in notice.text


def test_each_answer_that_is_missing_is_told_at_its_field() -> None:
    shown = page("answer_missing")
    (above,) = summary(shown)
    fields = [shown.with_id(f"answer-{place}").attributes for place in range(3)]

    assert [one.attributes["href"] for one in above.inner[-1].inner[0].inner] == ["#answer-0"]
    assert len(above.inner[-1].inner) == 1
    assert [one.get("aria-invalid") for one in fields] == ["true", None, "true"]
    assert [one.get("aria-describedby") for one in fields] == ["answer-0-wrong-1", None, "answer-2-wrong-1"]
    assert [one["value"] for one in fields] == ["", "sekolah", " "]
    assert [shown.with_id(f"answer-{place}-wrong-1").text for place in (0, 2)] == ["Ralat: Masukkan jawapan."] * 2


def test_which_answer_is_wrong_is_told_to_nobody() -> None:
    shown = page("answer_wrong")
    fields = [shown.with_id(f"answer-{place}").attributes for place in range(3)]

    assert {(one["aria-invalid"], one["aria-describedby"], one["value"]) for one in fields} == {
        ("true", "answer-0-wrong-1", "")
    }


@pytest.mark.parametrize("name", ["bad_link_recovery_locked", "bad_link_activation_active"])
@pytest.mark.parametrize(
    ("language", "whom"), [("ms", "hubungi pentadbir iSPEKS"), ("en", "your iSPEKS administrator")]
)
def test_whoever_lost_the_account_to_somebody_else_is_sent_to_people(name: str, language: str, whom: str) -> None:
    assert whom in page(name, language).text


def test_a_form_is_sent_again_by_itself_only_where_it_still_holds_what_was_typed() -> None:
    def by_itself(name: str) -> bool:
        return "data-again" in page(name).all("form")[0].attributes

    assert by_itself("questions_again")
    assert by_itself("answer_again")
    assert not by_itself("answer_again_untold")
    assert not by_itself("questions_1")
    assert [one.attributes["value"] for one in page("answer_again").all("input", name="answer")] == [
        *("ibu", "sekolah", "kereta")
    ]


def test_the_script_judges_the_rules_that_there_are() -> None:
    script = (STATIC / "page.js").read_text("utf-8")
    judged = re.findall(r"^  (\w+): \(password\)", script, re.MULTILINE)

    assert judged == [rule.code for rule in PASSWORD_RULES]
    assert f".length >= {MIN_PASSWORD_LENGTH}," in script


@pytest.mark.parametrize("file", ["style.css", "page.js", "favicon.svg"])
def test_static_files_ask_nobody_else_for_anything(file: str) -> None:
    text = (STATIC / file).read_text("utf-8").replace("http://www.w3.org/2000/svg", "")

    assert re.findall(r"(?i)https?:|@import|url\(", text) == []
