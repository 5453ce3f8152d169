"""Numbers that authorities of Latin America give to people and businesses."""

from __future__ import annotations

from holdfast.kernels.personal_data.checksums import luhn, weighted_sum
from holdfast.kernels.personal_data.identifiers import (
    DATED,
    FIRM,
    FORMATTED,
    GAP,
    WEAK,
    Strength,
    alone,
    introduced,
    is_short_date,
    number,
    token,
    written,
)
from holdfast.kernels.personal_data.rule import Anchor, Rule

_CURP_ALPHABET = "0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ"  # "&" at the place of N with tilde
_RFC_ALPHABET = "0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ "
_MEXICAN_STATES = "AS BC BS CC CH CL CM CS DF DG GR GT HG JC MC MN MS NE NL NT OC PL QR QT SL SP SR TC TL TS VZ YN ZS"
_CUIT_KINDS = {"20", "23", "24", "25", "26", "27", "30", "33", "34", "50", "51", "55"}
_CUIT_WEIGHTS = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
_NIT_WEIGHTS = (3, 7, 13, 17, 19, 23, 29, 37, 41, 43, 47, 53, 59, 67, 71)


def is_cpf(digits: str) -> bool:
    """Two check digits modulo 11, and not one digit eleven times."""
    first = -weighted_sum(digits[:9], range(10, 1, -1)) % 11 % 10
    second = -weighted_sum(digits[:10], range(11, 1, -1)) % 11 % 10
    return len(set(digits)) > 1 and first == int(digits[9]) and second == int(digits[10])


def is_cnpj(text: str) -> bool:
    """Two check digits modulo 11; letters, given out since 2026, count as 17 to 42."""
    values = [ord(character) - 48 for character in text]
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    first = -sum(value * weight for value, weight in zip(values[:12], weights[1:], strict=True)) % 11 % 10
    second = -sum(value * weight for value, weight in zip(values[:13], weights, strict=True)) % 11 % 10
    return text[:12].strip("0") != "" and first == values[12] and second == values[13]


def is_pis(digits: str) -> bool:
    """Weights 3, 2, 9 to 2, modulo 11."""
    return int(digits) > 0 and -weighted_sum(digits[:10], (3, 2, 9, 8, 7, 6, 5, 4, 3, 2)) % 11 % 10 == int(digits[10])


def is_curp(text: str) -> bool:
    """Date of birth, sex, state, check digit modulo 10."""
    total = sum(_CURP_ALPHABET.index(character) * (18 - place) for place, character in enumerate(text[:17]))
    dated = is_short_date(text[4:6], text[6:8], text[8:10])
    return dated and text[11:13] in _MEXICAN_STATES and -total % 10 == int(text[17])


def is_rfc(text: str) -> bool:
    """Date of birth or foundation, check character modulo 11."""
    whole = text.rjust(13)
    total = sum(_RFC_ALPHABET.index(character) * (13 - place) for place, character in enumerate(whole[:12]))
    return is_short_date(whole[4:6], whole[6:8], whole[8:10]) and "0123456789A"[-total % 11] == whole[12]


def is_cuit(digits: str) -> bool:
    """Kind of holder, check digit modulo 11."""
    check = -weighted_sum(digits[:10], _CUIT_WEIGHTS) % 11
    return digits[:2] in _CUIT_KINDS and min(check, 9) == int(digits[10])


def is_rut(text: str) -> bool:
    """Weights 2 to 7 from the right, modulo 11; 10 is K."""
    total = sum(int(digit) * (2 + place % 6) for place, digit in enumerate(reversed(text[:-1])))
    return "0123456789K"[-total % 11] == text[-1] and int(text[:-1]) > 50_000


def is_nit(digits: str) -> bool:
    """Prime weights from the right, modulo 11 (Colombia)."""
    total = weighted_sum(digits[-2::-1], _NIT_WEIGHTS) % 11
    return (total if total < 2 else 11 - total) == int(digits[-1])


def is_peruvian_ruc(digits: str) -> bool:
    """Kind of holder, check digit modulo 11."""
    check = (11 - weighted_sum(digits[:10], _CUIT_WEIGHTS) % 11) % 10
    return digits[:2] in ("10", "15", "16", "17", "20") and check == int(digits[10])


