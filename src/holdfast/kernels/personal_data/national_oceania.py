"""Numbers that authorities of Australia and New Zealand give to people and businesses."""

from __future__ import annotations

from holdfast.kernels.personal_data.checksums import weighted_sum
from holdfast.kernels.personal_data.identifiers import DATED, WEAK, number, token
from holdfast.kernels.personal_data.rule import Rule

_NHI_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"


def is_tfn(digits: str) -> bool:
    """Weights 1, 4, 3, 7, 5, 8, 6, 9, 10, modulo 11 (nine digits)."""
    return weighted_sum(digits, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0 and int(digits) > 0


def is_medicare(digits: str) -> bool:
    """2 to 6 in front, check digit in the ninth place modulo 10, then the issue and perhaps the person."""
    check = weighted_sum(digits[:8], (1, 3, 7, 9, 1, 3, 7, 9)) % 10
    return digits[0] in "23456" and check == int(digits[8]) and digits[9] != "0"


def is_abn(digits: str) -> bool:
    """1 taken from the first digit, weights 10, 1, 3 to 19, modulo 89."""
    return digits[:2] > "10" and (weighted_sum(digits, (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)) - 10) % 89 == 0


def is_acn(digits: str) -> bool:
    """Weights 8 to 1, modulo 10."""
    return -weighted_sum(digits[:8], range(8, 0, -1)) % 10 == int(digits[8]) and int(digits) > 0


def is_ird(digits: str) -> bool:
    """Between 10 and 150 million, check digit modulo 11 with a second row of weights."""
    if not 10_000_000 < int(digits) < 150_000_000:
        return False
    padded = digits.zfill(9)
    check = -weighted_sum(padded[:8], (3, 2, 7, 6, 5, 4, 3, 2)) % 11
    if check == 10:
        check = -weighted_sum(padded[:8], (7, 4, 3, 2, 5, 2, 7, 6)) % 11
    return check == int(padded[8])


def is_nhi(text: str) -> bool:
    """Letters count as 1 to 24, weights 7 to 2; a digit modulo 11, or, in the newer form, a letter modulo 23."""
    values = [_NHI_LETTERS.index(character) + 1 if character.isalpha() else int(character) for character in text]
    total = sum(value * weight for value, weight in zip(values[:6], range(7, 1, -1), strict=True))
    if text[6].isdecimal():
        return total % 11 != 0 and (11 - total % 11) % 10 == values[6]
    return 23 - total % 23 == values[6]


RULES: tuple[Rule, ...] = (
    number(
        "AU_TFN",
        "AU",
        "3 3 3",
        is_tfn,
        WEAK,
        "tfn tax",
        "ATO, tax file number algorithm",
        "TFN 123 456 782",
        between="[ ]?",
    ),
    number(
        "AU_MEDICARE",
        "AU",
        "4 5 1|10|4 5 2",
        is_medicare,
        WEAK,
        "medicare irn",
        "Services Australia, Medicare card number format",
        "Medicare card 2123 45670 1",
        between=" ",
    ),
    number(
        "AU_ABN",
        "AU",
        "2 3 3 3",
        is_abn,
        DATED,
        "abn australian",
        "Australian Business Register, format of the ABN",
        "ABN 51 824 753 556",
        between="[ ]?",
    ),
    number(
        "AU_ACN",
        "AU",
        "3 3 3",
        is_acn,
        WEAK,
        "acn asic arbn",
        "Corporations Regulations 2001 (Australia); ASIC",
        "ACN 004 085 616",
        between="[ ]?",
    ),
    number(
        "NZ_IRD",
        "NZ",
        "2 3 3|3 3 3",
        is_ird,
        WEAK,
        "ird inland revenue",
        "Inland Revenue, Non-resident withholding tax specification",
        "IRD number 49-091-850",
        between="[- ]?",
    ),
    token(
        "NZ_NHI",
        "NZ",
        "[A-HJ-NP-Z]",
        "[A-HJ-NP-Z]{2}[0-9]{2}(?:[0-9]{2}|[A-HJ-NP-Z]{2})",
        (7, 7),
        is_nhi,
        WEAK,
        "nhi health hospital patient",
        "HISO 10046 Consumer Health Identity Standard",
        "NHI ZZZ0016",
    ),
)
