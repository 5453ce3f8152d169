"""Numbers that authorities of Eastern Europe give to people and businesses."""

from __future__ import annotations

from holdfast.kernels.personal_data.checksums import mod_11_10, weighted_sum
from holdfast.kernels.personal_data.identifiers import (
    DATED,
    FORMATTED,
    GAP,
    WEAK,
    Strength,
    introduced,
    is_date,
    is_short_date,
    number,
    token,
)
from holdfast.kernels.personal_data.rule import Rule

_ROMANIAN_CENTURIES = {"1": 19, "2": 19, "3": 18, "4": 18, "5": 20, "6": 20}
_REGON_9 = (8, 9, 2, 3, 4, 5, 6, 7)
_REGON_14 = (2, 4, 8, 5, 0, 9, 7, 3, 6, 1, 2, 4, 8)


def is_pesel(digits: str) -> bool:
    """Date of birth with the century added to the month, check digit modulo 10."""
    century, month = divmod(int(digits[2:4]), 20)
    year = (19, 20, 21, 22, 18)[century] * 100 + int(digits[:2])
    return weighted_sum(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0 and is_date(year, month, int(digits[4:6]))


def is_nip(digits: str) -> bool:
    """Weights 6, 5, 7, 2, 3, 4, 5, 6, 7, modulo 11; a remainder of 10 is never given out."""
    return weighted_sum(digits, (6, 5, 7, 2, 3, 4, 5, 6, 7)) % 11 == int(digits[9]) and int(digits) > 0


def is_nip_for_vat(text: str) -> bool:
    """A NIP after the country's letters."""
    return is_nip(text[2:])


def is_regon(digits: str) -> bool:
    """Check digit modulo 11, 10 counts as 0; in 14 digits the first nine must be a number of their own."""
    if int(digits) == 0 or weighted_sum(digits[:8], _REGON_9) % 11 % 10 != int(digits[8]):
        return False
    return len(digits) == 9 or weighted_sum(digits[:13], _REGON_14) % 11 % 10 == int(digits[13])


def is_dowod(text: str) -> bool:
    """Weights 7, 3, 1, 9, 7, 3, 1, 7, 3 over letters and digits, modulo 10."""
    return weighted_sum(text, (7, 3, 1, 9, 7, 3, 1, 7, 3)) % 10 == 0


def is_polish_passport(text: str) -> bool:
    """Weights 7, 3, 9, 1, 7, 3, 1, 7, 3 over letters and digits, modulo 10."""
    return weighted_sum(text, (7, 3, 9, 1, 7, 3, 1, 7, 3)) % 10 == 0


def is_rodne_cislo(digits: str) -> bool:
    """Date of birth (50 more on the month for women, 20 more where numbers ran out), divisible by 11 since 1954."""
    month = int(digits[2:4]) % 50
    month -= 20 if month > 20 else 0
    check = len(digits) == 9 or int(digits[:9]) % 11 % 10 == int(digits[9])
    return check and is_short_date(digits[:2], str(month), digits[4:6]) and (len(digits) == 10 or digits[:2] < "54")


def is_adoazonosito(digits: str) -> bool:
    """8 in front, five digits for the date of birth, the sum of place times digit modulo 11."""
    return digits[0] == "8" and weighted_sum(digits[:9], range(1, 10)) % 11 == int(digits[9])


def is_taj(digits: str) -> bool:
    """Weights 3 and 7 in turn, modulo 10."""
    return weighted_sum(digits[:8], (3, 7) * 4) % 10 == int(digits[8]) and int(digits) > 0


def is_hungarian_personal(digits: str) -> bool:
    """Sex and century, date of birth, check digit modulo 11; the weights turned round in 1997."""
    rising, falling = range(1, 11), range(10, 0, -1)
    check = any(weighted_sum(digits[:10], weights) % 11 == int(digits[10]) for weights in (rising, falling))
    return digits[0] in "12345678" and check and is_short_date(digits[1:3], digits[3:5], digits[5:7])


def is_cnp(digits: str) -> bool:
    """Sex and century, date of birth, county, check digit modulo 11."""
    check = weighted_sum(digits, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    county = int(digits[7:9])
    century = _ROMANIAN_CENTURIES.get(digits[0], 19)
    dated = is_date(century * 100 + int(digits[1:3]), int(digits[3:5]), int(digits[5:7]))
    in_county = 1 <= county <= 48 or county in (51, 52, 70, 80, 81, 82, 83)
    return digits[0] != "0" and dated and in_county and (1 if check == 10 else check) == int(digits[12])


def is_egn(digits: str) -> bool:
    """Date of birth (20 or 40 more on the month for the 19th and 21st century), check digit modulo 11."""
    month = int(digits[2:4])
    century = 18 if 20 < month <= 32 else 20 if 40 < month <= 52 else 19
    dated = is_date(century * 100 + int(digits[:2]), month % 20, int(digits[4:6]))
    return dated and weighted_sum(digits[:9], (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10 == int(digits[9])


def is_oib(digits: str) -> bool:
    """ISO 7064 MOD 11,10."""
    return mod_11_10(digits) and int(digits) > 0


def is_jmbg(digits: str) -> bool:
    """Date of birth with three digits of the year, check digit modulo 11 (former Yugoslavia)."""
    year = int(digits[4:7]) + (2000 if digits[4] < "8" else 1000)
    check = -weighted_sum(digits[:12], (7, 6, 5, 4, 3, 2) * 2) % 11 % 10
    return is_date(year, int(digits[2:4]), int(digits[:2])) and check == int(digits[12])


def is_slovenian_tax(digits: str) -> bool:
    """Weights 8 to 2, modulo 11."""
    check = 11 - weighted_sum(digits[:7], range(8, 1, -1)) % 11
    return digits[0] != "0" and (0 if check == 10 else check) == int(digits[7])


def is_rnokpp(digits: str) -> bool:
    """Days from 31 December 1899 to the birth in front, check digit modulo 11 (Ukraine)."""
    check = weighted_sum(digits[:9], (-1, 5, 7, 9, 4, 6, 10, 5, 7)) % 11 % 10
    return check == int(digits[9]) and int(digits[:5]) < 54_800  # a birth before 2050


def is_snils(digits: str) -> bool:
    """Two check digits: weights 9 to 1, modulo 101; kept from number 001-001-998 on."""
    return int(digits[:9]) > 1_001_998 and weighted_sum(digits[:9], range(9, 0, -1)) % 101 % 100 == int(digits[9:])


def is_personal_inn(digits: str) -> bool:
    """Two check digits modulo 11 (a person's, of twelve digits)."""
    first = weighted_sum(digits[:10], (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    second = weighted_sum(digits[:11], (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    return int(digits) > 0 and first == int(digits[10]) and second == int(digits[11])


def is_idnp(digits: str) -> bool:
    """2 or 0 in front, weights 7, 3, 1, modulo 10 (Moldova)."""
    return digits[0] in "02" and weighted_sum(digits[:12], (7, 3, 1) * 4) % 10 == int(digits[12]) and int(digits) > 0


RULES: tuple[Rule, ...] = (
    number(
        "PESEL",
        "PL",
        "6 5|5 6",
        is_pesel,
        DATED,
        "pesel pesele peselu ewidencyjny",
        "Ustawa z dnia 24 września 2010 r. o ewidencji ludności, art. 15-16",
        "PESEL 44051401359",
        between="[- ]?",
    ),
    number(
        "NIP",
        "PL",
        "3 3 2 2|3 2 2 3",
        is_nip,
        WEAK,
        "nip nipu podatkowej podatnika podatkowy",
        "Ustawa o zasadach ewidencji i identyfikacji podatników; rozporządzenie MF, NIP",
        "NIP: 123-456-32-18",
        between="[- ]?",
    ),
    token(
        "NIP",
        "PL",
        "P",
        "L[0-9]{10}",
        (12, 12),
        is_nip_for_vat,
        FORMATTED,
        "nip vat ue",
        "Ustawa o podatku od towarów i usług, art. 97",
        "PL1234563218",
        name="eu_vat",
    ),
    number(
        "REGON",
        "PL",
        "3 3 3|9 5",
        is_regon,
        WEAK,
        "regon regonu",
        "Rozporządzenie RM w sprawie rejestru REGON, załącznik",
        "REGON 123456785",
        between="[- ]?",
    ),
    token(
        "DOWOD",
        "PL",
        "[A-Z]",
        "[A-Z]{2}[0-9]{6}",
        (9, 9),
        is_dowod,
        Strength(0.3, 0.92),
        "dowod dowodu dowodem osobisty osobistego osobistym tozsamosci",
        "Rozporządzenie MSWiA w sprawie wzoru dowodu osobistego",
        "legitymujący się dowodem osobistym nr ABA300000",
    ),
    introduced(
        "DOWOD",
        "PL",
        "dowod dowodu dowodem osobisty osobistego osobistym",
        GAP,
        "[A-Z]{3} [0-9]{6}",
        is_dowod,
        0.92,
        "Rozporządzenie MSWiA w sprawie wzoru dowodu osobistego",
        "dowód osobisty ABA 300000",
        name="spaced",
    ),
    token(
        "PL_PASSPORT",
        "PL",
        "[A-Z]",
        "[A-Z][0-9]{7}",
        (9, 9),
        is_polish_passport,
        Strength(0.2, 0.9),
        "paszport paszportu paszportem passport",
        "Ustawa o dokumentach paszportowych; załącznik do rozporządzenia",
        "paszport nr ZS0000177",
    ),
    number(
        "CZ_RODNE_CISLO",
        "CZ",
        "6 4|6 3",
        is_rodne_cislo,
        DATED,
        "rodne rc",
        "Zákon č. 133/2000 Sb., § 13",
        "Rodné číslo: 710319/2745",
        between="/?",
    ),
    number(
        "SK_RODNE_CISLO",
        "SK",
        "6 4|6 3",
        is_rodne_cislo,
        Strength(0.3, 0.89),
        "rodne rc",
        "Zákon č. 301/1995 Z. z. o rodnom čísle",
        "Rodné číslo osoby: 710319/2745",
        between="/?",
    ),
    number(
        "HU_ADOAZONOSITO",
        "HU",
        "10",
        is_adoazonosito,
        WEAK,
        "adoazonosito ado adoszam adojel",
        "2017. évi CL. törvény, 1. melléklet",
        "Adóazonosító jel: 8071925101",
    ),
    number(
        "HU_TAJ",
        "HU",
        "3 3 3",
        is_taj,
        WEAK,
        "taj tajszam tarsadalombiztositasi",
        "1996. évi XX. törvény, TAJ szám",
        "TAJ szám: 111 111 110",
        between="[- ]?",
    ),
    number(
        "HU_SZEMELYI_SZAM",
        "HU",
        "1 6 4|1 10",
        is_hungarian_personal,
        DATED,
        "szemelyi szemelyazonosito",
        "1996. évi XX. törvény, 2. melléklet",
        "Személyi szám: 1 850415 1002",
        between="[- ]?",
    ),
    number(
        "RO_CNP",
        "RO",
        "13|1 6 6|7 6",
        is_cnp,
        FORMATTED,
        "cnp personal numeric cod",
        "OUG 97/2005; Legea 105/1996, CNP",
        "CNP 1630615123457",
        between="[- ]",
    ),
    number(
        "BG_EGN",
        "BG",
        "10|6 4",
        is_egn,
        DATED,
        "егн граждански egn",
        "Закон за гражданската регистрация, чл. 11",
        "ЕГН 7523169263",
        between=" ",
    ),
    number(
        "HR_OIB",
        "HR",
        "11",
        is_oib,
        WEAK,
        "oib identifikacijski",
        "Zakon o osobnom identifikacijskom broju; ISO/IEC 7064",
        "OIB: 33392005961",
    ),
    number(
        "SI_EMSO",
        "SI",
        "13",
        is_jmbg,
        Strength(0.5, 0.95),
        "emso maticna",
        "Zakon o centralnem registru prebivalstva, EMŠO",
        "EMŠO 0101006500006",
    ),
    number(
        "SI_DAVCNA_STEVILKA",
        "SI",
        "8",
        is_slovenian_tax,
        WEAK,
        "davcna davcni",
        "Zakon o finančni upravi; FURS, davčna številka",
        "Davčna številka 15012557",
    ),
    number(
        "RS_JMBG",
        "RS",
        "13",
        is_jmbg,
        Strength(0.4, 0.94),
        "jmbg јмбг јединствени maticni матични",
        "Zakon o jedinstvenom matičnom broju građana",
        "JMBG 0101006710000",
    ),
    number(
        "UA_RNOKPP",
        "UA",
        "10",
        is_rnokpp,
        WEAK,
        "рнокпп ипн іпн платника rnokpp податковий",
        "Податковий кодекс України, стаття 70",
        "РНОКПП 1759013074",
    ),
    number(
        "RU_SNILS",
        "RU",
        "11|3 3 3 2",
        is_snils,
        DATED,
        "снилс snils страховой",
        "Федеральный закон 27-ФЗ; ПФР, СНИЛС",
        "СНИЛС 112-233-445 95",
        between="[- ]",
    ),
    number(
        "RU_INN",
        "RU",
        "12",
        is_personal_inn,
        DATED,
        "инн inn налогоплательщика",
        "Приказ ФНС ЕД-7-14/559, ИНН",
        "ИНН 500100732259",
    ),
    number(
        "MD_IDNP",
        "MD",
        "13",
        is_idnp,
        WEAK,
        "idnp idno identificare",
        "Legea 273/1994 privind actele de identitate, IDNP",
        "IDNP 2005001090005",
    ),
)
