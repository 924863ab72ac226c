"""What a password is refused for beyond the five rules, and what it is not refused for."""

import string
from importlib.resources import files
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.portal.policy import Objection, Person, folded, objections

SIGNS = string.punctuation + " "
LOOKALIKES = {"o": "0", "i": "1!", "l": "1", "e": "3", "a": "4@", "s": "5$", "t": "7"}
FINE = "Kereta-Merah-1985"

separators = st.text(alphabet=SIGNS + "–\u00a0", max_size=3)
people = st.builds(
    Person,
    st.dates().map(lambda day: f"{day:%y%m%d}030007"),
    st.text(max_size=60),
    st.text(max_size=40).map(lambda local: f"{local}@example.gov.my"),
)


def person(
    ic_number: str = "850127030007",
    name: str = "NURAMALINA RAJÛ BINTI SALLEH",
    email: str = "pegawai_lapan8@example.gov.my",
) -> Person:
    return Person(ic_number, name, email)


def keys(password: str, whose: Person | None = None) -> list[str]:
    return [objection.key for objection in objections(password, whose or person())]


def named(password: str, whose: Person | None = None) -> list[object]:
    return [objection.values["part"] for objection in objections(password, whose or person())]


def entries() -> list[str]:
    return [line for line in _lines() if not line.startswith("#")]


def _lines() -> list[str]:
    return files("services.portal").joinpath("common_passwords.txt").read_text("utf-8").splitlines()


@pytest.mark.parametrize(
    "password",
    [
        FINE,
        "Hujan Turun 7 Kali!",
        "Tiga-Ekor-Kucing-2026",
        "correct Horse battery 5taple",
        "xK9$mQ2!vR7#pL",
        "Pasar Tani @ 6 pagi",
        "Kopi panas, 2 cawan",
        "雨が降る-Hujan-7",
    ],
)
def test_a_good_password_is_not_objected_to(password: str) -> None:
    assert objections(password, person()) == ()


@given(st.text(), people)
def test_any_text_of_any_person_is_judged_without_an_error(password: str, whose: Person) -> None:
    assert all(objection.key.startswith("password.") for objection in objections(password, whose))


@given(st.text())
def test_any_text_folds_and_its_case_is_gone(text: str) -> None:
    assert not any(c in string.ascii_uppercase for c in folded(text))


@given(st.lists(separators, min_size=11, max_size=11), st.text(max_size=5), st.text(max_size=5))
def test_the_ic_number_is_found_with_any_signs_between_its_digits(gaps: list[str], before: str, after: str) -> None:
    digits = person().ic_number

    spread = digits[0] + "".join(gap + digit for gap, digit in zip(gaps, digits[1:], strict=True))

    assert "password.contains_ic" in keys(f"{before}{spread}{after}")


@pytest.mark.parametrize("typed", ["Ａ８５０１２７－０３－０００７ｂ", "A٨٥٠١٢٧٠٣٠٠٠٧-b", "No Kad: 850127 03 0007"])
def test_the_ic_number_is_found_in_other_scripts_digits(typed: str) -> None:
    assert keys(typed) == ["password.contains_ic"]


def test_the_ic_number_is_not_said_to_be_a_date_as_well() -> None:
    assert keys("Kebun-850127030007") == ["password.contains_ic"]


@pytest.mark.parametrize("password", ["Kebun-850127-03-007", "Kebun-85-0-2703", "Kebun-127030007"])
def test_fewer_digits_are_no_ic_number(password: str) -> None:
    assert "password.contains_ic" not in keys(password)


@pytest.mark.parametrize(
    "date",
    [
        "850127", "270185", "012785", "27011985", "01271985", "19850127", "85-01-27", "27/01/1985", "27.1.85",
        "1/27/1985", "1985 1 27", "27Jan85", "27-januari-1985", "January 27, 1985", "1985Jan27", "2 7 0 1 8 5",
        "27012085",
    ],
)  # fmt: skip
def test_the_birth_date_is_found_in_each_order_people_write_it(date: str) -> None:
    assert keys(f"Kebun-{date}-Getah") == ["password.contains_birth_date"]


