"""Numbers that authorities of the United States and Canada give to people and businesses."""

from __future__ import annotations

from holdfast.kernels.personal_data.checksums import luhn
from holdfast.kernels.personal_data.identifiers import UNCHECKED, WEAK, Strength, alone, number, token, written
from holdfast.kernels.personal_data.rule import Anchor, Rule

_EIN_NEVER = {"00", "07", "08", "09", "17", "18", "19", "28", "29", "49", "69", "70", "78", "79", "89", "96", "97"}
_PUBLISHED_SSNS = {"078051120", "219099999", "457555462"}  # printed in advertisements
_LICENSE_WORDS = "driver drivers driving license licence licenses dl dmv permit"


def is_ssn(digits: str) -> bool:
    """Area neither 000, 666 nor 9xx, group not 00, serial not 0000, and none that an advertisement made known."""
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return (
        area not in ("000", "666")
        and area[0] != "9"
        and group != "00"
        and serial != "0000"
        and digits not in _PUBLISHED_SSNS
    )


def is_itin(digits: str) -> bool:
    """9 in front, middle digits in the ranges of the IRS."""
    middle = int(digits[3:5])
    return digits[0] == "9" and (50 <= middle <= 65 or 70 <= middle <= 88 or 90 <= middle <= 92 or 94 <= middle <= 99)


def is_ein(digits: str) -> bool:
    """A prefix that the IRS gives out."""
    return digits[:2] not in _EIN_NEVER


def is_npi(digits: str) -> bool:
    """1 or 2 in front, Luhn after the prefix 80840."""
    return digits[0] in "12" and luhn("80840" + digits)


def is_dea(text: str) -> bool:
    """Last digit: the odd places and twice the even ones."""
    digits = [int(digit) for digit in text[2:]]
    return (sum(digits[0:6:2]) + 2 * sum(digits[1:6:2])) % 10 == digits[6]


def is_sin(digits: str) -> bool:
    """No 0 or 8 in front, Luhn."""
    return digits[0] not in "08" and luhn(digits)


RULES: tuple[Rule, ...] = (
    written(
        "US_SSN",
        "US",
        alone("[0-9]", "[0-9]{2}-[0-9]{2}-[0-9]{4}"),
        Anchor("digit", (3, 3), 9),
        is_ssn,
        Strength(0.6, 0.97),
        "ssn ssns social security ss taxpayer tin",
        "SSA, POMS RM 10201.035 (randomised numbers since 2011)",
        "My social security number is 123-45-6789",
        name="formatted",
    ),
    number(
        "US_SSN",
        "US",
        "3 2 4",
        is_ssn,
        Strength(0.05, 0.87),
        "ssn ssns social ss",
        "SSA, POMS RM 10201.035",
        "SSN 123 45 6789",
        between="[ ]?",
    ),
    written(
        "US_ITIN",
        "US",
        alone("9", r"[0-9]{2}[- ]?[0-9]{2}[- ]?[0-9]{4}"),
        Anchor("digit", (3, 9), 9),
        is_itin,
        Strength(0.2, 0.93),
        "itin taxpayer tin tax irs ssn",
        "IRS, Publication 1915; Internal Revenue Manual 3.21.263",
        "ITIN 900-70-0000",
    ),
    number(
        "US_EIN",
        "US",
        "2 7",
        is_ein,
        Strength(0.1, 0.85),
        "ein fein employer tax irs",
        "IRS, Publication 1635, prefixes",
        "EIN 12-3456789",
        between="-",
    ),
    number(
        "US_NPI",
        "US",
        "10",
        is_npi,
        WEAK,
        "npi provider physician prescriber",
        "45 CFR 162.406; CMS, NPI check digit",
        "NPI 1234567893",
    ),
    written(
        "US_MBI",
        "US",
        alone(
            "[1-9]",
            "[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]-?[AC-HJKMNP-RT-Y]{2}[0-9]{2}",
        ),
        Anchor("digit", (1, 1), 1),
        None,
        Strength(0.55, 0.95),
        "mbi medicare beneficiary",
        "CMS, Medicare Beneficiary Identifier format",
        "1EG4-TE5-MK73",
    ),
    token(
        "US_DEA",
        "US",
        "[ABCDEFGHJKLMPRSTUX]",
        "[A-Z9][0-9]{7}",
        (9, 9),
        is_dea,
        Strength(0.2, 0.92),
        "dea prescriber registrant",
        "21 CFR 1301; DEA Diversion Control Division, registration numbers",
        "DEA number AB1234563",
    ),
    token(
        "US_DRIVER_LICENSE",
        "US",
        "[A-Za-z]",
        "(?:[A-Za-z]?[0-9]{4,14}[A-Za-z]?|[A-Za-z]{2}[0-9]{5,6}|[0-9][A-Za-z][0-9][A-Za-z]|[A-Za-z][0-9]{6}[A-Za-z])",
        (5, 17),
        None,
        UNCHECKED,
        _LICENSE_WORDS,
        "AAMVA DL/ID card design standard; state formats (NTSB list)",
        "My driver's license number is D1234567",
        name="lettered",
    ),
    number(
        "US_DRIVER_LICENSE",
        "US",
        "7|8|9|10|12",
        None,
        Strength(0.02, 0.55),
        "driver drivers driving dl dmv",
        "AAMVA DL/ID card design standard; state formats (NTSB list)",
        "Driver's license: 123456789",
        name="digits",
    ),
    number(
        "US_DRIVER_LICENSE",
        "US",
        "3 3 3|3 3 4|2 3 4|3 2 4|4 4 4",
        None,
        Strength(0.02, 0.55),
        "driver drivers driving dl dmv",
        "AAMVA DL/ID card design standard; state formats (NTSB list)",
        "driver's license 123 456 789",
        between="[ -]",
        name="grouped",
    ),
    number(
        "CA_SIN",
        "CA",
        "3 3 3",
        is_sin,
        WEAK,
        "sin insurance assurance",
        "Social Insurance Number Code of Practice (ESDC)",
        "My SIN is 123 456 782",
        between="[- ]?",
    ),
)
