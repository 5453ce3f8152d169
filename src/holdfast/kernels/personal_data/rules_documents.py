"""Documents and vehicles: machine-readable zones, passports, driving licences, VIN, IMEI, number plates."""

from __future__ import annotations

from holdfast.kernels.personal_data.checksums import luhn, weighted_sum
from holdfast.kernels.personal_data.identifiers import (
    FORMATTED,
    GAP,
    UNCHECKED,
    WEAK,
    Check,
    Strength,
    introduced,
    is_short_date,
    number,
    token,
    written,
)
from holdfast.kernels.personal_data.rule import Anchor, Rule

_VIN_VALUES = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", "12345678123457923456789" + "0123456789", strict=True))
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_LINE_START = r"(?<![^\n\x00]{first})"
_SECOND_LINE = "[A-Z0-9<]{9}[0-9][A-Z<]{3}[0-9]{7}[MFX<][0-9]{7}"
_THREE_LINES = (
    r"[A-Z<][A-Z<]{3}[A-Z0-9<]{9}[0-9<][A-Z0-9<]{15}\r?\n"
    r"[0-9]{7}[MFX<][0-9]{7}[A-Z<]{3}[A-Z0-9<]{11}[0-9]\r?\n[A-Z<]{30}"
)
_ICAO = "ICAO Doc 9303, parts 3 to 7"
_PASSPORT_WORDS = (
    "passport passports passeport reisepass reisepassnummer pasaporte passaporto passaporte paspoort paszport "
    "paszportu passnummer passnr pasaport паспорт паспорта διαβατηριο"
)
_REGISTRATION_WORDS = (
    "rejestracyjny rejestracyjne rejestracyjnego rejestracyjnym rejestracyjna rejestracyjnych "
    "rejestracja rej tablice tablica"
)
_POLISH_PLATE = "[BCDEFGKLNOPRSTWZ][A-Z]{1,2}[ -]?[0-9A-Z]{4,6}"  # voivodeship, county, then mostly digits
_LICENSE_WORDS = (
    "permis conduire fuhrerschein fuhrerscheinnummer patente rijbewijs rijbewijsnummer conduccion conducir "
    "conducao jazdy korkort forerkort korekort ajokortti"
)


def is_zone_check(field: str, digit: str) -> bool:
    """Check digit of a field: weights 7, 3, 1, "<" counts as 0, modulo 10."""
    return digit.replace("<", "0") == str(weighted_sum(field.replace("<", "0"), (7, 3, 1) * 30) % 10)


def is_long_second_line(line: str) -> bool:
    """Second line of a passport (44 characters) or of a TD2 document (36): number, dates, all check digits."""
    dated = is_zone_date(line[13:19]) and is_zone_date(line[21:27])
    checked = (
        is_zone_check(line[:9], line[9])
        and is_zone_check(line[13:19], line[19])
        and is_zone_check(line[21:27], line[27])
    )
    personal = len(line) == 36 or is_zone_check(line[28:42], line[42])
    return dated and checked and personal and is_zone_check(line[:10] + line[13:20] + line[21:-1], line[-1])


def is_visa_second_line(line: str) -> bool:
    """Second line of a visa: number and dates; it has no composite check digit."""
    dated = is_zone_date(line[13:19]) and is_zone_date(line[21:27])
    return (
        dated
        and is_zone_check(line[:9], line[9])
        and is_zone_check(line[13:19], line[19])
        and is_zone_check(line[21:27], line[27])
    )


