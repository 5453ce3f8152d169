"""Numbers that authorities of Africa and the Middle East give to people and businesses."""

from __future__ import annotations

from holdfast.kernels.personal_data.checksums import luhn, weighted_sum
from holdfast.kernels.personal_data.identifiers import (
    DATED,
    FIRM,
    FORMATTED,
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
_EGYPTIAN_GOVERNORATES = {1, 2, 3, 4, *range(11, 20), *range(21, 30), *range(31, 36), 88}


def is_israeli_id(digits: str) -> bool:
    """Luhn, and not zeros only."""
    return luhn(digits) and int(digits) > 0


def is_turkish_id(digits: str) -> bool:
    """Two check digits: 7 times the odd places less the even ones, and the sum of the first ten, modulo 10."""
    values = [int(digit) for digit in digits]
    first = (7 * sum(values[0:9:2]) - sum(values[1:8:2])) % 10
    return values[0] != 0 and first == values[9] and sum(values[:10]) % 10 == values[10]


def is_vkn(digits: str) -> bool:
    """Each digit plus its place from the right, times a power of two, modulo 9."""
    total = 0
    for place, digit in enumerate(reversed(digits[:9]), start=1):
        shifted = (int(digit) + place) % 10
        total += (shifted * 2**place % 9 or 9) if shifted else 0
    return -total % 10 == int(digits[9]) and int(digits) > 0


def is_saudi_id(digits: str) -> bool:
    """1 for citizens, 2 for residents, Luhn."""
    return digits[0] in "12" and luhn(digits)


def is_emirates_id(digits: str) -> bool:
    """784, year of birth, Luhn."""
    return digits[:3] == "784" and 1900 <= int(digits[3:7]) <= 2099 and luhn(digits)


def is_kuwaiti_civil_id(digits: str) -> bool:
    """Century, date of birth, check digit modulo 11."""
    year = {"1": 1800, "2": 1900, "3": 2000}.get(digits[0], 0) + int(digits[1:3])
    check = 11 - weighted_sum(digits[:11], (2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)) % 11
    return is_date(year, int(digits[3:5]), int(digits[5:7])) and check == int(digits[11])


def is_iranian_code(digits: str) -> bool:
    """Weights 10 to 2, modulo 11, and not one digit ten times."""
    rest = weighted_sum(digits[:9], range(10, 1, -1)) % 11
    return len(set(digits)) > 1 and (rest if rest < 2 else 11 - rest) == int(digits[9])


def is_egyptian_id(digits: str) -> bool:
    """Century, date of birth, governorate."""
    year = {"2": 1900, "3": 2000}.get(digits[0], 0) + int(digits[1:3])
    return is_date(year, int(digits[3:5]), int(digits[5:7])) and int(digits[7:9]) in _EGYPTIAN_GOVERNORATES


def is_south_african_id(digits: str) -> bool:
    """Date of birth, citizen or resident, Luhn."""
    return is_short_date(digits[:2], digits[2:4], digits[4:6]) and digits[10] in "012" and luhn(digits)


def is_mauritian_id(text: str) -> bool:
    """Date of birth, weights 14 to 2, modulo 17."""
    total = weighted_sum(text[:13], range(14, 1, -1))
    return is_short_date(text[5:7], text[3:5], text[1:3]) and _ALPHABET[-total % 17] == text[13]


def is_ghanaian_tin(text: str) -> bool:
    """Weights 1 to 9 over the digits, modulo 11; 10 is X."""
    return "0123456789X"[weighted_sum(text[1:10], range(1, 10)) % 11] == text[10]


def is_nuit(digits: str) -> bool:
    """Weights 8, 9, 4 to 9, modulo 11; 10 counts as 1 (Mozambique)."""
    check = weighted_sum(digits[:8], (8, 9, 4, 5, 6, 7, 8, 9)) % 11
    return (1 if check == 10 else check) == int(digits[8]) and int(digits) > 0


RULES: tuple[Rule, ...] = (
    number(
        "IL_ID",
        "IL",
        "9|8 1",
        is_israeli_id,
        WEAK,
        "teudat zehut tz israeli",
        "Population Registry Law (Israel); Luhn",
        "Teudat zehut 393374236",
        between="-",
    ),
    number(
        "TR_TCKN",
        "TR",
        "11",
        is_turkish_id,
        DATED,
        "tc tckn kimlik tckimlik",
        "Nüfus Hizmetleri Kanunu 5490",
        "TC kimlik no: 17291716060",
    ),
    number(
        "TR_VKN",
        "TR",
        "10",
        is_vkn,
        WEAK,
        "vkn vergi",
        "Gelir İdaresi Başkanlığı, vergi kimlik numarası",
        "Vergi no 4540040144",
    ),
    number(
        "SA_NATIONAL_ID",
        "SA",
        "10",
        is_saudi_id,
        WEAK,
        "iqama saudi national",
        "Ministry of Interior (Saudi Arabia), national identity and iqama",
        "Iqama 2101234561",
    ),
    written(
        "AE_EMIRATES_ID",
        "AE",
        alone("7", "84-[0-9]{4}-[0-9]{7}-[0-9]"),
        Anchor("digit", (3, 3), 15),
        is_emirates_id,
        FIRM,
        "emirates eid id",
        "Federal Authority for Identity (UAE), Emirates ID",
        "784-1985-1234567-3",
        name="formatted",
    ),
    number(
        "AE_EMIRATES_ID",
        "AE",
        "15",
        is_emirates_id,
        FORMATTED,
        "emirates eid id uae",
        "Federal Authority for Identity (UAE), Emirates ID",
        "Emirates ID 784198512345673",
    ),
    number(
        "KW_CIVIL_ID",
        "KW",
        "12",
        is_kuwaiti_civil_id,
        DATED,
        "civil kuwait paci",
        "Public Authority for Civil Information (Kuwait)",
        "Civil ID 285010100111",
    ),
    number(
        "IR_NATIONAL_CODE",
        "IR",
        "10|3 6 1",
        is_iranian_code,
        WEAK,
        "melli kodemelli iran iranian",
        "National Organization for Civil Registration (Iran)",
        "Code melli 0012345679",
        between="-",
    ),
    number(
        "EG_NATIONAL_ID",
        "EG",
        "14",
        is_egyptian_id,
        Strength(0.3, 0.9),
        "egypt egyptian national raqam qawmi",
        "Civil Status Organization (Egypt), Law 143 of 1994",
        "National ID 29001011234567",
    ),
    number(
        "ZA_ID",
        "ZA",
        "13|6 4 2 1|6 4 3",
        is_south_african_id,
        Strength(0.5, 0.94),
        "id identity said identiteit identiteitsnommer",
        "Identification Act 68 of 1997 (South Africa)",
        "ID number 8001015009087",
        between=" ",
    ),
    token(
        "MU_NID",
        "MU",
        "[A-Z]",
        "[0-9]{12}[0-9A-Z]",
        (14, 14),
        is_mauritian_id,
        FORMATTED,
        "nid nic mauritius identity",
        "National Identity Card Act (Mauritius); MRA",
        "NIC A050585000123D",
    ),
    token(
        "GH_TIN",
        "GH",
        "[PCGQV]",
        "00[0-9]{7}[0-9X]",
        (11, 11),
        is_ghanaian_tin,
        Strength(0.4, 0.92),
        "tin ghana gra taxpayer",
        "Ghana Revenue Authority, Taxpayer Identification Number",
        "TIN C0003803155",
    ),
    written(
        "GH_CARD",
        "GH",
        alone("G", "HA-[0-9]{9}-[0-9]"),
        Anchor("word", words=("gha",)),
        None,
        Strength(0.8, 0.95),
        "ghana card",
        "National Identification Authority (Ghana), Ghana Card",
        "GHA-123456789-0",
    ),
    token(
        "KE_PIN",
        "KE",
        "[AP]",
        "[0-9]{9}[A-Z]",
        (11, 11),
        None,
        Strength(0.3, 0.88),
        "kra pin kenya",
        "Kenya Revenue Authority, PIN",
        "KRA PIN A004416331M",
    ),
    number(
        "NG_NIN",
        "NG",
        "11|4 3 4",
        None,
        Strength(0.02, 0.6),
        "nin nimc nigeria bvn",
        "National Identity Management Commission Act (Nigeria)",
        "My NIN is 12345678901",
        between="[- ]",
    ),
    number(
        "MZ_NUIT",
        "MZ",
        "9",
        is_nuit,
        WEAK,
        "nuit contribuinte mocambique",
        "Autoridade Tributária de Moçambique, NUIT",
        "NUIT 400339910",
    ),
    token(
        "UG_NIN",
        "UG",
        "C",
        "[MF][0-9]{5}[0-9A-Z]{6}[A-Z]",
        (14, 14),
        None,
        Strength(0.5, 0.9),
        "nin uganda nira",
        "Registration of Persons Act (Uganda), NIN",
        "NIN CM9005210ABCDZ",
    ),
)
