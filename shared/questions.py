"""The catalogue of security questions, in Malay and English. Pure.

The first three are the guide's. The others follow what OWASP's cheat sheet asks of a security question: memorable,
lasting, true of most people, and not written down where a stranger looks. NIST SP 800-63B-4 forbids such questions
altogether; here they are the guide's requirement, and never open an account by themselves.
https://cheatsheetseries.owasp.org/cheatsheets/Choosing_and_Using_Security_Questions_Cheat_Sheet.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

QUESTIONS_TO_PICK: Final = 3


@dataclass(frozen=True, slots=True)
class Question:
    """One question. Events and tables hold its code, so a wording may be mended and a code never reused."""

    code: str
    malay: str
    english: str


_CATALOGUE: Final = (
    Question("mother_name", "Nama Ibu?", "Mother's name?"),
    Question("first_school", "Nama Sekolah Pertama Anda?", "Name of your first school?"),
    Question("first_car", "Kereta Pertama Anda?", "Your first car?"),
    Question("first_teacher", "Nama Guru Darjah Satu Anda?", "Name of your teacher in Standard One?"),
    Question("childhood_friend", "Nama Kawan Baik Anda Semasa Kecil?", "Name of your best childhood friend?"),
    Question("childhood_street", "Nama Jalan Tempat Anda Membesar?", "Name of the street where you grew up?"),
    Question("childhood_nickname", "Nama Gelaran Anda Semasa Kecil?", "Your nickname as a child?"),
    Question("maternal_grandmother", "Nama Nenek Sebelah Ibu?", "Name of your mother's mother?"),
    Question("paternal_grandfather", "Nama Datuk Sebelah Bapa?", "Name of your father's father?"),
    Question("eldest_cousin", "Nama Sepupu Sulung Anda?", "Name of your eldest cousin?"),
    Question("first_pet", "Nama Haiwan Peliharaan Pertama Anda?", "Name of your first pet?"),
    Question("first_workplace", "Tempat Kerja Pertama Anda?", "Your first place of work?"),
    Question("first_superior", "Nama Ketua Pertama Anda di Tempat Kerja?", "Name of your first superior at work?"),
    Question("first_phone", "Jenama Telefon Bimbit Pertama Anda?", "Brand of your first mobile phone?"),
    Question("first_flight", "Destinasi Penerbangan Pertama Anda?", "Destination of your first flight?"),
    Question("first_dish", "Masakan Pertama yang Anda Pandai Masak?", "The first dish you learnt to cook?"),
)

QUESTIONS: Final[Mapping[str, Question]] = {question.code: question for question in _CATALOGUE}
"""Code → question, in the order in which they are shown."""