@pytest.mark.parametrize(
    ("ic_number", "date"),
    [("010203030007", "3-Feb-01"), ("900304030007", "4Mac1990"), ("990831030007", "31 Ogos 1999"),
     ("881005030007", "5okt88"), ("001231030007", "31-Disember-2000"), ("920510030007", "10mei92")],
)  # fmt: skip
def test_months_are_known_in_malay(ic_number: str, date: str) -> None:
    assert keys(f"Kebun-{date}-Getah", person(ic_number)) == ["password.contains_birth_date"]


@pytest.mark.parametrize("date", ["1985", "2701", "0127", "27-85", "27Feb1985", "28011985", "27-1-1986", "27185"])
def test_less_than_the_birth_date_and_another_date_are_allowed(date: str) -> None:
    assert keys(f"Kebun-{date}-Getah") == []


@pytest.mark.parametrize(
    ("password", "part"),
    [
        ("Nuramalina-Kebun-1", "NURAMALINA"),
        ("xxNURAMALINAxx-1", "NURAMALINA"),
        ("Nur4ma11na-Kebun", "NURAMALINA"),
        ("NÚRAMALINA-Kebun-1", "NURAMALINA"),
        ("Kebun-raju-99-X", "RAJÛ"),
        ("Kebun-R@jU-99", "RAJÛ"),
        ("Kebun-$a1l3h-99", "SALLEH"),
        ("Kebun-5all3h-99", "SALLEH"),
    ],
)
def test_a_part_of_the_name_is_found_and_named(password: str, part: str) -> None:
    assert objections(password, person()) == (Objection("password.contains_name", {"part": part}),)


@given(st.data())
def test_a_name_in_look_alikes_is_found_while_one_letter_of_it_is_left(data: st.DataObject) -> None:
    typed = "".join(data.draw(st.sampled_from(letter + LOOKALIKES.get(letter, ""))) for letter in "salleh")

    assert named(f"Kebun-{typed}-99") == ["SALLEH"]


def test_each_part_that_was_found_is_named() -> None:
    assert named("Nuramalina-Salleh-1") == ["NURAMALINA", "SALLEH"]


@pytest.mark.parametrize(
    ("name", "password", "part"),
    [
        ("NURUL'AISYAH BINTI ALI", "Kebun-aisyah-99", "NURUL'AISYAH"),
        ("NUR‘AIN BINTI ALI", "Kebun-NurAin-99", "NUR‘AIN"),
        ("(ABDUL-RAHMAN) BIN ALI", "Kebun-rahman-99", "ABDUL-RAHMAN"),
        ("ALI BIN ABU @ MAJID", "Kebun-majid-99", "MAJID"),
        ("ALI@MAJID BIN ABU", "Kebun-majid-99", "MAJID"),
        ("LIM WEI JIE", "Kebun-WeiJie-99", "WEI JIE"),
        ("LIM WEI JIE", "Kebun-wei_jie-99", "WEI JIE"),
        ("LIM WEI JIE", "Kebun-L1mW31-99", "LIM WEI"),
        ("MUTHU A/L RAMAN", "Kebun-Raman-99", "RAMAN"),
    ],
)
def test_names_are_taken_apart_as_they_are_written_here(name: str, password: str, part: str) -> None:
    assert named(password, person(name=name)) == [part]


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("DATO' HAJI ALI BIN ABU", "Bantuan-Haji-Dato-99"),
        ("JAU ANAK ABU", "Anak-Kebun-Getah-9"),
        ("ALI BINTI ABU", "Binti-Kebun-Getah-9"),
        ("ALI BIN ABU", "AliBin-Kebun-9"),
        ("ALI BIN ABU", "Kebun-AliAbu-99"),
        ("LIM WEI JIE", "Kebun-wei-getah-99"),
        ("LIM WEI JIE", "Kebun-weixjie-99"),
        ("K RAO", "Kebun-KRao-99"),
        ("LILI BINTI ABU", "Kebun-1111-Getah"),
        ("", "Kebun-Getah-99"),
        ("- . '", "Kebun-Getah-99 - . '"),
    ],
)
def test_forms_of_address_single_short_words_and_bare_digits_are_no_part_of_a_name(name: str, password: str) -> None:
    assert objections(password, person(name=name)) == ()


