"""Numbers that authorities of Western Europe give to people and businesses."""

from __future__ import annotations

from holdfast.kernels.personal_data.checksums import luhn, mod_11_10, verhoeff, weighted_sum
from holdfast.kernels.personal_data.identifiers import (
    DATED,
    FIRM,
    FORMATTED,
    GAP,
    UNCHECKED,
    WEAK,
    Strength,
    alone,
    introduced,
    is_date,
    is_short_date,
    number,
    token,
    written,
)
from holdfast.kernels.personal_data.rule import Anchor, Rule

_NINO_NEVER = {"BG", "GB", "NK", "KN", "TN", "NT", "ZZ"}
_TWO_LETTERS = Strength(0.4, 0.93)


def is_nhs(digits: str) -> bool:
    """Check digit modulo 11, and not one digit ten times."""
    return weighted_sum(digits, range(10, 0, -1)) % 11 == 0 and len(set(digits)) > 1


def is_nino(text: str) -> bool:
    """Prefixes that were never given out."""
    return text[:2] not in _NINO_NEVER


def is_utr(digits: str) -> bool:
    """Check digit in front, weights 6, 7, 8, 9, 10, 5, 4, 3, 2, modulo 11."""
    return "21987654321"[weighted_sum(digits[1:], (6, 7, 8, 9, 10, 5, 4, 3, 2)) % 11] == digits[0]


def is_uk_driver(text: str) -> bool:
    """Month of birth (50 more for women) and day inside the number."""
    month = int(text[6:8])
    return is_short_date("00", str(month - 50 if month > 50 else month), text[8:10])


def is_pps(text: str) -> bool:
    """Check letter modulo 23; a second letter counts nine times."""
    extra = 0 if len(text) == 8 or text[8] in "TXW" else ord(text[8]) - 64
    return "WABCDEFGHIJKLMNOPQRSTUV"[(weighted_sum(text[:7], range(8, 1, -1)) + 9 * extra) % 23] == text[7]


def is_steuer_id(digits: str) -> bool:
    """One digit of the first ten twice or three times, the others at most once; ISO 7064 MOD 11,10."""
    counts = sorted(digits[:10].count(digit) for digit in set(digits[:10]))
    return digits[0] != "0" and counts[-1] in (2, 3) and counts[-2] == 1 and mod_11_10(digits)


def is_rentenversicherung(text: str) -> bool:
    """Day and month of birth, initial as two digits, check digit from sums of digits."""
    day = int(text[2:4]) % 50  # 50 more where numbers ran out
    digits = f"{text[:8]}{ord(text[8]) - 64:02d}{text[9:]}"
    products = (int(d) * w for d, w in zip(digits[:11], (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2), strict=True))
    return is_short_date(text[6:8], text[4:6], str(day)) and sum(p // 10 + p % 10 for p in products) % 10 == int(
        text[-1]
    )


def is_kvnr(text: str) -> bool:
    """Letter as two digits, weights 1 and 2 in turn, sums of digits modulo 10."""
    digits = f"{ord(text[0]) - 64:02d}{text[1:9]}"
    return luhn(digits + str(-_luhn_sum(digits) % 10)) and _luhn_sum(digits) % 10 == int(text[9])


