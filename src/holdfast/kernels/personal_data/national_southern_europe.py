"""Numbers that authorities of Southern Europe give to people and businesses."""

from __future__ import annotations

from holdfast.kernels.personal_data.checksums import luhn, weighted_sum
from holdfast.kernels.personal_data.identifiers import (
    DATED,
    FIRM,
    FORMATTED,
    WEAK,
    Strength,
    alone,
    is_short_date,
    number,
    token,
    written,
)
from holdfast.kernels.personal_data.rule import Anchor, Rule

_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_OMOCODIA = str.maketrans("LMNPQRSTUV", "0123456789")
_ODD_VALUES = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
_FISCAL_MONTHS = "ABCDEHLMPRST"


def is_dni(text: str) -> bool:
    """Letter: the number modulo 23; X, Y, Z in front count as 0, 1, 2; K, L, M as nothing."""
    digits = text[:-1].translate(str.maketrans("XYZKLM", "012000"))
    return _DNI_LETTERS[int(digits) % 23] == text[-1] and int(digits) > 0


def is_cif(text: str) -> bool:
    """Luhn over the seven digits; a letter for public bodies and foreign firms, a digit for companies."""
    check = next(digit for digit in "0123456789" if luhn(text[1:8] + digit))
    letter = "JABCDEFGHI"[int(check)]
    return (
        text[8] == letter
        if text[0] in "NPQRSW"
        else text[8] == check
        if text[0] in "ABEH"
        else text[8] in check + letter
    )


def is_spanish_social_security(digits: str) -> bool:
    """Province of 01 to 66; last two digits: the others modulo 97 (a short serial number drops its zeros)."""
    province, serial = digits[:2], int(digits[2:10])
    whole = int(digits[:10]) if serial >= 10_000_000 else serial + int(province) * 10_000_000
    return 1 <= int(province) <= 66 and whole % 97 == int(digits[10:])


def is_codice_fiscale(text: str) -> bool:
    """Date of birth (40 more for women), check letter; letters that stand for digits among namesakes (omocodia)."""
    places = (6, 7, 9, 10, 12, 13, 14)
    plain = "".join(c.translate(_OMOCODIA) if place in places else c for place, c in enumerate(text))
    numeric = [int(character, 36) - (10 if character.isalpha() else 0) for character in text[:15]]
    total = sum(_ODD_VALUES[value] if place % 2 == 0 else value for place, value in enumerate(numeric))
    day, month = int(plain[9:11]) % 40, _FISCAL_MONTHS.index(plain[8]) + 1
    is_dated = not text.isalpha() and is_short_date(plain[6:8], str(month), str(day))
    return is_dated and chr(65 + total % 26) == text[15]


def is_partita_iva(digits: str) -> bool:
    """Office of 001 to 100, 120, 121, 888, 999; Luhn."""
    office = int(digits[7:10])
    return luhn(digits) and int(digits[:7]) > 0 and (1 <= office <= 100 or office in (120, 121, 888, 999))


def is_portuguese_nif(digits: str) -> bool:
    """Kind of person in front, check digit modulo 11."""
    return digits[0] in "1235689" and -weighted_sum(digits, range(9, 1, -1)) % 11 % 10 == int(digits[8])


def is_cartao_de_cidadao(text: str) -> bool:
    """Luhn over letters and digits, every second from the right doubled."""
    values = [int(character, 36) for character in text]
    doubled = [2 * value - 9 if 2 * value > 9 else 2 * value for value in values[-2::-2]]
    return (sum(values[-1::-2]) + sum(doubled)) % 10 == 0


def is_amka(digits: str) -> bool:
    """Date of birth, Luhn."""
    return is_short_date(digits[4:6], digits[2:4], digits[:2]) and luhn(digits)


def is_afm(digits: str) -> bool:
    """Weights 256 to 2, modulo 11."""
    weights = (256, 128, 64, 32, 16, 8, 4, 2)
    return int(digits) > 0 and weighted_sum(digits[:8], weights) % 11 % 10 == int(digits[8])


def is_cypriot_tax(text: str) -> bool:
    """Check letter: digits in odd places through a table, modulo 26."""
    odd = sum((1, 0, 5, 7, 9, 13, 15, 17, 19, 21)[int(digit)] for digit in text[:8:2])
    return text[:2] != "12" and chr(65 + (odd + sum(map(int, text[1:8:2]))) % 26) == text[8]