def is_two_lines(text: str) -> bool:
    """Two lines of 44 or 36 characters."""
    second = text[len(text) // 2 :]
    return is_visa_second_line(second) if text[0] == "V" else is_long_second_line(second)


def is_three_lines(text: str) -> bool:
    """Three lines of 30 characters: number, dates, composite check digit."""
    first, second = text[:30], text[30:60]
    checked = (
        is_zone_check(first[5:14], first[14])
        and is_zone_check(second[:6], second[6])
        and is_zone_check(second[8:14], second[14])
    )
    composite = first[5:] + second[:7] + second[8:15] + second[18:29]
    return checked and is_zone_date(second[:6]) and is_zone_date(second[8:14]) and is_zone_check(composite, second[29])


def is_zone_date(digits: str) -> bool:
    """Year, month, day; unknown parts are "<"."""
    return "<" in digits or is_short_date(digits[:2], digits[2:4], digits[4:])


def is_checked_vin(text: str) -> bool:
    """Check digit in the ninth place modulo 11, 10 is X; kept in North America and China."""
    total = sum(int(_VIN_VALUES[character]) * weight for character, weight in zip(text, _VIN_WEIGHTS, strict=True))
    return "0123456789X"[total % 11] == text[8] and is_vin(text)


def is_vin(text: str) -> bool:
    """Letters and digits, at least five different characters."""
    return len(set(text)) >= 5 and any(c.isalpha() for c in text) and any(c.isdecimal() for c in text)


def is_grouped_vin(text: str) -> bool:
    """Seventeen characters once the separators are left out."""
    return len(text) == 17 and is_vin(text)


def is_imei(digits: str) -> bool:
    """Luhn, reporting body of 01, 10, 3x, 4x, 5x, 86, 91, 98 or 99."""
    return luhn(digits) and (digits[:2] in ("01", "10", "86", "91", "98", "99") or digits[0] in "345")


def has_letter_and_digit(text: str) -> bool:
    """Both at once."""
    return any(c.isalpha() for c in text) and any(c.isdecimal() for c in text)


def has_four_digits(text: str) -> bool:
    """At least four digits."""
    return sum(c.isdecimal() for c in text) >= 4


def _zone(name: str, first: str, rest: str, check: Check, *examples: str) -> Rule:
    start = _LINE_START.replace("{first}", first)
    pattern = f"{first}{start}{rest}(?![A-Z0-9<])"
    return written(
        "MACHINE_READABLE_ZONE",
        "",
        pattern,
        Anchor("line"),
        check,
        Strength(0.99, 0.99),
        "",
        _ICAO,
        *examples,
        name=name,
    )


def _plate(country: str, words: str, value: str, source: str, *examples: str, name: str) -> Rule:
    return introduced(
        "VEHICLE_PLATE", country, words, GAP, value, has_letter_and_digit, 0.85, source, *examples, name=name
    )


_VIN = "[A-HJ-NPR-Z0-9]"
_LOWER_VIN = "[a-hj-npr-z0-9]"

RULES: tuple[Rule, ...] = (
    _zone(
        "td3",
        "P",
        rf"[A-Z<][A-Z<]{{42}}\r?\n{_SECOND_LINE}[A-Z0-9<]{{14}}[0-9<][0-9]",
        is_two_lines,
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10",
    ),
    _zone(
        "td3_second_line",
        "[A-Z0-9]",
        _SECOND_LINE.replace("{9}", "{8}", 1) + "[A-Z0-9<]{14}[0-9<][0-9]",
        is_long_second_line,
        "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
    ),
    _zone(
        "td2",
        "[ACI]",
        rf"[A-Z<][A-Z<]{{34}}\r?\n{_SECOND_LINE}[A-Z0-9<]{{7}}[0-9]",
        is_two_lines,
        "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6",
    ),
    _zone(
        "td1",
        "[ACI]",
        _THREE_LINES,
        is_three_lines,
        "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<",
    ),
    _zone(
        "visa_a",
        "V",
        rf"[A-Z<][A-Z<]{{42}}\r?\n{_SECOND_LINE}[A-Z0-9<]{{16}}",
        is_two_lines,
        "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL8988901C4XXX4009078F96121096ZE184226B<<<<<<",
    ),
    _zone(
        "visa_b",
        "V",
        rf"[A-Z<][A-Z<]{{34}}\r?\n{_SECOND_LINE}[A-Z0-9<]{{8}}",
        is_two_lines,
        "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nL8988901C4XXX4009078F9612109<<<<<<<<",
    ),
    token(
        "PASSPORT",
        "",
        "[A-Z]",
        "[A-Z]?[0-9]{5,8}[A-Z]?",
        (6, 11),
        None,
        UNCHECKED,
        _PASSPORT_WORDS,
        "ICAO Doc 9303 part 4, document number",
        "Passport No. X1234567",
        name="lettered",
    ),
    number(
        "PASSPORT",
        "",
        "9|8",
        None,
        UNCHECKED,
        _PASSPORT_WORDS,
        "ICAO Doc 9303 part 4; 22 CFR 51 (US passports)",
        "passport number 123456789",
        name="digits",
    ),
    number(
        "RU_PASSPORT",
        "RU",
        "4 6|2 2 6",
        None,
        UNCHECKED,
        "паспорт паспорта паспортные",
        "Постановление Правительства РФ 828 от 08.07.1997",
        "паспорт 45 04 346812",
        between="[ ]",
    ),
    token(
        "VIN",
        "",
        _VIN,
        f"{_VIN}{{16}}",
        (17, 17),
        is_checked_vin,
        FORMATTED,
        "vin nadwozia chassis fahrgestellnummer vehicle telaio bastidor",
        "ISO 3779; 49 CFR 565.15",
        "1M8GDM9AXKP042788",
    ),
    token(
        "VIN",
        "",
        _VIN,
        f"{_VIN}{{16}}",
        (17, 17),
        is_vin,
        Strength(0.1, 0.85),
        "vin nadwozia chassis fahrgestellnummer fahrzeug telaio bastidor chassisnummer",
        "ISO 3779",
        "VIN WVWZZZ1JZ3W386752",
        name="european",
    ),
    token(
        "VIN",
        "",
        _LOWER_VIN,
        f"{_LOWER_VIN}{{16}}",
        (17, 17),
        is_vin,
        Strength(0.05, 0.8),
        "vin nadwozia chassis fahrgestellnummer",
        "ISO 3779",
        "vin wvwzzz1jz3w386752",
        name="lower",
    ),
    introduced(
        "VIN",
        "",
        "vin nadwozia chassis fahrgestellnummer",
        GAP,
        rf"{_VIN}{{3,4}}(?P<mark>[ -]){_VIN}{{4,6}}(?:(?P=mark){_VIN}{{1,8}}){{1,3}}",
        is_grouped_vin,
        0.85,
        "ISO 3779",
        "numer VIN: WVWZ ZZ1J Z3W3 8675 2",
        name="grouped",
    ),
    number(
        "IMEI",
        "",
        "15|2 6 6 1|8 6 1|6 2 6 1",
        is_imei,
        WEAK,
        "imei imeis handset",
        "GSMA TS.06; 3GPP TS 23.003, 6.2.1",
        "IMEI 490154203237518",
        between="[- ]",
    ),
    _plate(
        "PL",
        _REGISTRATION_WORDS,
        _POLISH_PLATE,
        "Rozporządzenie w sprawie rejestracji i oznaczania pojazdów, załącznik",
        "Numer rejestracyjny pojazdu: WX 22487A",
        name="pl",
    ),
    _plate(
        "GB",
        "registration plate plates reg vrm numberplate",
        "[A-Z]{2}[0-9]{2} ?[A-Z]{3}",
        "Road Vehicles (Display of Registration Marks) Regulations 2001",
        "registration AB12 CDE",
        name="gb",
    ),
    _plate(
        "DE",
        "kennzeichen kfz amtliches",
        "[A-Z]{1,3}[- ][A-Z]{1,2}[ -]?[0-9]{1,4}[EH]?",
        "Fahrzeug-Zulassungsverordnung, section 9",
        "Kennzeichen M-AB 1234",
        name="de",
    ),
    _plate(
        "FR",
        "immatriculation immatricule immatriculee plaque",
        "[A-HJ-NP-TV-Z]{2}[- ]?[0-9]{3}[- ]?[A-HJ-NP-TV-Z]{2}",
        "Arrêté du 9 février 2009, immatriculation des véhicules",
        "plaque AB-123-CD",
        name="fr",
    ),
    _plate(
        "IT",
        "targa targata targato",
        "[A-HJ-NPR-TV-Z]{2} ?[0-9]{3} ?[A-HJ-NPR-TV-Z]{2}",
        "D.P.R. 495/1992, appendice XII",
        "targa AB 123 CD",
        name="it",
    ),
    _plate(
        "ES",
        "matricula matriculas",
        "[0-9]{4}[ -]?[BCDFGHJ-NPR-TV-Z]{3}",
        "Orden de 15 de septiembre de 2000, anexo XVIII",
        "matrícula 1234 BCD",
        name="es",
    ),
    _plate(
        "NL",
        "kenteken kentekens",
        "[A-Z0-9]{1,3}-[A-Z0-9]{2,3}-[A-Z0-9]{1,2}",
        "RDW, sidecodes",
        "kenteken AB-123-C",
        name="nl",
    ),
    _plate(
        "US",
        "plate plates licenseplate",
        "[A-Z0-9]{2,4}[- ]?[A-Z0-9]{3,4}",
        "AAMVA License Plate Standard",
        "license plate 7ABC123",
        name="us",
    ),
    introduced(
        "DRIVER_LICENSE",
        "",
        _LICENSE_WORDS,
        GAP,
        "[A-Z0-9]{8,16}|[0-9]{2,5}[ /-][0-9]{2}[ /-][0-9]{4,8}",
        has_four_digits,
        0.7,
        "Directive 2006/126/EC, annex I, field 5",
        "Führerschein Nr. B072RRE2I55",
    ),
)