def is_ecuadorian_cedula(digits: str) -> bool:
    """Province of 01 to 24 or 30, third digit at most 5, Luhn."""
    return (1 <= int(digits[:2]) <= 24 or digits[:2] == "30") and digits[2] <= "5" and luhn(digits)


def is_uruguayan_cedula(digits: str) -> bool:
    """Weights 2, 9, 8, 7, 6, 3, 4, modulo 10."""
    return -weighted_sum(digits[:7], (2, 9, 8, 7, 6, 3, 4)) % 10 == int(digits[7]) and int(digits) > 0


def is_paraguayan_ruc(digits: str) -> bool:
    """Weights from 2 upwards from the right, modulo 11."""
    return -weighted_sum(digits[-2::-1], range(2, 12)) % 11 % 10 == int(digits[-1])


def is_rif(text: str) -> bool:
    """Kind of holder and weights 3, 2, 7, 6, 5, 4, 3, 2, modulo 11."""
    kind = {"V": 4, "E": 8, "J": 12, "P": 16, "G": 20}[text[0]]
    check = 11 - (kind + weighted_sum(text[1:9], (3, 2, 7, 6, 5, 4, 3, 2))) % 11
    return (0 if check > 9 else check) == int(text[9])


def is_dominican_cedula(digits: str) -> bool:
    """Luhn, and not zeros only."""
    return luhn(digits) and int(digits) > 0


def is_dpi(digits: str) -> bool:
    """Check digit in the ninth place, weights 2 to 9, modulo 11; department of 01 to 22 and a municipality."""
    return (
        weighted_sum(digits[:8], range(2, 10)) % 11 == int(digits[8])
        and 1 <= int(digits[9:11]) <= 22
        and 1 <= int(digits[11:]) <= 38
    )


def is_dui(digits: str) -> bool:
    """Weights 9 to 2, modulo 10."""
    return -weighted_sum(digits[:8], range(9, 1, -1)) % 10 == int(digits[8]) and int(digits) > 0