RULES: tuple[Rule, ...] = (
    written(
        "ES_NIF",
        "ES",
        alone("[0-9]", "[0-9]{7}[- ]?[A-HJ-NP-TV-Za-hj-np-tv-z]"),
        Anchor("digit", (8, 8), 8),
        is_dni,
        Strength(0.45, 0.93),
        "dni nif identidad documento",
        "Real Decreto 1553/2005; Orden EHA/451/2008",
        "DNI 12345678Z",
    ),
    written(
        "ES_NIF",
        "ES",
        alone("[0-9]", "[0-9][.][0-9]{3}[.][0-9]{3}[- ]?[A-HJ-NP-TV-Z]"),
        Anchor("digit", (2, 2), 8),
        is_dni,
        FORMATTED,
        "dni nif identidad documento",
        "Real Decreto 1553/2005; Orden EHA/451/2008",
        "12.345.678-Z",
        name="dotted",
    ),
    token(
        "ES_NIE",
        "ES",
        "[XYZxyz]",
        "[0-9]{7}-?[A-HJ-NP-TV-Za-hj-np-tv-z]",
        (8, 9),
        is_dni,
        FORMATTED,
        "nie extranjero identidad extranjeria",
        "Real Decreto 557/2011, art. 206",
        "X1234567L",
    ),
    token(
        "ES_CIF",
        "ES",
        "[A-HJNP-SUVWa-hjnp-suvw]",
        "[0-9]{7}[0-9A-Ja-j]",
        (9, 9),
        is_cif,
        Strength(0.2, 0.88),
        "cif nif empresa sociedad fiscal",
        "Orden EHA/451/2008",
        "CIF A58818501",
    ),
    number(
        "ES_NSS",
        "ES",
        "2 8 2|2 10",
        is_spanish_social_security,
        DATED,
        "seguridad social nss afiliacion naf",
        "Tesorería General de la Seguridad Social, número de afiliación",
        "Número de la Seguridad Social 28/12345678/40",
        between="[ /-]?",
    ),
    token(
        "IT_FISCAL_CODE",
        "IT",
        "[A-Za-z]",
        "[A-Za-z]{5}[0-9LMNP-Vlmnp-v]{2}[A-EHLMPRSTa-ehlmprst][0-9LMNP-Vlmnp-v]{2}[A-Za-z][0-9LMNP-Vlmnp-v]{3}[A-Za-z]",
        (16, 16),
        is_codice_fiscale,
        FIRM,
        "codice fiscale cf",
        "Decreto ministeriale 23 dicembre 1976, n. 13813",
        "RSSMRA85T10A562S",
    ),
    number(
        "IT_VAT_CODE",
        "IT",
        "11",
        is_partita_iva,
        WEAK,
        "iva partita piva",
        "Decreto ministeriale 23 dicembre 1976, art. 6",
        "Partita IVA 00743110157",
    ),
    number(
        "PT_NIF",
        "PT",
        "3 3 3",
        is_portuguese_nif,
        WEAK,
        "nif contribuinte fiscal nipc",
        "Decreto-Lei 14/2013, art. 16",
        "O meu NIF é 501964843",
        between="[ ]?",
    ),
    written(
        "PT_CARTAO_CIDADAO",
        "PT",
        alone("[0-9]", "[0-9]{7}[ ]?[0-9][ ]?[A-Za-z]{2}[0-9]"),
        Anchor("digit", (8, 9), 9),
        is_cartao_de_cidadao,
        Strength(0.4, 0.92),
        "cartao cidadao cc identidade civil",
        "AMA, Cartão de Cidadão, validação do número de documento",
        "Cartão de cidadão 00000000 0 ZZ4",
    ),
    number(
        "GR_AMKA",
        "GR",
        "11|6 5",
        is_amka,
        DATED,
        "αμκα amka ασφαλισης",
        "Νόμος 3655/2008, άρθρο 153, ΑΜΚΑ",
        "ΑΜΚΑ 01013000011",
        between="[- ]",
    ),
    number(
        "GR_AFM",
        "GR",
        "9",
        is_afm,
        WEAK,
        "αφμ afm φορολογικο μητρωου",
        "ΠΟΛ.1006/2013, ΑΦΜ",
        "ΑΦΜ: 094259216",
    ),
    written(
        "CY_TAX",
        "CY",
        alone("[0-9]", "[0-9]{7}[A-Z]"),
        Anchor("digit", (8, 8), 8),
        is_cypriot_tax,
        Strength(0.2, 0.88),
        "αφτ φορολογικος tic tax tin cyprus",
        "Cyprus Tax Department, TIC; OECD TIN sheet Cyprus",
        "TIC 10259033P",
    ),
)
