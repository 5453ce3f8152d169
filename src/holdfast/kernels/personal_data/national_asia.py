"""Numbers that authorities of Asia give to people and businesses.

Context in scripts that fold to no letter of their own (Han, Hangul, Thai, Devanagari) cannot be told apart by words;
there the numbers' own strength or an English or Romanised word must do.
"""

from __future__ import annotations

from holdfast.kernels.personal_data.checksums import luhn, mod_11_2, verhoeff, weighted_sum
from holdfast.kernels.personal_data.identifiers import (
    DATED,
    FIRM,
    FORMATTED,
    UNCHECKED,
    WEAK,
    Strength,
    alone,
    is_date,
    is_short_date,
    number,
    token,
    written,
)
from holdfast.kernels.personal_data.rule import Anchor, Rule

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CHINESE_PROVINCES = (
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83"
)
_TAIWANESE_LETTERS = "ABCDEFGHJKLMNPQRSTUVXYWZIO"  # 10 to 35
_SINGAPORE_LETTERS = {
    "S": "JZIHGFEDCBA",
    "T": "GFEDCBAJZIH",
    "F": "XWUTRQPNMLK",
    "G": "RQPNMLKXWUT",
    "M": "KLJNPQRTUWX",
}
_INDONESIAN_PROVINCES = (
    "11 12 13 14 15 16 17 18 19 21 31 32 33 34 35 36 51 52 53 "
    "61 62 63 64 65 71 72 73 74 75 76 81 82 91 92 93 94 95 96 97"
)
_AADHAAR_WORDS = "aadhaar aadhar adhaar uidai uid"


def is_aadhaar(digits: str) -> bool:
    """2 to 9 in front, Verhoeff, not the same from both ends."""
    return digits[0] in "23456789" and digits != digits[::-1] and verhoeff(digits)


def is_gstin(text: str) -> bool:
    """State of 01 to 38, check character: factors 1 and 2 in turn over 36 characters."""
    total = 0
    for place, character in enumerate(text[:14]):
        product = _ALPHABET.index(character) * (1 + place % 2)
        total += product // 36 + product % 36
    return 1 <= int(text[:2]) <= 38 and _ALPHABET[-total % 36] == text[14]


def is_epic(text: str) -> bool:
    """Luhn over the seven digits."""
    return luhn(text[3:])


def is_resident_identity(text: str) -> bool:
    """Province, date of birth, ISO 7064 MOD 11-2."""
    dated = is_date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    return text[:2] in _CHINESE_PROVINCES and dated and mod_11_2(text)


def is_hkid(text: str) -> bool:
    """Weights 9 to 2 with a blank before a single letter, modulo 11; 10 is A."""
    values = [int(character, 36) for character in text[:-1]]
    total = sum(value * weight for value, weight in zip([36, *values][-8:], range(9, 1, -1), strict=True))
    return "0123456789A"[-total % 11] == text[-1]


def is_taiwanese_id(text: str) -> bool:
    """Letter as two digits, sex or kind of resident, weights 1, 9 to 1, 1, modulo 10."""
    digits = str(10 + _TAIWANESE_LETTERS.index(text[0])) + text[1:]
    return text[1] in "1289" and weighted_sum(digits, (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1)) % 10 == 0


