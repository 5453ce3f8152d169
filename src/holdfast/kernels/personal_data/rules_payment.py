"""Payment cards and bank accounts: digits that pass their check, in the ranges that issuers use."""

from __future__ import annotations

import re
from collections.abc import Iterator

from holdfast.kernels.personal_data.checksums import luhn
from holdfast.kernels.personal_data.rule import Anchor, Rule

# First digits of the issuers and the lengths of their numbers (ISO/IEC 7812; the networks' published ranges).
# (lowest prefix, highest prefix, lengths)
ISSUERS: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("4", "4", (13, 16, 18, 19)),  # Visa
    ("51", "55", (16,)),  # Mastercard
    ("2221", "2720", (16,)),  # Mastercard, 2-series
    ("34", "34", (15,)),  # American Express
    ("37", "37", (15,)),
    ("300", "305", (14, 16, 17, 18, 19)),  # Diners Club
    ("3095", "3095", (14, 16, 17, 18, 19)),
    ("36", "36", (14, 15, 16, 17, 18, 19)),
    ("38", "39", (14, 16, 17, 18, 19)),
    ("6011", "6011", (16, 17, 18, 19)),  # Discover
    ("622126", "622925", (16, 17, 18, 19)),
    ("644", "649", (16, 17, 18, 19)),
    ("65", "65", (16, 17, 18, 19)),
    ("1800", "1800", (15,)),  # JCB, of old
    ("2131", "2131", (15,)),
    ("3528", "3589", (16, 17, 18, 19)),  # JCB
    ("62", "62", (14, 15, 16, 17, 18, 19)),  # UnionPay
    ("81", "81", (16, 17, 18, 19)),
    ("50", "50", (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro
    ("56", "58", (12, 13, 14, 15, 16, 17, 18, 19)),
    ("60", "61", (12, 13, 14, 15, 16, 17, 18, 19)),
    ("63", "64", (12, 13, 14, 15, 16, 17, 18, 19)),
    ("66", "69", (12, 13, 14, 15, 16, 17, 18, 19)),
    ("2200", "2204", (16, 17, 18, 19)),  # Mir
    ("9792", "9792", (16,)),  # Troy
    ("352", "358", (16,)),
)

# Length of the account number of each country (SWIFT, IBAN Registry, release 99).
IBAN_LENGTHS = {
    pair[:2]: int(pair[2:])
    for pair in (
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 "
        "EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 "
        "KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 "
        "PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 "
        "UA29 VA22 VG24 XK20 YE30"
    ).split(" ")
}


def is_card_number(text: str) -> bool:
    """Whether a number with its separators is one that an issuer can have given out."""
    digits = "".join(character for character in text if character.isdecimal())
    if len(set(digits)) < 2 or not luhn(digits):
        return False
    return any(low <= digits[: len(low)] <= high and len(digits) in lengths for low, high, lengths in ISSUERS)


def first_groups(text: str) -> Iterator[str]:
    """A number without its last group, its last two and so on: another number may follow."""
    for gap in reversed(list(_BETWEEN.finditer(text))):
        yield text[: gap.start()]


def is_iban(text: str) -> bool:
    """Whether an account number has its country's length and check digits (ISO 13616, ISO 7064 mod 97-10)."""
    compact = "".join(character for character in text if character.isalnum()).upper()
    if IBAN_LENGTHS.get(compact[:2]) != len(compact):
        return False
    return int("".join(str(int(character, 36)) for character in compact[4:] + compact[:4])) % 97 == 1


_BETWEEN = re.compile("[^0-9]+")
_NOT_INSIDE = r"(?<![A-Za-z0-9_\xfe\xff])(?<![0-9][.,:/-])"
_NOT_LONGER = r"(?![A-Za-z0-9_\xfe\xff])(?![.,:/-][0-9])"
_CARD_WORDS = (
    "card", "cards", "credit", "debit", "visa", "mastercard", "maestro", "amex", "discover", "jcb", "diners", "cc",
    "kreditkarte", "karte", "kartennummer", "carte", "bancaire", "tarjeta", "carta", "kaart", "kort", "karta",
    "karty", "cartao", "pan", "payment", "kartennr", "kreditkort", "kortnummer", "luottokortti", "platnicza",
    "platniczej",
)  # fmt: skip
_GAP = r"(?:[ -]|[ ]{0,2}\r?\n[ ]{0,4})"  # between printed groups; a line may end there


def _printed_accounts() -> str:
    """Account numbers in groups of four, country by country: a word behind one of full groups is no part of it."""
    by_length: dict[int, list[str]] = {}
    for country, length in IBAN_LENGTHS.items():
        by_length.setdefault(length, []).append(country)
    return "|".join(
        f"(?:{'|'.join(countries)})[0-9]{{2}}(?:{_GAP}[A-Z0-9]{{4}}){{{length // 4 - 1}}}"
        + (f"{_GAP}[A-Z0-9]{{{length % 4}}}" if length % 4 else "")
        for length, countries in sorted(by_length.items())
    )


# What else is numbered with as many digits.
_NUMBERED_THINGS = (
    "trace", "span", "order", "request", "seq", "offset", "nonce", "epoch", "timestamp", "tracking", "sku", "isbn",
    "ean", "upc", "barcode", "imei", "serial", "hash", "uuid", "guid", "pid", "tid", "duration", "bytes", "size",
)  # fmt: skip

RULES: tuple[Rule, ...] = (
    Rule(
        "CREDIT_CARD",
        "card",
        _NOT_INSIDE + r"[1-9][0-9]{11,18}" + _NOT_LONGER,
        Anchor("digit", first=(12, 19), total=12),
        0.6,
        "ISO/IEC 7812-1: Luhn check digit; issuers' ranges and lengths",
        context=_CARD_WORDS,
        context_score=0.99,
        validate=is_card_number,
        against=_NUMBERED_THINGS,
        examples=("4012888888881881", "6011000990139424"),
    ),
    Rule(
        "CREDIT_CARD",
        "card_in_groups",
        _NOT_INSIDE + r"[1-9][0-9]{3}([ -])(?:[0-9]{4}\1[0-9]{4}\1[0-9]{4}|[0-9]{6}\1[0-9]{4,5})" + _NOT_LONGER,
        Anchor("digit", first=(4, 4), total=14),
        0.9,
        "ISO/IEC 7812-1: Luhn check digit; as printed on cards, in fours or 4-6-5",
        context=_CARD_WORDS,
        context_score=0.99,
        validate=is_card_number,
        against=_NUMBERED_THINGS,
        examples=("4012 8888 8888 1881", "3782 822463 10005"),
    ),
    Rule(
        "CREDIT_CARD",
        "card_in_five_groups",
        _NOT_INSIDE + r"[1-9][0-9]{3}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}\1[0-9]{1,3}" + _NOT_LONGER,
        Anchor("digit", first=(4, 4), total=17),
        0.9,
        "ISO/IEC 7812-1: Luhn check digit; 17 to 19 digits in fours",
        context=_CARD_WORDS,
        context_score=0.99,
        validate=is_card_number,
        against=_NUMBERED_THINGS,
        examples=("6331 0010 1234 5678 905",),
    ),
    Rule(
        "CREDIT_CARD",
        "card_in_wide_groups",
        _NOT_INSIDE + r"[1-9][0-9]{3}(?:[ .\t-]{1,3}[0-9]{4}){0,2}(?:[ .\t-]{1,3}|[ ]{0,2}\r?\n[ ]{0,4})[0-9]{4}"
        r"(?:[ .\t-]{1,3}[0-9]{4}){0,2}" + _NOT_LONGER,
        Anchor("digit", first=(4, 4), total=4),
        0.3,
        "ISO/IEC 7812-1: Luhn check digit; groups of four held apart by other signs, or over the end of a line",
        context=_CARD_WORDS,
        context_score=0.9,
        validate=is_card_number,
        against=_NUMBERED_THINGS,
        beginnings=first_groups,
        examples=("card 4539  1488  0343  6467", "card 4539.1488.0343.6467 1225", "card 4539 1488\n0343 6467"),
    ),
    Rule(
        "CREDIT_CARD",
        "card_of_any_issuer",
        _NOT_INSIDE + r"[0-9]{12,19}" + _NOT_LONGER,
        Anchor("digit", first=(12, 19), total=12),
        0.1,
        "ISO/IEC 7812-1: Luhn check digit; an issuer we do not know, so only beside words of cards",
        context=_CARD_WORDS,
        context_score=0.9,
        validate=luhn,
        against=_NUMBERED_THINGS,
        examples=("Card no 9999990000000006",),
    ),
    Rule(
        "IBAN_CODE",
        "iban",
        r"(?<![A-Za-z0-9_\xfe\xff])[A-Za-z]{2}[0-9]{2}[A-Za-z0-9]{11,29}(?![A-Za-z0-9_\xfe\xff])",
        Anchor("token", first=(15, 33), total=15),
        0.98,
        "ISO 13616-1: length by country, check digits mod 97-10",
        validate=is_iban,
        examples=("GB82WEST12345698765432", "de89370400440532013000"),
    ),
    Rule(
        "IBAN_CODE",
        "iban_in_groups",
        rf"(?<![A-Za-z0-9_\xfe\xff])(?i:{_printed_accounts()})(?![A-Za-z0-9_\xfe\xff])",
        Anchor("token", first=(4, 4), total=4),
        0.98,
        "ISO 13616-1, printed form: groups of four",
        validate=is_iban,
        examples=("GB82 WEST 1234 5698 7654 32", "BE68 5390 0754 7034 or", "ES91 2100 0418\n4502 0005 1332"),
    ),
)