RULES: tuple[Rule, ...] = (
    written(
        "BR_CPF",
        "BR",
        alone("[0-9]", "[0-9]{2}[.][0-9]{3}[.][0-9]{3}-[0-9]{2}"),
        Anchor("digit", (3, 3), 11),
        is_cpf,
        FIRM,
        "cpf",
        "Receita Federal, Instrução Normativa RFB 1.548/2015",
        "123.456.789-09",
        name="formatted",
    ),
    number(
        "BR_CPF",
        "BR",
        "11|9 2",
        is_cpf,
        DATED,
        "cpf contribuinte",
        "Receita Federal, Instrução Normativa RFB 1.548/2015",
        "CPF 12345678909",
        between="-",
    ),
    written(
        "BR_CNPJ",
        "BR",
        alone("[0-9]", "[0-9][.][0-9A-Z]{3}[.][0-9A-Z]{3}/[0-9A-Z]{4}-[0-9]{2}"),
        Anchor("digit", (2, 2), 2),
        is_cnpj,
        FIRM,
        "cnpj",
        "Receita Federal, Instrução Normativa RFB 2.229/2024",
        "11.222.333/0001-81",
        name="formatted",
    ),
    number(
        "BR_CNPJ",
        "BR",
        "14",
        is_cnpj,
        DATED,
        "cnpj empresa",
        "Receita Federal, Instrução Normativa RFB 2.229/2024",
        "CNPJ 11222333000181",
    ),
    number(
        "BR_PIS",
        "BR",
        "3 5 2 1",
        is_pis,
        WEAK,
        "pis pasep nis nit",
        "Caixa Econômica Federal, PIS/PASEP, módulo 11",
        "PIS 120.54321.93-3",
        between="[.-]?",
    ),
    token(
        "MX_CURP",
        "MX",
        "[A-Z]",
        "[AEIOUX][A-Z]{2}[0-9]{6}[HMX][A-Z]{2}[B-DF-HJ-NP-TV-Z]{3}[0-9A-Z][0-9]",
        (18, 18),
        is_curp,
        FIRM,
        "curp",
        "RENAPO, Instructivo normativo para la asignación de la CURP (DOF 2018)",
        "BOXW310820HNERXN09",
    ),
    token(
        "MX_RFC",
        "MX",
        "[A-Z]",
        "[A-Z]{2}[A-Z]?[0-9]{6}[A-Z0-9]{2}[0-9A]",
        (12, 13),
        is_rfc,
        FORMATTED,
        "rfc contribuyentes causantes",
        "SAT, Registro Federal de Contribuyentes, anexo",
        "GODE561231GR8",
    ),
    number(
        "AR_CUIT",
        "AR",
        "2 8 1",
        is_cuit,
        DATED,
        "cuit cuil cdi",
        "AFIP, Resolución General 10/97, CUIT",
        "CUIT 20-05536168-2",
        between="-?",
    ),
    written(
        "CL_RUT",
        "CL",
        alone("[0-9]", "[0-9]?[.][0-9]{3}[.][0-9]{3}-[0-9Kk]"),
        Anchor("digit", (1, 2), 7),
        is_rut,
        FORMATTED,
        "rut",
        "Servicio de Registro Civil (Chile), DFL 3 de 1969",
        "12.531.909-2",
        name="formatted",
    ),
    written(
        "CL_RUT",
        "CL",
        alone("[0-9]", "[0-9]{6,7}-?[0-9Kk]"),
        Anchor("digit", (7, 9), 7),
        is_rut,
        WEAK,
        "rut",
        "Servicio de Registro Civil (Chile), DFL 3 de 1969",
        "RUT 12531909-2",
    ),
    number(
        "CO_NIT",
        "CO",
        "9 1|3 3 3 1|10 1|8 1",
        is_nit,
        WEAK,
        "nit tributaria",
        "DIAN, Orden administrativa 4 de 1989, NIT",
        "NIT 213.123.432-1",
        between="[.-]?",
    ),
    number(
        "PE_RUC", "PE", "11", is_peruvian_ruc, DATED, "ruc contribuyente", "SUNAT, Ley 26865, RUC", "RUC 10512333741"
    ),
    number(
        "EC_CEDULA",
        "EC",
        "10|9 1",
        is_ecuadorian_cedula,
        WEAK,
        "cedula ci ciudadania identidad",
        "Registro Civil del Ecuador, cédula de identidad",
        "Cédula 1714307103",
        between="-",
    ),
    number(
        "UY_CEDULA",
        "UY",
        "1 3 3 1|7 1",
        is_uruguayan_cedula,
        WEAK,
        "cedula ci identidad documento",
        "Dirección Nacional de Identificación Civil (Uruguay)",
        "Cédula de identidad 1.234.567-2",
        between="[.-]?",
    ),
    number(
        "PY_RUC",
        "PY",
        "7 1|8 1|6 1",
        is_paraguayan_ruc,
        WEAK,
        "ruc contribuyente",
        "SET (Paraguay), Resolución 1551/06, RUC",
        "RUC 8002806-3",
        between="-",
    ),
    token(
        "VE_RIF",
        "VE",
        "[VEJPGvejpg]",
        "[0-9]{8}-?[0-9]",
        (9, 10),
        is_rif,
        Strength(0.2, 0.88),
        "rif fiscal",
        "SENIAT, Providencia 0073, RIF",
        "RIF V114702834",
    ),
    introduced(
        "VE_RIF",
        "VE",
        "rif",
        GAP,
        "[VEJPG]-[0-9]{8}-?[0-9]",
        is_rif,
        0.9,
        "SENIAT, Providencia 0073, RIF",
        "RIF J-30505062-7",
        name="dashed",
    ),
    number(
        "DO_CEDULA",
        "DO",
        "3 7 1",
        is_dominican_cedula,
        WEAK,
        "cedula identidad electoral",
        "Junta Central Electoral, Ley 8-92",
        "Cédula 001-1391820-5",
        between="-?",
    ),
    number(
        "GT_DPI",
        "GT",
        "4 5 4|13",
        is_dpi,
        DATED,
        "dpi cui identificacion",
        "RENAP (Guatemala), Código Único de Identificación",
        "DPI 1234 56789 0101",
        between=" ",
    ),
    number(
        "SV_DUI",
        "SV",
        "8 1",
        is_dui,
        WEAK,
        "dui identidad",
        "RNPN (El Salvador), Documento Único de Identidad",
        "DUI 00016297-5",
        between="-",
    ),
)
