"""Numbers that authorities of Northern Europe and the Baltic states give to people and businesses."""

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
    written,
)
from holdfast.kernels.personal_data.rule import Anchor, Rule

_BALTIC_CENTURIES = {"1": 18, "2": 18, "3": 19, "4": 19, "5": 20, "6": 20, "7": 21, "8": 21}


def is_personnummer(digits: str) -> bool:
    """Date of birth (60 more on the day in a samordningsnummer), Luhn over the last ten digits."""
    digits = digits.replace("+", "")  # instead of the dash from the hundredth birthday on
    short = digits[-10:]
    day = int(short[4:6])
    century_fits = len(digits) == 10 or digits[:2] in ("18", "19", "20")
    return century_fits and is_short_date(short[:2], short[2:4], str(day - 60 if day > 60 else day)) and luhn(short)


def is_organisationsnummer(digits: str) -> bool:
    """Third digit at least 2, so that it is no date; Luhn."""
    return digits[2] >= "2" and digits[0] in "12356789" and luhn(digits)


def is_cpr(digits: str) -> bool:
    """Date of birth; the check digit modulo 11 is no longer kept since 2007."""
    return is_short_date(digits[4:6], digits[2:4], digits[:2])


def is_cvr(digits: str) -> bool:
    """Weights 2, 7, 6, 5, 4, 3, 2, 1, modulo 11."""
    return digits[0] != "0" and weighted_sum(digits, (2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def is_fodselsnummer(digits: str) -> bool:
    """Date of birth (40 more on the day or the month where it is a D or H number), two check digits modulo 11."""
    day, month = int(digits[:2]) % 40, int(digits[2:4]) % 40
    first = weighted_sum(digits, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) % 11 == 0
    second = weighted_sum(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0
    return first and second and int(digits[:2]) < 80 and is_short_date(digits[4:6], str(month), str(day))


def is_norwegian_organisation(digits: str) -> bool:
    """First digit 8 or 9, weights 3, 2, 7, 6, 5, 4, 3, 2, 1, modulo 11."""
    return digits[0] in "89" and weighted_sum(digits, (3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def is_hetu(text: str) -> bool:
    """Date of birth, individual number from 002, check character modulo 31."""
    digits = text[:6] + text[-4:-1]
    known = is_short_date(digits[4:6], digits[2:4], digits[:2]) and int(digits[6:]) >= 2
    return known and "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(digits) % 31] == text[-1]


def is_kennitala(digits: str) -> bool:
    """Date of birth (40 more on the day for firms), check digit in the ninth place modulo 11, century last."""
    day = int(digits[:2])
    dated = is_short_date(digits[4:6], digits[2:4], str(day - 40 if day > 40 else day))
    return dated and digits[9] in "890" and weighted_sum(digits, (3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def is_isikukood(digits: str) -> bool:
    """Sex and century, date of birth, check digit modulo 11 with a second row of weights (Estonia and Lithuania)."""
    check = weighted_sum(digits, (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    if check == 10:
        check = weighted_sum(digits, (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    century = _BALTIC_CENTURIES.get(digits[0])
    if century is None or check != int(digits[10]):
        return False
    return is_date(century * 100 + int(digits[1:3]), int(digits[3:5]), int(digits[5:7]))


def is_personas_kods(digits: str) -> bool:
    """Date of birth and century, or 32 to 39 in front since 2017; check digit modulo 11."""
    check = (1 + weighted_sum(digits, (10, 5, 8, 4, 2, 1, 6, 3, 7, 9))) % 11 % 10
    dated = digits[6] in "012" and is_short_date(digits[4:6], digits[2:4], digits[:2])
    return check == int(digits[10]) and ("32" <= digits[:2] <= "39" or dated)


RULES: tuple[Rule, ...] = (
    number(
        "SE_PERSONNUMMER",
        "SE",
        "10|12",
        is_personnummer,
        DATED,
        "personnummer samordningsnummer personnr pnr personbeteckning",
        "Folkbokföringslagen (1991:481) 18 §; Skatteverket SKV 704",
        "Personnummer 198112289874",
    ),
    written(
        "SE_PERSONNUMMER",
        "SE",
        alone("[0-9]", "(?:[0-9]{7}|[0-9]{5})[-+][0-9]{4}"),
        Anchor("digit", (6, 8), 10),
        is_personnummer,
        FORMATTED,
        "personnummer samordningsnummer personnr pnr personbeteckning",
        "Folkbokföringslagen (1991:481) 18 §; Skatteverket SKV 704",
        "811228-9874",
        name="formatted",
    ),
    number(
        "SE_ORGANISATIONSNUMMER",
        "SE",
        "6 4",
        is_organisationsnummer,
        WEAK,
        "organisationsnummer orgnr org bolag foretag",
        "Lag (1974:174) om identitetsbeteckning för juridiska personer",
        "Organisationsnummer 556036-0793",
        between="-?",
    ),
    number(
        "DK_CPR",
        "DK",
        "6 4",
        is_cpr,
        Strength(0.1, 0.8),
        "cpr cprnr personnummer cprnummer",
        "CPR-loven; CPR-kontoret, Personnummeret i CPR",
        "CPR-nr. 070761-4285",
        between="[- ]?",
    ),
    number(
        "DK_CVR",
        "DK",
        "8|2 2 2 2",
        is_cvr,
        WEAK,
        "cvr cvrnr se virksomhed",
        "Erhvervsstyrelsen, CVR-nummer, modulus 11",
        "CVR-nr. 13585628",
        between=" ",
    ),
    number(
        "NO_FODSELSNUMMER",
        "NO",
        "6 5",
        is_fodselsnummer,
        Strength(0.5, 0.95),
        "fodselsnummer personnummer fnr dnummer d fodselsnr",
        "Skatteetaten, fødselsnummer; Folkeregisterforskriften § 2-2-1",
        "Fødselsnummer 151086 95088",
        between="[ ]?",
    ),
    number(
        "NO_ORGNR",
        "NO",
        "3 3 3",
        is_norwegian_organisation,
        WEAK,
        "organisasjonsnummer orgnr org foretaksregisteret mva",
        "Brønnøysundregistrene, organisasjonsnummer",
        "Org.nr. 988 077 917",
        between="[ ]?",
    ),
    written(
        "FI_HETU",
        "FI",
        alone("[0-3]", "[0-9]{5}[-+A-FU-Y][0-9]{3}[0-9A-FHJ-NPR-Y]"),
        Anchor("digit", (6, 6), 6),
        is_hetu,
        FIRM,
        "henkilotunnus hetu personbeteckning",
        "Valtioneuvoston asetus väestötietojärjestelmästä 128/2010",
        "131052-308T",
    ),
    number(
        "IS_KENNITALA",
        "IS",
        "6 4",
        is_kennitala,
        DATED,
        "kennitala kt",
        "Þjóðskrá, kennitala; lög nr. 140/2019",
        "kennitala 450401-3150",
        between="-?",
    ),
    number(
        "EE_ISIKUKOOD",
        "EE",
        "11",
        is_isikukood,
        DATED,
        "isikukood isikukoodi ik",
        "EVS 585:2007, isikukood",
        "Isikukood 36805210192",
    ),
    number(
        "LT_ASMENS_KODAS",
        "LT",
        "11",
        is_isikukood,
        DATED,
        "asmens ak",
        "Lietuvos gyventojų registro įstatymas, asmens kodas",
        "Asmens kodas 33309240092",
    ),
    number(
        "LV_PERSONAS_KODS",
        "LV",
        "6 5",
        is_personas_kods,
        DATED,
        "personas kods pk",
        "Fizisko personu reģistra likums, 11. pants",
        "Personas kods 161175-19997",
        between="-?",
    ),
)