def _luhn_sum(digits: str) -> int:
    products = (int(digit) * (1 + place % 2) for place, digit in enumerate(digits))
    return sum(product // 10 + product % 10 for product in products)


def is_document_731(text: str) -> bool:
    """Last digit: weights 7, 3, 1 over letters and digits, modulo 10 (ICAO 9303)."""
    return weighted_sum(text[:-1], (7, 3, 1) * 5) % 10 == int(text[-1])


def is_nir(text: str) -> bool:
    """Sex, month, key of two digits modulo 97; Corsica's 2A and 2B count as 19 and 18."""
    digits = (
        text.replace("2A", "19", 1) if text[5:7] == "2A" else text.replace("2B", "18", 1) if text[5:7] == "2B" else text
    )
    month = int(text[3:5])
    return (1 <= month <= 12 or 20 <= month <= 42 or month >= 50) and 97 - int(digits[:13]) % 97 == int(digits[13:])


def is_spi(digits: str) -> bool:
    """Last three digits: the first ten modulo 511."""
    return digits[0] in "0123" and int(digits[:10]) % 511 == int(digits[10:])


def is_siret(digits: str) -> bool:
    """Luhn over all 14 digits and over the first 9; La Poste's offices: sum divisible by 5."""
    return luhn(digits[:9]) and (luhn(digits) or (digits[:9] == "356000000" and sum(map(int, digits)) % 5 == 0))


def is_siren(digits: str) -> bool:
    """Luhn, and not zeros only."""
    return luhn(digits) and int(digits) > 0


def is_bsn(digits: str) -> bool:
    """The eleven test with weight -1 for the last digit."""
    return weighted_sum(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0 and int(digits) > 0


def is_rijksregister(digits: str) -> bool:
    """Date of birth (20 or 40 added to the month in bis numbers), 97 minus the rest modulo 97, for either century."""
    month, check = int(digits[2:4]) % 20, int(digits[9:])
    known = month == 0 or int(digits[4:6]) == 0 or is_short_date(digits[:2], str(month), digits[4:6])
    centuries = ("", "2") if digits[:2] < "50" else ("",)
    in_range = int(digits[2:4]) <= 52 and month <= 12 and int(digits[4:6]) <= 31
    return known and in_range and any(97 - int(century + digits[:9]) % 97 == check for century in centuries)


def is_luxembourg_matricule(digits: str) -> bool:
    """Date of birth, Luhn digit over the first eleven, Verhoeff digit over the same eleven."""
    date_of_birth = is_date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    return date_of_birth and luhn(digits[:12]) and verhoeff(digits[:11] + digits[12])


def is_svnr(digits: str) -> bool:
    """Check digit in the fourth place, modulo 11; the date of birth follows, months up to 15 where numbers ran out."""
    check = weighted_sum(digits, (3, 7, 9, 0, 5, 8, 4, 2, 1, 6)) % 11
    month = min(int(digits[6:8]), 12)
    return (
        digits[0] != "0"
        and check == int(digits[3])
        and int(digits[6:8]) <= 15
        and is_short_date(digits[8:], str(month), digits[4:6])
    )


def is_ahv(digits: str) -> bool:
    """Country code 756, EAN-13 check digit."""
    return digits[:3] == "756" and weighted_sum(digits, (1, 3) * 7) % 10 == 0


RULES: tuple[Rule, ...] = (
    number(
        "UK_NHS",
        "GB",
        "3 3 4",
        is_nhs,
        WEAK,
        "nhs patient hospital surgery gp",
        "NHS Data Dictionary, NHS number",
        "My NHS number is 943 476 5919.",
    ),
    token(
        "UK_NINO",
        "GB",
        "[A-CEGHJ-PR-TW-Za-ceghj-pr-tw-z]",
        "[A-CEGHJ-NPR-TW-Za-ceghj-npr-tw-z][0-9]{6}[A-Da-d]",
        (9, 9),
        is_nino,
        _TWO_LETTERS,
        "nino ni insurance national paye payroll hmrc",
        "HMRC, National Insurance Manual NIM39110",
        "National Insurance number: AB123456C",
    ),
    introduced(
        "UK_NINO",
        "GB",
        "nino ni insurance",
        GAP,
        "[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ -][0-9]{2}[ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[A-D]",
        is_nino,
        0.95,
        "HMRC, National Insurance Manual NIM39110",
        "NI number AB 12 34 56 C",
        name="spaced",
    ),
    token(
        "UK_DRIVER_LICENSE",
        "GB",
        "[A-Z]",
        "[A-Z9]{4}[0-9][0156][0-9][0-3][0-9]{2}[A-Z][A-Z9][0-9][A-Z]{2}",
        (16, 16),
        is_uk_driver,
        FIRM,
        "driving licence license driver dvla",
        "DVLA, driver number format (D1)",
        "MORGA657054SM9IJ",
    ),
    number(
        "UK_UTR",
        "GB",
        "10|5 5",
        is_utr,
        WEAK,
        "utr taxpayer hmrc assessment",
        "HMRC, Unique Taxpayer Reference, modulus 11",
        "My UTR is 1955839661",
        between=" ",
    ),
    written(
        "IE_PPS",
        "IE",
        alone("[0-9]", "[0-9]{6}[ ]?[A-Wa-w][ABHWTXabhwtx]?"),
        Anchor("digit", (7, 7), 7),
        is_pps,
        DATED,
        "pps ppsn revenue psp",
        "Department of Social Protection (Ireland), PPS number format",
        "PPS number 1234567T",
    ),
    number(
        "DE_STEUER_ID",
        "DE",
        "2 3 3 3",
        is_steuer_id,
        DATED,
        "steuer steuerid steueridentifikationsnummer identifikationsnummer idnr tin steuernummer finanzamt",
        "Abgabenordnung section 139b; Bundeszentralamt für Steuern, IdNr",
        "Meine Steuer-ID lautet 86 095 742 719.",
    ),
    written(
        "DE_RENTENVERSICHERUNG",
        "DE",
        alone("[0-9]", "[0-9][ ]?[0-9]{6}[ ]?[A-Za-z][ ]?[0-9]{3}"),
        Anchor("digit", (2, 8), 8),
        is_rentenversicherung,
        FIRM,
        "rentenversicherung rentenversicherungsnummer sozialversicherungsnummer versicherungsnummer rvnr svnr",
        "Verordnung über die Versicherungsnummer (VKVV), sections 2 to 4",
        "65170839J003",
    ),
    token(
        "DE_KVNR",
        "DE",
        "[A-Za-z]",
        "[0-9]{9}",
        (10, 10),
        is_kvnr,
        WEAK,
        "krankenversicherung krankenversichertennummer versichertennummer kvnr versicherten gesundheitskarte",
        "GKV-Spitzenverband, Richtlinie zur Krankenversichertennummer, annex 1",
        "Versichertennummer A123456780",
    ),
    token(
        "DE_ID_CARD",
        "DE",
        "[CFGHJKLMNPRTVWXYZcfghjklmnprtvwxyz]",
        "[CFGHJK-NPRTV-Zcfghjk-nprtv-z0-9]{8}[0-9]",
        (10, 10),
        is_document_731,
        WEAK,
        "personalausweis ausweis ausweisnummer personalausweisnummer ausweisnr reisepass",
        "Personalausweisverordnung, annex; ICAO Doc 9303 part 3",
        "Personalausweis Nr. L01X00T471",
    ),
    written(
        "FR_NIR",
        "FR",
        alone("[1-478]", "[ ]?[0-9]{2}[ ]?[0-9]{2}[ ]?2[ABab][ ]?[0-9]{3}[ ]?[0-9]{3}[ ]?[0-9]{2}"),
        Anchor("digit", (1, 6), 6),
        is_nir,
        FIRM,
        "securite sociale nir secu ss insee carte vitale",
        "INSEE, répertoire national d'identification des personnes physiques",
        "numéro de sécurité sociale 185052A06400127",
        name="corsica",
    ),
    number(
        "FR_NIR",
        "FR",
        "1 2 2 2 3 3 2",
        is_nir,
        FIRM,
        "securite sociale nir secu ss insee carte vitale",
        "INSEE, répertoire national d'identification des personnes physiques",
        "1 85 05 78 006 084 91",
        between="[ .]",
        name="spaced",
    ),
    number(
        "FR_NIR",
        "FR",
        "15|13 2",
        is_nir,
        Strength(0.3, 0.95),
        "securite sociale nir secu ss insee carte vitale",
        "INSEE, répertoire national d'identification des personnes physiques",
        "Numéro de sécurité sociale : 185057800608491",
        between=" ",
    ),
    number(
        "FR_NIF",
        "FR",
        "2 2 3 3 3",
        is_spi,
        DATED,
        "fiscal fiscale spi impots nif impot",
        "DGFiP, numéro SPI; OECD TIN sheet France",
        "Mon numéro fiscal est 30 23 217 600 053",
        between="[ ]?",
    ),
    number(
        "FR_SIRET",
        "FR",
        "3 3 3 5",
        is_siret,
        DATED,
        "siret etablissement entreprise societe",
        "INSEE, SIRENE, numéro SIRET",
        "SIRET 732 829 320 00074",
        between="[ ]?",
    ),
    number(
        "FR_SIREN",
        "FR",
        "3 3 3",
        is_siren,
        WEAK,
        "siren rcs entreprise societe",
        "INSEE, SIRENE, numéro SIREN",
        "SIREN 732 829 320",
        between="[ ]?",
    ),
    number(
        "NL_BSN",
        "NL",
        "9|4 2 3|3 3 3",
        is_bsn,
        WEAK,
        "bsn burgerservicenummer sofinummer sofi persoonsnummer",
        "Wet algemene bepalingen burgerservicenummer; Logisch ontwerp BSN",
        "Mijn BSN is 111222333",
        between="[. ]",
    ),
    number(
        "BE_RIJKSREGISTER",
        "BE",
        "2 2 2 3 2",
        is_rijksregister,
        DATED,
        "rijksregister rijksregisternummer insz niss nationaal national registre inss rrn nationalregisternummer",
        "Koninklijk besluit van 3 april 1984 betreffende het identificatienummer",
        "Rijksregisternummer: 85073003328",
        between="[. -]?",
    ),
    written(
        "BE_RIJKSREGISTER",
        "BE",
        alone("[0-9]", "[0-9][.][0-9]{2}[.][0-9]{2}-[0-9]{3}[.][0-9]{2}"),
        Anchor("digit", (2, 2), 11),
        is_rijksregister,
        FIRM,
        "rijksregister rijksregisternummer insz niss national registre",
        "Koninklijk besluit van 3 april 1984 betreffende het identificatienummer",
        "85.07.30-033.28",
        name="formatted",
    ),
    number(
        "LU_MATRICULE",
        "LU",
        "13|4 2 2 3 2|8 5",
        is_luxembourg_matricule,
        FORMATTED,
        "matricule identification luxembourg cns nationale identifikationsnummer",
        "Règlement grand-ducal du 23 mai 2013",
        "Numéro de matricule 1983040112343",
        between=" ",
    ),
    number(
        "AT_SVNR",
        "AT",
        "10|4 6|4 2 2 2",
        is_svnr,
        DATED,
        "sozialversicherungsnummer svnr sv versicherungsnummer vsnr sozialversicherung",
        "ASVG section 460d; Dachverband der Sozialversicherungsträger",
        "SVNR 1237 010180",
        between="[ .]",
    ),
    number(
        "CH_AHV",
        "CH",
        "3 4 4 2",
        is_ahv,
        FIRM,
        "ahv avs avsn ahvn sozialversicherungsnummer",
        "AHVV art. 133; GS1 check digit",
        "756.9217.0769.85",
        between="[.]?",
    ),
    token(
        "NL_ID_CARD",
        "NL",
        "[A-NP-Z]",
        "[A-NP-Z][A-NP-Z0-9]{6}[0-9]",
        (9, 9),
        None,
        UNCHECKED,
        "identiteitskaart paspoort rijbewijs documentnummer",
        "Besluit paspoorttoepassing; RvIG, documentnummers",
        "Paspoort nummer SPECI2014",
    ),
)