def is_my_number(digits: str) -> bool:
    """Weights 6 to 2, 7 to 2, modulo 11."""
    return (
        -weighted_sum(digits[:11], (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11 % 10 == int(digits[11]) and int(digits) > 0
    )


def is_rrn(digits: str) -> bool:
    """Date of birth, sex and century, check digit modulo 11 (another for foreigners); none since October 2020."""
    if not is_short_date(digits[:2], digits[2:4], digits[4:6]):
        return False
    rest = weighted_sum(digits[:12], (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11
    expected = ((13 if digits[6] in "5678" else 11) - rest) % 10
    return expected == int(digits[12]) or (digits[6] in "3478" and "20" <= digits[:2] < "60")


def is_nric(text: str) -> bool:
    """Weights 2, 7, 6, 5, 4, 3, 2, modulo 11, a row of letters for each first letter."""
    total = weighted_sum(text[1:8], (2, 7, 6, 5, 4, 3, 2)) + (3 if text[0] == "M" else 0)
    row = _SINGAPORE_LETTERS[text[0]]
    return (row[10 - total % 11] if text[0] == "M" else row[total % 11]) == text[8]


def is_thai_id(digits: str) -> bool:
    """1 to 8 in front, weights 13 to 2, modulo 11."""
    return digits[0] in "12345678" and (11 - weighted_sum(digits[:12], range(13, 1, -1)) % 11) % 10 == int(digits[12])


def is_mykad(digits: str) -> bool:
    """Date of birth and a place of birth that is given out."""
    place = int(digits[6:8])
    return is_short_date(digits[:2], digits[2:4], digits[4:6]) and (
        1 <= place <= 16 or 21 <= place <= 68 or 71 <= place <= 93 or place >= 98
    )


def is_nik(digits: str) -> bool:
    """Province, date of birth (40 more on the day for women), serial number not 0000."""
    day = int(digits[6:8])
    dated = is_short_date(digits[10:12], digits[8:10], str(day - 40 if day > 40 else day))
    return digits[:2] in _INDONESIAN_PROVINCES and dated and digits[12:] != "0000"


def is_cccd(digits: str) -> bool:
    """Province of 001 to 096; century and sex of people alive."""
    return 1 <= int(digits[:3]) <= 96 and digits[3] in "0123"


def is_cnic(digits: str) -> bool:
    """Province of 1 to 7; last digit, the sex, not 0."""
    return digits[0] in "1234567" and digits[12] != "0"


def is_old_sri_lankan(text: str) -> bool:
    """Day of the year of birth, 500 more for women."""
    return 1 <= int(text[2:5]) % 500 <= 366


def is_iin(digits: str) -> bool:
    """Date of birth, sex and century, check digit modulo 11 with a second row of weights (Kazakhstan)."""
    check = weighted_sum(digits[:11], range(1, 12)) % 11
    if check == 10:
        check = weighted_sum(digits[:11], (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)) % 11
    return is_short_date(digits[:2], digits[2:4], digits[4:6]) and digits[6] in "123456" and check == int(digits[11])


RULES: tuple[Rule, ...] = (
    number(
        "IN_AADHAAR",
        "IN",
        "4 4 4",
        is_aadhaar,
        Strength(0.1, 0.92),
        _AADHAAR_WORDS,
        "UIDAI, Aadhaar numbering scheme; Verhoeff",
        "Aadhaar 2341 2341 2346",
        between="[- ]?",
    ),
    token(
        "IN_PAN",
        "IN",
        "[A-Z]",
        "[A-Z]{2}[ABCFGHJLPT][A-Z][0-9]{4}[A-Z]",
        (10, 10),
        None,
        Strength(0.45, 0.93),
        "pan permanent account income tax",
        "Income-tax Rules 1962 (India), rule 114",
        "PAN ABCPE1234F",
    ),
    written(
        "IN_GSTIN",
        "IN",
        alone("[0-3]", "[0-9][A-Z]{5}[0-9]{4}[A-Z][1-9A-Z]Z[0-9A-Z]"),
        Anchor("digit", (2, 2), 2),
        is_gstin,
        FIRM,
        "gstin gst",
        "Central Goods and Services Tax Rules 2017, rule 10",
        "27AAPFU0939F1ZV",
    ),
    token(
        "IN_VOTER",
        "IN",
        "[A-Z]",
        "[A-Z]{2}[0-9]{7}",
        (10, 10),
        is_epic,
        Strength(0.15, 0.88),
        "voter epic election elector",
        "Election Commission of India, EPIC number",
        "Voter ID WKH1186253",
    ),
    written(
        "CN_RESIDENT_ID",
        "CN",
        alone("[1-8]", "[0-9]{16}[0-9Xx]"),
        Anchor("digit", (17, 18), 17),
        is_resident_identity,
        FIRM,
        "shenfenzheng identity id",
        "GB 11643-1999; ISO/IEC 7064",
        "11010519491231002X",
    ),
    token(
        "HK_ID",
        "HK",
        "[A-Z]",
        r"[A-Z]?[0-9]{6}\([0-9A]\)",
        (7, 8),
        is_hkid,
        FORMATTED,
        "hkid identity id hong kong",
        "Immigration Department (Hong Kong), HKID check digit",
        "A123456(3)",
    ),
    token(
        "HK_ID",
        "HK",
        "[A-Z]",
        "[A-Z]?[0-9]{6}[0-9A]",
        (8, 9),
        is_hkid,
        WEAK,
        "hkid hong kong",
        "Immigration Department (Hong Kong), HKID check digit",
        "HKID A1234563",
        name="plain",
    ),
    token(
        "TW_ID",
        "TW",
        "[A-Z]",
        "[1289][0-9]{8}",
        (10, 10),
        is_taiwanese_id,
        Strength(0.5, 0.93),
        "taiwan arc id identity",
        "Household Registration Act (Taiwan), number of the identity card",
        "A123456789",
    ),
    number(
        "JP_MY_NUMBER",
        "JP",
        "4 4 4",
        is_my_number,
        WEAK,
        "mynumber kojin bango japan",
        "Ministry of Internal Affairs (Japan), Order 85 of 2014, art. 5",
        "Kojin bango 1234 5678 9018",
        between="[- ]?",
    ),
    written(
        "KR_RRN",
        "KR",
        alone("[0-9]", "[0-9]{5}-[1-8][0-9]{6}"),
        Anchor("digit", (6, 6), 13),
        is_rrn,
        FIRM,
        "rrn resident registration jumin",
        "Resident Registration Act (Korea), Enforcement Rules art. 2",
        "971013-1019901",
    ),
    token(
        "SG_NRIC_FIN",
        "SG",
        "[STFGMstfgm]",
        "[0-9]{7}[A-Za-z]",
        (9, 9),
        is_nric,
        FORMATTED,
        "nric fin singpass",
        "Immigration and Checkpoints Authority (Singapore), NRIC and FIN",
        "S1234567D",
    ),
    number(
        "TH_ID",
        "TH",
        "13",
        is_thai_id,
        WEAK,
        "thai thailand",
        "Department of Provincial Administration (Thailand)",
        "Thai ID 1101700203450",
    ),
    written(
        "TH_ID",
        "TH",
        alone("[1-8]", "-[0-9]{4}-[0-9]{5}-[0-9]{2}-[0-9]"),
        Anchor("digit", (1, 1), 13),
        is_thai_id,
        FIRM,
        "thai id",
        "Department of Provincial Administration (Thailand)",
        "1-1017-00203-45-0",
        name="formatted",
    ),
    written(
        "MY_NRIC",
        "MY",
        alone("[0-9]", "[0-9]{5}-[0-9]{2}-[0-9]{4}"),
        Anchor("digit", (6, 6), 12),
        is_mykad,
        FORMATTED,
        "nric mykad kad pengenalan ic",
        "National Registration Department (Malaysia)",
        "770305-02-1234",
        name="formatted",
    ),
    number(
        "MY_NRIC",
        "MY",
        "12",
        is_mykad,
        Strength(0.1, 0.8),
        "nric mykad pengenalan ic",
        "National Registration Department (Malaysia)",
        "No. IC 770305021234",
    ),
    number(
        "ID_NIK",
        "ID",
        "16|6 6 4",
        is_nik,
        Strength(0.3, 0.93),
        "nik ktp kependudukan induk",
        "Peraturan Pemerintah 40/2019; Kemendagri, NIK",
        "NIK 3171011708450001",
        between="[. ]",
    ),
    number(
        "VN_CCCD",
        "VN",
        "12",
        is_cccd,
        UNCHECKED,
        "cccd cmnd can cuoc dinh danh",
        "Nghị định 137/2015/NĐ-CP, điều 13",
        "Số CCCD 001090012345",
    ),
    written(
        "PK_CNIC",
        "PK",
        alone("[1-7]", "[0-9]{4}-[0-9]{7}-[1-9]"),
        Anchor("digit", (5, 5), 13),
        is_cnic,
        FORMATTED,
        "cnic nic nadra",
        "NADRA, Computerised National Identity Card",
        "42201-0397640-8",
        name="formatted",
    ),
    number(
        "PK_CNIC",
        "PK",
        "13",
        is_cnic,
        UNCHECKED,
        "cnic nic nadra",
        "NADRA, Computerised National Identity Card",
        "CNIC 4220103976408",
    ),
    written(
        "LK_NIC",
        "LK",
        alone("[0-9]", "[0-9]{8}[VXvx]"),
        Anchor("digit", (9, 9), 9),
        is_old_sri_lankan,
        Strength(0.4, 0.9),
        "nic identity national",
        "Department for Registration of Persons (Sri Lanka)",
        "NIC 853400937V",
    ),
    number(
        "KZ_IIN",
        "KZ",
        "12",
        is_iin,
        DATED,
        "иин жсн iin zhsn",
        "Закон Республики Казахстан о национальных реестрах, ИИН",
        "ИИН 851203300489",
    ),
)