@pytest.mark.parametrize(
    ("email", "password", "parts"),
    [
        ("siti.kebun@example.gov.my", "Siti.Kebun-Getah9", ["siti.kebun"]),
        ("siti.kebun@example.gov.my", "S1t1K3bun-Getah9", ["siti.kebun"]),
        ("siti.kebun@example.gov.my", "Getah-Kebun-99", ["kebun"]),
        ("siti_kebun-getah@example.gov.my", "Getah-xx-Siti9", ["siti", "getah"]),
        ("kebun85@example.gov.my", "Xx-kebun85-99", ["kebun85"]),
        ("kebun85@example.gov.my", "Xx-Kebun-99-77", ["kebun"]),
        ("ali.b@example.gov.my", "Xx-AliB-99-77", ["ali.b"]),
        ("4417@example.gov.my", "Xx-4417-Yyyyy", ["4417"]),
        ("getah@kebun.gov.my", "Kebun-Sawit-99", []),
        ("ali@example.gov.my", "Xx-Ali-99-77Yy", []),
        ("", "Xx-Ali-99-77Yy", []),
        ("----@example.gov.my", "----Xx-99-77Yy", []),
    ],
)
def test_the_mail_name_is_found_whole_or_by_its_longer_parts(email: str, password: str, parts: list[str]) -> None:
    found = objections(password, person(email=email, name="X"))

    assert found == tuple(Objection("password.contains_mail_name", {"part": part}) for part in parts)


def test_what_is_said_of_the_name_is_not_said_of_the_mail_name_again() -> None:
    assert keys("Kebun-Salleh-99", person(email="salleh@example.gov.my")) == ["password.contains_name"]


@pytest.mark.parametrize(
    "password",
    [
        "Password123!", "Malaysia-2026!", "P@ssw0rd1234", "p@$$W0rd-1234", "$ayang-2026-!!", "12345-Sayang-!",
        "Qwertyuiop1!", "Abc12345678!", "Trustno1-2026!", "1q2w3e4r5T!!", "I-Love-You-123", "Pass-Word-123",
        "Pässword-1234",
        "Ｋｅｌａｎｔａｎ－２０２６", "Kata Laluan 123!", "H4rimau-Mal4ya-1", "Bismillah786!", "iSPEKS-2026-!",
        "P@ss-Word-123", "123456789", "Password" + "1" * 120,
    ],
)  # fmt: skip
def test_a_listed_password_is_refused_dressed_up_too(password: str) -> None:
    assert keys(password) == ["password.common"]


@given(
    st.sampled_from(entries()), st.text(string.digits + SIGNS, max_size=12), st.text(string.digits + SIGNS, max_size=12)
)
def test_every_entry_is_refused_with_any_digits_and_signs_around_it(entry: str, before: str, after: str) -> None:
    assume(any(c.isalpha() for c in entry))

    assert "password.common" in keys(f"{before}{entry.title()}{after}")


@pytest.mark.parametrize(
    "password", ["Bali-2026-2027", "T0o7-2026-2027", "Sayang-Getah-99", "Malaysia-Kebun-7", "123456-Kebun-Getah"]
)
def test_a_listed_word_beside_another_and_a_word_that_only_looks_like_a_listed_one_are_allowed(password: str) -> None:
    assert keys(password) == []


def test_the_list_names_source_and_licence_and_how_it_is_made_anew() -> None:
    first, header = _lines()[0], "\n".join(line for line in _lines() if line.startswith("#"))

    assert all(word in first for word in ("Django", "Royce Williams", "BSD-3-Clause", "MIT"))
    assert "Copyright (c) Django Software Foundation" in header
    assert "Redistributions of source code must retain" in header
    assert "common-passwords.txt.gz" in header


def test_the_list_is_long_and_each_entry_is_lower_case_and_there_once() -> None:
    listed = entries()

    assert len(listed) >= 10_000
    assert len(set(listed)) == len(listed)
    assert all(entry == entry.lower().strip() and len(entry) >= 4 and entry.isprintable() for entry in listed)


def test_the_list_is_two_sorted_sections_the_second_malay() -> None:
    lines = _lines()
    second = lines.index("# Second section: Malay.")
    common, malay = (
        [line for line in section if not line.startswith("#")] for section in (lines[:second], lines[second:])
    )

    assert all(a < b for section in (common, malay) for a, b in pairwise(section))
    assert len(malay) >= 300
    assert {"kelantan", "harimaumalaya", "katalaluan", "rahsiaku", "negaraku", "ispeks"} <= set(malay)
    assert {"password", "qwerty", "sayang", "malaysia", "bismillah"} <= set(common)
